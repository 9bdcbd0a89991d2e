/**
 * Documents from the bytes that the server sends. The driver's own way to a row of ten fields makes ten times as many
 * objects; a page has a thousand rows. Only what our documents hold is understood: numbers, texts, bytes, lists, objects.
 * https://bsonspec.org/spec.html
 */
import { FhirError } from '../../fhir/error.js';

const TYPE = {
  double: 1,
  string: 2,
  object: 3,
  array: 4,
  bytes: 5,
  boolean: 8,
  null: 10,
  int32: 16,
  int64: 18,
} as const;
/** Names of a character, by their code. */
const SHORT_NAMES = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code));
const LENGTH = 4;
const SUBTYPE = 1;

/** Where the next value begins; one per document, as it moves along. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  document(): Record<string, unknown> {
    const fields: Record<string, unknown> = {};
    this.#at += LENGTH;
    for (let type = this.#next(); type !== 0; type = this.#next()) fields[this.#name()] = this.#value(type);
    return fields;
  }

  #list(): unknown[] {
    const items: unknown[] = [];
    this.#at += LENGTH;
    for (let type = this.#next(); type !== 0; type = this.#next()) {
      while (this.#next() !== 0);
      items.push(this.#value(type));
    }
    return items;
  }

  #next(): number {
    return this.#bytes[this.#at++]!;
  }

  #name(): string {
    const start = this.#at;
    while (this.#next() !== 0);
    const end = this.#at - 1;
    const short = end === start + 1 ? SHORT_NAMES[this.#bytes[start]!] : undefined;
    return short ?? this.#bytes.toString('utf8', start, end);
  }

  #value(type: number): unknown {
    const bytes = this.#bytes;
    const at = this.#at;
    switch (type) {
      case TYPE.double:
        this.#at += 8;
        return bytes.readDoubleLE(at);
      case TYPE.int32:
        this.#at += 4;
        return bytes.readInt32LE(at);
      case TYPE.int64:
        this.#at += 8;
        return Number(bytes.readBigInt64LE(at));
      case TYPE.string:
        this.#at += LENGTH + bytes.readInt32LE(at);
        return bytes.toString('utf8', at + LENGTH, this.#at - 1);
      case TYPE.bytes:
        this.#at += LENGTH + SUBTYPE + bytes.readInt32LE(at);
        return bytes.subarray(at + LENGTH + SUBTYPE, this.#at);
      case TYPE.boolean:
        return this.#next() === 1;
      case TYPE.null:
        return null;
      case TYPE.object:
        return this.document();
      case TYPE.array:
        return this.#list();
    }
    throw new FhirError('fault', `The store holds a value of a type that it never writes (${type}).`);
  }
}

/** The document; its bytes stay those of the answer. */
export const readDocument = (bytes: Buffer): Record<string, unknown> => new Reader(bytes).document();
