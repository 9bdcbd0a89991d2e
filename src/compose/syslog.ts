/** The audit trail as syslog messages: who gets it, and what hands it on. */
import { readFileSync } from 'node:fs';
import { DICOM_CODES } from '../audit/patterns.js';
import type { EventToSend } from '../audit/syslog/audit-message.js';
import { syslogFrame, syslogMessage } from '../audit/syslog/syslog-message.js';
import { type ForwarderOptions, SyslogForwarder } from '../feed/syslog-forwarder.js';
import { openSyslog, type SyslogReceiver } from '../outgoing/syslog.js';
import type { Clock } from '../platform/clock.js';
import { type Config, ConfigError } from '../platform/config.js';
import { parseSyslogAddress } from '../platform/audit-settings.js';

type SyslogConfig = Pick<Config, 'syslog' | 'syslogCa' | 'syslogCert' | 'syslogKey'>;

/** Undefined: nobody. Throws ConfigError for a file that cannot be used. */
export function readReceiver({ syslog, syslogCa, syslogCert, syslogKey }: SyslogConfig): SyslogReceiver | undefined {
  if (syslog === '') return undefined;
  if ((syslogCert === '') !== (syslogKey === ''))
    throw new ConfigError('CHARTROOM_SYSLOG_CERT and CHARTROOM_SYSLOG_KEY go together.');
  const pem = (setting: string, file: string): string => {
    let text = '';
    try {
      text = readFileSync(file, 'utf8');
    } catch {
      throw new ConfigError(`The file of ${setting}, ${file}, cannot be read.`);
    }
    if (!text.includes('-----BEGIN ')) throw new ConfigError(`The file of ${setting}, ${file}, is no PEM file.`);
    return text;
  };
  const tls = {
    ...(syslogCa === '' ? {} : { ca: pem('CHARTROOM_SYSLOG_CA', syslogCa) }),
    ...(syslogCert === '' ? {} : { cert: pem('CHARTROOM_SYSLOG_CERT', syslogCert) }),
    ...(syslogKey === '' ? {} : { key: pem('CHARTROOM_SYSLOG_KEY', syslogKey) }),
  };
  return { ...parseSyslogAddress(syslog), tls };
}

/** In the place of an event whose text somebody has damaged: the receiver is told, and those behind it are not kept back. */
const unreadable = (now: number, base: string): EventToSend => ({
  type: { system: DICOM_CODES, code: '110113', display: 'Security Alert' },
  action: 'E',
  recorded: new Date(now).toISOString(),
  outcome: '8',
  outcomeDesc: 'A stored audit event cannot be read.',
  agent: [{ who: { identifier: { value: base } }, requestor: true }],
  source: { observer: { identifier: { value: base } } },
});

/** `base`: FHIR address of this server. */
export function openForwarder(
  receiver: SyslogReceiver,
  { clock, ...ground }: Pick<ForwarderOptions, 'store' | 'follow' | 'log' | 'metrics'> & { readonly clock: Clock },
  base: string,
): SyslogForwarder {
  const frame = (text: Buffer): Buffer => {
    try {
      return syslogFrame(syslogMessage(JSON.parse(text.toString()) as EventToSend, base));
    } catch {
      ground.log.error({}, 'A stored audit event cannot be read: run chartroom verify');
      return syslogFrame(syslogMessage(unreadable(clock.now(), base), base));
    }
  };
  return new SyslogForwarder({ now: clock.now, ...ground, open: () => openSyslog(receiver), frame });
}
