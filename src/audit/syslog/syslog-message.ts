/**
 * An AuditEvent as a syslog message with the audit message of DICOM in it (ITI-20): https://www.rfc-editor.org/rfc/rfc5424,
 * https://profiles.ihe.net/ITI/TF/Volume2/ITI-20.html. An event gives the same message whenever and by whatever process it is sent, so
 * that who gets it twice can tell.
 */
import { parseDateTime } from '../../fhir/datetime.js';
import { auditMessage, type EventToSend } from './audit-message.js';

/** The parts of a message, by the names of ITI-82. */
export interface SyslogMessage {
  readonly pri: string;
  readonly version: string;
  /** Of RFC 3339; `-`: none that syslog has a form for. */
  readonly timestamp: string;
  readonly hostname: string;
  readonly appname: string;
  readonly procid: string;
  readonly msgid: string;
  /** Without the byte order mark. */
  readonly msg: string;
}

/** Facility authpriv (10), severity notice (5). */
const PRI = '85';
const NONE = '-';
const BYTE_ORDER_MARK = '\ufeff';

/** What stands in the head of every message of this server. `base`: its FHIR address. */
export const syslogHead = (base: string): Omit<SyslogMessage, 'timestamp' | 'msg'> => ({
  ...{ pri: PRI, version: '1', hostname: new URL(base).hostname.slice(0, 255) },
  ...{ appname: 'chartroom', procid: NONE, msgid: 'DICOM+RFC3881' },
});

export function syslogMessage(event: EventToSend, base: string): SyslogMessage {
  const at = parseDateTime(event.recorded)?.low;
  const timestamp = at === undefined || Number.isNaN(new Date(at).getTime()) ? NONE : new Date(at).toISOString();
  return { ...syslogHead(base), timestamp, msg: auditMessage(event) };
}

/** As it goes over the wire, with its length before it: https://www.rfc-editor.org/rfc/rfc5425#section-4.3.1 */
export function syslogFrame({ pri, version, timestamp, hostname, appname, procid, msgid, msg }: SyslogMessage): Buffer {
  const head = `<${pri}>${version} ${timestamp} ${hostname} ${appname} ${procid} ${msgid} ${NONE} `;
  const text = Buffer.from(`${head}${BYTE_ORDER_MARK}${msg}`);
  return Buffer.concat([Buffer.from(`${text.length} `), text]);
}
