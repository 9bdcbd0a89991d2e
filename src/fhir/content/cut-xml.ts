/**
 * Where the value of `data` stands in the XML of a Binary, told byte by byte as it comes: only an element in the root is meant. Whether it is
 * well-formed tells the reader of what is left (../xml/read.ts). https://hl7.org/fhir/R4/xml.html
 */
import type { Cutter } from './cut.js';

const [LESS, GREATER, SLASH] = [0x3c, 0x3e, 0x2f];
const [DOUBLE, SINGLE] = [0x22, 0x27];
/** A tag without the values of its attributes, up to the value that is meant. */
const DATA = /^(?:[\w.-]+:)?data\s(?:[^]*\s)?value\s*=\s*$/;
/** Characters of a tag that are looked at. */
const MOST = 256;

export class XmlCutter implements Cutter {
  ends = DOUBLE;
  #depth = 0;
  /** In a tag; in a comment, a declaration or an instruction: what ends it. */
  #within: 'text' | 'tag' | '-->' | '>' | '?>' = 'text';
  /** The tag without values, or the last characters of what is passed over. */
  #seen = '';
  #quote = 0;
  #before = 0;

  begins(byte: number): boolean {
    const before = this.#before;
    this.#before = byte;
    switch (this.#within) {
      case 'text':
        if (byte === LESS) {
          this.#within = 'tag';
          this.#seen = '';
        }
        return false;
      case 'tag':
        return this.#inTag(byte, before);
      default:
        this.#seen = (this.#seen + String.fromCharCode(byte)).slice(-this.#within.length);
        if (this.#seen === this.#within) this.#within = 'text';
        return false;
    }
  }

  #inTag(byte: number, before: number): boolean {
    if (this.#quote !== 0) {
      if (byte === this.#quote) this.#quote = 0;
      return false;
    }
    if (byte === GREATER) {
      if (this.#seen.startsWith('/')) this.#depth--;
      else if (before !== SLASH) this.#depth++;
      this.#within = 'text';
      return false;
    }
    if (byte === DOUBLE || byte === SINGLE) {
      this.ends = byte;
      const found = this.#depth === 1 && this.#seen.length < MOST && DATA.test(this.#seen);
      this.#seen += ' ';
      if (!found) this.#quote = byte;
      return found;
    }
    if (this.#seen.length < MOST) this.#seen += String.fromCharCode(byte);
    this.#passOver();
    return false;
  }

  #passOver(): void {
    const end = this.#seen === '?' ? '?>' : this.#seen === '!--' ? '-->' : /^![^-]$/.test(this.#seen) ? '>' : undefined;
    if (end === undefined) return;
    this.#within = end;
    this.#seen = '';
  }
}
