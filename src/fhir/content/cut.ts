/**
 * The body of a Binary as it comes, taken apart: its bytes (the value of `data`) are given as they are decoded, what stands around them is
 * kept, with a mark in their place. So a document may be of any size. https://hl7.org/fhir/R4/binary.html
 */
import { FhirError } from '../error.js';
import { Base64Stream } from './base64-stream.js';
import { JsonCutter } from './cut-json.js';
import { XmlCutter } from './cut-xml.js';

/** Finds one value in a text. */
export interface Cutter {
  /** Whether the value begins behind this byte; asked for each byte that is not in it. */
  begins(byte: number): boolean;
  /** The byte that ends the value. */
  readonly ends: number;
}

/** What stands in the place of the bytes, so that the rest can be read as a resource. */
const CUT = 'AAAA';

const tooMuchAround = (most: number): FhirError =>
  new FhirError('too-large', `A Binary has ${most} bytes at most beside its data.`, { expression: 'Binary' });

export class BinaryCut {
  readonly #cutter: Cutter;
  readonly #most: number;
  readonly #base64 = new Base64Stream();
  readonly #around: Buffer[] = [];
  #size = 0;
  #state: 'before' | 'within' | 'behind' = 'before';

  /** `most`: bytes that may stand around the value. */
  constructor(format: 'json' | 'xml', most: number) {
    this.#cutter = format === 'json' ? new JsonCutter() : new XmlCutter();
    this.#most = most;
  }

  /** The bytes of the value that are whole with this part of the body. Throws `invalid`, `too-large`. */
  take(part: Buffer): Buffer | undefined {
    let at = 0;
    if (this.#state === 'before') {
      while (at < part.length && !this.#cutter.begins(part[at]!)) at++;
      if (at === part.length) return this.#keep(part);
      at++;
      this.#keep(part.subarray(0, at));
      this.#state = 'within';
    }
    if (this.#state === 'behind') return this.#keep(part);
    const end = part.indexOf(this.#cutter.ends, at);
    const bytes = this.#base64.add(end < 0 ? part.subarray(at) : part.subarray(at, end));
    if (end < 0) return bytes;
    this.#base64.end();
    this.#state = 'behind';
    this.#keep(Buffer.from(CUT));
    this.#keep(part.subarray(end));
    return bytes;
  }

  #keep(part: Buffer): undefined {
    this.#size += part.length;
    if (this.#size > this.#most) throw tooMuchAround(this.#most);
    // A copy: what is left of a part would keep all of it in memory.
    this.#around.push(Buffer.from(part));
  }

  /** Throws `invalid` where the body ended in the middle of the value. */
  end(): void {
    if (this.#state === 'within') throw new FhirError('invalid', 'The body ended before it was whole.');
  }

  /** The body without its bytes; `cut`: they were found. */
  rest(): { readonly body: Buffer; readonly cut: boolean } {
    return { body: Buffer.concat(this.#around), cut: this.#state === 'behind' };
  }
}
