/**
 * Who keeps anchors of the audit trail elsewhere (CHARTROOM_AUDIT_ANCHORS): a web server, a bucket that lets nobody take them away, a mailbox, whoever
 * collects syslog messages, and a witness. docs/audit.md
 */
import type { AnchorKeeper, MadeAnchor } from '../audit/ledger/anchors.js';
import { readWitnessKey } from '../audit/ledger/note.js';
import { WitnessLog } from '../audit/ledger/witness.js';
import { syslogFrame, syslogHead } from '../audit/syslog/syslog-message.js';
import { FhirError } from '../fhir/error.js';
import type { Outgoing } from '../outgoing/client.js';
import { isMailAddress, type Mail } from '../outgoing/mail.js';
import type { OutgoingClients } from '../outgoing/outgoing.js';
import { openSyslog, type SyslogReceiver } from '../outgoing/syslog.js';
import { type AnchorAddress, parseAnchorAddresses } from '../platform/audit-settings.js';
import { type Config, ConfigError } from '../platform/config.js';

/** Whoever keeps anchors may be beside us: the address stands in a setting. */
const INSIDE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'];
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

export interface KeepersGround {
  readonly outgoing: OutgoingClients;
  readonly mail: Mail | undefined;
  readonly syslog: SyslogReceiver | undefined;
  /** The FHIR base. */
  readonly base: string;
  /** Opens a bucket in which what was put cannot be taken away. Throws `unavailable` where its package is not installed. */
  readonly openBucket: (address: { readonly bucket: string; readonly prefix: string }) => Promise<AnchorBucket>;
}

interface AnchorBucket {
  put(name: string, bytes: Buffer): Promise<void>;
  /** Breaks off what is under way. */
  close(): void;
}

/** One for each address. Throws ConfigError where one cannot be asked, and `unavailable` where its package is not installed. */
export async function openAnchorKeepers(
  config: Pick<Config, 'auditAnchors'>,
  ground: KeepersGround,
): Promise<readonly AnchorKeeper[]> {
  const keepers: AnchorKeeper[] = [];
  for (const address of parseAnchorAddresses(config.auditAnchors)) keepers.push(await openKeeper(address, ground));
  return keepers;
}

async function openKeeper(
  address: AnchorAddress,
  { outgoing, mail, syslog, base, openBucket }: KeepersGround,
): Promise<AnchorKeeper> {
  switch (address.way) {
    case 'url':
      return urlKeeper(address.url, outgoing);
    case 'bucket':
      return bucketKeeper(await openBucket(address));
    case 'mail':
      if (!isMailAddress(address.to))
        throw new ConfigError('CHARTROOM_AUDIT_ANCHORS: mailto: names one address, as in mailto:privacy@example.org.');
      if (!mail) throw new ConfigError('CHARTROOM_AUDIT_ANCHORS has mailto:, which needs CHARTROOM_MAIL.');
      return mailKeeper(mail, address.to, base);
    case 'syslog':
      if (!syslog) throw new ConfigError('CHARTROOM_AUDIT_ANCHORS has syslog:, which needs CHARTROOM_SYSLOG.');
      return syslogKeeper(syslog, base);
    case 'witness':
      return witnessKeeper(address, outgoing);
  }
}

function urlKeeper(url: string, outgoing: OutgoingClients): AnchorKeeper {
  const client = clientOf(url, 'audit-anchors', outgoing);
  return {
    ...{ way: 'url', every: 0 },
    async keep({ line }, { ending: signal }) {
      const headers = { 'content-type': 'application/json' };
      const { status } = await client.ask(url, { method: 'POST', headers, body: line, signal });
      if (status < 200 || status > 299)
        throw new FhirError('unavailable', `The keeper of anchors answers ${status}.`, { detail: `status-${status}` });
    },
  };
}

function clientOf(url: string, name: string, outgoing: OutgoingClients): Outgoing {
  const { host, protocol } = new URL(url);
  try {
    const hosts = [protocol === 'http:' ? `http://${host}` : host];
    return outgoing.open(name, { hosts, networks: INSIDE, redirects: 0 });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : '';
    throw new ConfigError(`CHARTROOM_AUDIT_ANCHORS cannot be asked: ${why}`, { cause });
  }
}

/** It signs what it is shown, so that one an hour is enough: whoever verifies needs nothing but its signature. */
function witnessKeeper(
  { url, key: text }: Extract<AnchorAddress, { way: 'witness' }>,
  outgoing: OutgoingClients,
): AnchorKeeper {
  const key = readWitnessKey(text);
  if (!key)
    throw new ConfigError('CHARTROOM_AUDIT_ANCHORS: the key of a witness looks like name+1a2b3c4d+BAbc…, behind a #.');
  const client = clientOf(url, 'audit-witness', outgoing);
  const at = `${url.replace(/\/$/, '')}/add-checkpoint`;
  let ending: AbortSignal | undefined;
  const log = new WitnessLog({
    key,
    async add(given) {
      const headers = { 'content-type': 'text/plain; charset=utf-8' };
      const asked = { method: 'POST', headers, body: given, ...(ending ? { signal: ending } : {}) } as const;
      const { status, headers: said, body } = await client.ask(at, asked);
      return { status, contentType: said['content-type'] ?? '', text: body.toString() };
    },
  });
  return {
    ...{ way: 'witness', every: HOUR },
    keep(anchor, ground) {
      ending = ground.ending;
      return log.show(anchor, ground);
    },
  };
}

const bucketKeeper = (bucket: AnchorBucket): AnchorKeeper => ({
  ...{ way: 'bucket', every: 0 },
  keep: ({ line, time }, { ending }) =>
    // A name of its time: whoever lists them has them in order, and one that is sent again is the same.
    until(ending, () => bucket.close(), bucket.put(`${time.replaceAll(':', '-')}.json`, Buffer.from(`${line}\n`))),
});

/** One a day: whoever gets one each minute reads none. */
const mailKeeper = (mail: Mail, to: string, base: string): AnchorKeeper => ({
  ...{ way: 'mail', every: DAY },
  async keep(anchor) {
    const id = `anchor-${anchor.time.replaceAll(/\D/g, '')}`;
    await mail.send({ to, id, subject: `Anchor of the audit trail, ${anchor.time}`, text: letterOf(anchor, base) });
  },
});

const letterOf = (
  { note, line, time }: MadeAnchor,
  base: string,
): string => `This is an anchor of the audit trail of ${base}, made at ${time}.
Keep this mail: with it anybody can show whether what was recorded before that time was altered, left out or put in.

The note:

${note}
The same with what it is over, as one line. Save it as a file, and give that to
chartroom audit verify --anchor FILE, or to verify-audit.mjs:

${line}
`;

/** Facility and severity as those of the events have; a message id of its own. */
const syslogKeeper = (receiver: SyslogReceiver, base: string): AnchorKeeper => ({
  ...{ way: 'syslog', every: 0 },
  async keep({ line, time }, { ending }) {
    const connection = await openSyslog(receiver);
    const frame = syslogFrame({ ...syslogHead(base), msgid: 'AUDIT-ANCHOR', timestamp: time, msg: line });
    const send = async (): Promise<void> => {
      await connection.send(frame);
      await connection.finish();
    };
    try {
      await until(ending, () => connection.destroy(), send());
    } finally {
      connection.destroy();
    }
  },
});

/** Ends work when the server ends. */
async function until(ending: AbortSignal, end: () => void, work: Promise<void>): Promise<void> {
  ending.addEventListener('abort', end);
  if (ending.aborted) end();
  try {
    await work;
  } finally {
    ending.removeEventListener('abort', end);
  }
}
