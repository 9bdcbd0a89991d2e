/**
 * Where the value of `data` stands in the JSON of a Binary, told byte by byte as it comes: only a member of the object itself is meant,
 * written without escapes. https://hl7.org/fhir/R4/binary.html
 */
import type { Cutter } from './cut.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const KEY = '"data"';

export class JsonCutter implements Cutter {
  readonly ends = QUOTE;
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** What stands at depth 1 since the last comma or brace, without white space: as much as tells `data` from others. */
  #member = '';

  begins(byte: number): boolean {
    if (this.#inString) {
      this.#note(byte);
      if (this.#escaped) this.#escaped = false;
      else if (byte === BACKSLASH) this.#escaped = true;
      else if (byte === QUOTE) this.#inString = false;
      return false;
    }
    switch (byte) {
      case QUOTE:
        if (this.#depth === 1 && this.#member === `${KEY}:`) {
          this.#member = '';
          return true;
        }
        this.#inString = true;
        break;
      case 0x7b: // {
      case 0x5b: // [
        this.#depth++;
        this.#member = '';
        return false;
      case 0x7d: // }
      case 0x5d: // ]
        this.#depth--;
        return false;
      case 0x2c: // ,
        this.#member = '';
        return false;
      default:
        if (byte <= 0x20) return false;
    }
    this.#note(byte);
    return false;
  }

  #note(byte: number): void {
    if (this.#depth === 1 && this.#member.length <= KEY.length + 1) this.#member += String.fromCharCode(byte);
  }
}
