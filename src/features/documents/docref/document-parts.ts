/**
 * A document that is being made, as parts of its bytes: they are never one piece that others would have to wait for, and bounded. They go into the
 * store as they are, as the bytes of a Binary that is committed with its DocumentReference.
 */
import { FhirError } from '../../../fhir/error.js';

/** Bytes of a document. */
const MOST_DOCUMENT_BYTES = 48 * 1024 * 1024;

/** Bytes that stand in one part as a rule. */
const PART_BYTES = 64 * 1024;

/** Throws `too-costly` for a document of so many bytes. */
export function refuseLarge(bytes: number): void {
  if (bytes > MOST_DOCUMENT_BYTES)
    throw new FhirError(
      'too-costly',
      `A document has ${MOST_DOCUMENT_BYTES >> 20} MB at most: ask for a shorter time, with start and end.`,
      { detail: 'record-too-large' },
    );
}

export class DocumentParts {
  readonly #parts: Buffer[] = [];
  #texts: string[] = [];
  #length = 0;
  #bytes = 0;

  /** Throws `too-costly` where the document gets too large. */
  add(part: string | Buffer): void {
    this.#length += part.length;
    if (typeof part === 'string') this.#texts.push(part);
    if (typeof part !== 'string' || this.#length >= PART_BYTES) this.#flush();
    if (typeof part !== 'string') this.#put(part);
  }

  end(): readonly Buffer[] {
    this.#flush();
    return this.#parts;
  }

  #flush(): void {
    if (this.#texts.length > 0) this.#put(Buffer.from(this.#texts.join('')));
    this.#texts = [];
    this.#length = 0;
  }

  #put(part: Buffer): void {
    this.#bytes += part.length;
    refuseLarge(this.#bytes);
    this.#parts.push(part);
  }
}

/**
 * Bytes that were made here, by an address that exists only until their document is stored: nobody sees it. It stands for them in the
 * attachment while that is written.
 */
export type MadeBytes = Map<string, readonly Buffer[]>;
