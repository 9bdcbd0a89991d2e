/** Events that others have sent, against the deeds of their creation, which say the hash of what was stored. */
import { createHash } from 'node:crypto';
import { type AuditRecord, STORED_HASH } from '../event.js';
import type { BeforeCheck, ReceivedHead } from './before-check.js';
import type { TrailFindings } from './finding.js';

const EVENT_TYPE = 'AuditEvent';
/** ms: what is that young may have come while the trail was read. Clocks of processes on one database may differ as much. */
const LATE = 60_000;

/** An event that others have sent, and the hash of what was stored of it: SHA-256, in hex. */
export interface ReceivedEvent {
  readonly id: string;
  readonly hash: string;
}

/** What a deed says was received; undefined: nothing. */
export function receivedOf({ data, details, hash: stored, outcome, pattern }: AuditRecord): ReceivedEvent | undefined {
  if (data?.type !== EVENT_TYPE || outcome !== '0' || pattern !== 'create') return undefined;
  const hash = stored ?? details?.find(({ type }) => type === STORED_HASH)?.value;
  return hash === undefined ? undefined : { id: data.id, hash };
}

export class ReceivedCheck {
  readonly #findings: TrailFindings;
  readonly #before: BeforeCheck;
  /** Undefined: it was there. */
  readonly #sealed = new Map<string, Buffer | undefined>();
  /** Of which no deed tells, and which are younger than what was there before the ledger. */
  readonly #unsealed: { readonly id: string; readonly line: number; readonly at: number | undefined }[] = [];

  constructor(findings: TrailFindings, before: BeforeCheck) {
    this.#findings = findings;
    this.#before = before;
  }

  /** A deed that was sealed. */
  deed(record: AuditRecord): void {
    const event = receivedOf(record);
    if (event) this.tell([event]);
  }

  /** The ledger says it, itself or again. */
  tell(events: readonly ReceivedEvent[]): void {
    for (const { id, hash } of events) if (!this.#sealed.has(id)) this.#sealed.set(id, Buffer.from(hash, 'hex'));
  }

  /** The text of an event that is a resource. */
  received(text: string, line: number): void {
    const head = readReceivedEvent(text);
    const { id } = head;
    if (id === undefined) this.#findings.add('malformed', { line }, 'This is no event.');
    // One that came before what is older was sealed is vouched for twice.
    const isOlder = this.#before.received(head, text);
    if (id === undefined) return;
    const sealed = this.#sealed.get(id);
    if (sealed) this.#sealed.set(id, undefined);
    else if (this.#sealed.has(id))
      this.#findings.add('inserted', { id, line }, 'This event stands here a second time.');
    else if (!isOlder) this.#unsealed.push({ id, line, at: head.at });
    if (sealed && !createHash('sha256').update(text).digest().equals(sealed))
      this.#findings.add('altered', { id, line }, 'This event says something else than what was received.');
  }

  /** `isWhole`: the export is of the whole trail; `until`: the newest time of which it tells, in ms since 1970. */
  end(isWhole: boolean, until: number): void {
    if (!isWhole) return;
    for (const [id, sealed] of this.#sealed)
      if (sealed) this.#findings.add('missing', { id }, 'An event that was received is not here.');
    // One that came while the export was written has its deed behind the end of it.
    const isKnown = (at: number | undefined): boolean =>
      this.#before.isTold && !(at !== undefined && at > until - LATE);
    for (const { id, line } of this.#unsealed.filter(({ at }) => isKnown(at)))
      this.#findings.add('inserted', { id, line }, 'No deed says that this event was received.');
    const others = this.#unsealed.filter(({ at }) => !isKnown(at)).length;
    if (others > 0)
      this.#findings.warn(
        'not-anchored',
        { id: 'received' },
        `No deed says what was stored of ${others} events that others have sent.`,
      );
  }
}

/** Whatever the text is. */
export function readReceivedEvent(text: string): ReceivedHead {
  try {
    const { id, meta } = JSON.parse(text) as { id?: unknown; meta?: { lastUpdated?: string } };
    const at = Date.parse(meta?.lastUpdated ?? '');
    return { id: typeof id === 'string' ? id : undefined, at: Number.isNaN(at) ? undefined : at };
  } catch {
    return { id: undefined, at: undefined };
  }
}
