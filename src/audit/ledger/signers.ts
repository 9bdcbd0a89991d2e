/**
 * Which keys sign for the ledger. Whoever verifies says whom they trust; without that the keys of the export are taken, which shows no
 * more than that it agrees with itself. A key that a trusted one has signed as its successor is trusted, too.
 */
import type { LedgerEntry } from './entry.js';
import type { FindingPlace, TrailFindings } from './finding.js';
import { type Checkpoint, keyText, type NoteKey, openCheckpoint, readKeyText } from './note.js';
import { isRotationSigned } from './rotation.js';

export interface OpenedNote {
  readonly checkpoint: Checkpoint;
  /** Text of a key. */
  readonly signedBy: string;
}

/** More keys than a ledger ever has: a file may name any number. */
const MOST_SIGNERS = 1000;

export class Signers {
  readonly #findings: TrailFindings;
  readonly #known = new Map<string, NoteKey>();
  readonly #trusted: Set<string>;
  readonly #takesListed: boolean;
  readonly #successors: (readonly [from: string, to: string])[] = [];
  readonly #used = new Map<string, { readonly place: FindingPlace; count: number }>();

  /** `trusted`: texts of keys; none: those that the export lists. */
  constructor(findings: TrailFindings, trusted: readonly string[]) {
    this.#findings = findings;
    this.#trusted = new Set(trusted);
    this.#takesListed = trusted.length === 0;
    for (const key of trusted) this.learn(key);
  }

  /** A key that the export lists. */
  list(key: string, line: number): void {
    if (!this.learn(key)) this.#findings.add('malformed', { line }, 'This is no key of a ledger.');
    else if (this.#takesListed) this.#trusted.add(key);
  }

  /** A key that something names. False: it is none. */
  learn(key: string): boolean {
    if (this.#known.has(key)) return true;
    const read = readKeyText(key);
    if (!read || keyText(read) !== key || this.#known.size >= MOST_SIGNERS) return false;
    this.#known.set(key, read);
    return true;
  }

  /** Another key follows. */
  follow(rotation: Extract<LedgerEntry, { what: 'key' }>, place: FindingPlace): void {
    if (!this.learn(rotation.to) || !isRotationSigned(rotation))
      this.#findings.add('bad-signature', place, 'The change to another key is not signed by both.');
    else this.#successors.push([rotation.from, rotation.to]);
  }

  /** Undefined, and told: it is no note, or nobody known has signed it. `placeOf`: of what the note says. */
  open(note: string, placeOf: (checkpoint?: Checkpoint) => FindingPlace): OpenedNote | undefined {
    let opened: ReturnType<typeof openCheckpoint>;
    try {
      opened = openCheckpoint(note, [...this.#known.values()]);
    } catch {
      this.#findings.add('malformed', placeOf(), 'This is no checkpoint.');
      return undefined;
    }
    const { checkpoint, signedBy } = opened;
    const place = placeOf(checkpoint);
    if (!signedBy || !checkpoint.origin.startsWith(`${signedBy.name}/`)) {
      this.#findings.add('bad-signature', place, 'No key of this ledger has signed this checkpoint.');
      return undefined;
    }
    const key = keyText(signedBy);
    this.use(key, place);
    return { checkpoint, signedBy: key };
  }

  /** Something relies on this key. */
  use(key: string, place: FindingPlace): void {
    const used = this.#used.get(key);
    if (used) used.count += 1;
    else if (this.#used.size < MOST_SIGNERS) this.#used.set(key, { place, count: 1 });
  }

  /** Whether a key is one of these, or has followed one of them. */
  follows(keys: ReadonlySet<string>, key: string): boolean {
    return this.#withSuccessors(keys).has(nameless(key));
  }

  /** When everything is read: who is not trusted? */
  end(): void {
    const trusted = this.#withSuccessors(this.#trusted);
    for (const [key, { place, count }] of this.#used)
      if (!trusted.has(nameless(key)))
        this.#findings.add(
          'unknown-key',
          place,
          `A key that is not trusted is used here${count > 1 ? ` and ${count - 1} times more` : ''}: ${key}`,
        );
  }

  /** Without their names. */
  #withSuccessors(keys: ReadonlySet<string>): ReadonlySet<string> {
    const all = new Set([...keys].map(nameless));
    for (let before = -1; before !== all.size; ) {
      before = all.size;
      for (const [from, to] of this.#successors) if (all.has(nameless(from))) all.add(nameless(to));
    }
    return all;
  }
}

/** A server that gets another address keeps its key, under another name. */
const nameless = (key: string): string => key.split('+').slice(2).join('+');
