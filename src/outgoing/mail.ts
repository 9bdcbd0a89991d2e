/**
 * Mail that leaves the house: to one relay, over TLS alone (implicit, or STARTTLS that is required). Sent is plain text; what the relay answered is the proof that it
 * took it. A library does it (nodemailer, which has no dependencies): https://www.rfc-editor.org/rfc/rfc5321, https://www.rfc-editor.org/rfc/rfc3207
 */
import { createTransport } from 'nodemailer';
import { FhirError } from '../fhir/error.js';
import { ConfigError } from '../platform/config.js';
import { fromNode, outgoingError } from './trouble.js';

export interface MailRelay {
  /** `smtps://user:password@relay.example.org:465`, or `smtp://…:587` for STARTTLS. */
  readonly url: string;
  /** Whom it comes from, as in `records@hospital.example.org`. */
  readonly from: string;
  /** Who vouches for the relay, in PEM; undefined: those whom Node trusts. */
  readonly ca?: string | undefined;
}

export interface MailLetter {
  /** One address. */
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  /** The same for each attempt, by which mailboxes know a second one. */
  readonly id: string;
}

export interface Mail {
  /**
   * What the relay answered. Throws FhirError: `outgoing-…` where another attempt may do, and `unprocessable` (`mail-refused`) where the relay does not take
   * it at all. Neither says anything of the letter.
   */
  send(letter: MailLetter): Promise<string>;
}

/** ms: until it stands, until the relay greets, while nothing moves. */
const PATIENCE = { connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 30_000 };
const ADDRESS = /^[^\s@<>()[\]\\,;:"]{1,64}@[a-z0-9](?:[a-z0-9.-]{0,250}[a-z0-9])?$/i;

/** Whether it is one address, as in `ada@example.org`, and nothing that a header could be made of, nor that a relay must know SMTPUTF8 for. */
export const isMailAddress = (text: string): boolean =>
  text.length <= 254 && /^[\x21-\x7e]+$/.test(text) && ADDRESS.test(text);

/** Throws an Error that says what is wrong with the relay. */
export function openMail({ url, from, ca }: MailRelay): Mail {
  const address = URL.canParse(url) ? new URL(url) : undefined;
  const isImplicit = address?.protocol === 'smtps:';
  if (!address || (!isImplicit && address.protocol !== 'smtp:') || address.hostname === '')
    throw new ConfigError('CHARTROOM_MAIL is smtps://host:465 or smtp://host:587.');
  if (!isMailAddress(from))
    throw new ConfigError('CHARTROOM_MAIL_FROM is one address, as in records@hospital.example.org.');
  const [user, pass] = [decodeURIComponent(address.username), decodeURIComponent(address.password)];
  const host = address.hostname.replace(/^\[(.*)\]$/, '$1');
  const transport = createTransport({
    ...{ host, port: Number(address.port || (isImplicit ? 465 : 587)), secure: isImplicit, requireTLS: true },
    ...(user === '' ? {} : { auth: { user, pass } }),
    tls: { minVersion: 'TLSv1.2', ...(ca === undefined ? {} : { ca }) },
    ...PATIENCE,
    ...{ disableFileAccess: true, disableUrlAccess: true },
  });
  const domain = from.slice(from.indexOf('@') + 1);
  return {
    async send({ to, subject, text, id }) {
      const headers = { 'Auto-Submitted': 'auto-generated' };
      try {
        const { response } = await transport.sendMail({
          from,
          to,
          subject,
          text,
          headers,
          messageId: `<${id}@${domain}>`,
        });
        return response;
      } catch (error) {
        throw troubleOfMail(error);
      }
    },
  };
}

/** The relay wants to know first who sends: https://www.rfc-editor.org/rfc/rfc4954#section-6 */
const OF_THE_SENDER: ReadonlySet<unknown> = new Set([530, 534, 535, 538]);

/** Only codes go on: the rest may hold addresses. https://www.rfc-editor.org/rfc/rfc5321#section-4.2.1 */
function troubleOfMail(error: unknown): FhirError {
  const { code, responseCode, command } = (error ?? {}) as Readonly<Record<string, unknown>>;
  if (code === 'ETLS') return outgoingError('outgoing-untrusted', 'no TLS');
  // Of this mail are the answers to its recipient and its text alone: what else the relay refuses is this server, and may be mended there.
  const isOfMail = (command === 'RCPT TO' || command === 'DATA') && !OF_THE_SENDER.has(responseCode);
  if (isOfMail && typeof responseCode === 'number' && responseCode >= 500)
    return new FhirError('unprocessable', `The relay does not take this mail (${responseCode}).`, {
      detail: 'mail-refused',
    });
  if (typeof responseCode === 'number') return outgoingError('outgoing-broken', `relay ${responseCode}`);
  const cause = (error as { readonly cause?: unknown } | undefined)?.cause;
  return fromNode(cause ?? error);
}
