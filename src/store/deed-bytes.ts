/**
 * Numbers and texts as the bytes of a deed. Numbers are whole, from 0 to 2 ** 53, seven bits a byte; a UUID takes 17 bytes, any other text
 * its UTF-8 with its length, and one that is no well-formed Unicode its JSON.
 */
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** Times of deeds count from there: FHIR has none before, and clocks of tests may be set to any that it has. */
export const YEAR_ONE = Date.parse('0001-01-01T00:00:00Z');
const DIGEST_BYTES = 32;
const LONE_SURROGATE = /\p{Surrogate}/u;
/** In the place of a length: they are odd, lengths are doubled. */
const AS_UUID = 1;
const AS_JSON = 3;

export class DeedWriter {
  #bytes = Buffer.allocUnsafe(4096);
  #at = 0;

  /** Leaves out what an attempt has written that came to nothing. */
  begin(): this {
    this.#at = 0;
    return this;
  }

  /** Throws RangeError for what is no such number. */
  number(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError('This number is none that a deed can have.');
    this.#reserve(8);
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) this.#bytes[this.#at++] = (rest % 128) | 128;
    this.#bytes[this.#at++] = rest;
    return this;
  }

  text(value: string): this {
    if (value.length === 36 && UUID.test(value)) {
      this.number(AS_UUID).#reserve(16);
      this.#at += this.#bytes.write(value.replaceAll('-', ''), this.#at, 'hex');
      return this;
    }
    if (!LONE_SURROGATE.test(value)) return this.#utf8(value, length => length * 2);
    this.number(AS_JSON);
    return this.#utf8(JSON.stringify(value), length => length);
  }

  /** A SHA-256 in hex, as its 32 bytes. */
  digest(hex: string): this {
    this.#reserve(DIGEST_BYTES);
    this.#at += this.#bytes.write(hex, this.#at, DIGEST_BYTES, 'hex');
    return this;
  }

  #utf8(value: string, lengthAs: (length: number) => number): this {
    const length = Buffer.byteLength(value);
    this.number(lengthAs(length)).#reserve(length);
    this.#at += this.#bytes.write(value, this.#at);
    return this;
  }

  /** What was written since the beginning. */
  taken(): Uint8Array {
    return new Uint8Array(this.#bytes.subarray(0, this.#at));
  }

  #reserve(length: number): void {
    if (this.#at + length <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(2 * (this.#at + length));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}

/** Throws RangeError where the bytes end too early, or say something that was never written. */
export class DeedReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  number(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined || factor > 2 ** 49)
        throw new RangeError('A deed has no number where there should be one.');
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  }

  text(): string {
    const head = this.number();
    if (head === AS_UUID) {
      const hex = this.#textOf(16, 'hex');
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
    }
    if (head === AS_JSON) return this.#json(this.#textOf(this.number(), 'utf8')) as string;
    if (head % 2 !== 0) throw new RangeError('A deed has no text where there should be one.');
    return this.#textOf(head / 2, 'utf8');
  }

  digest(): string {
    return this.#textOf(DIGEST_BYTES, 'hex');
  }

  /** A value that was written as the text of its JSON. */
  json(): unknown {
    return this.#json(this.text());
  }

  #json(text: string): unknown {
    try {
      return JSON.parse(text) as unknown;
    } catch (cause) {
      throw new RangeError('A deed has a value that cannot be read.', { cause });
    }
  }

  #textOf(length: number, encoding: 'utf8' | 'hex'): string {
    const from = this.#at;
    const end = from + length;
    if (end > this.#bytes.length) throw new RangeError('A deed ends within a text.');
    this.#at = end;
    return this.#bytes.toString(encoding, from, end);
  }
}
