/**
 * Base64 that comes in parts, as it stands in a JSON string or in an attribute of XML, to bytes: white space and escapes are passed over,
 * nothing is kept but what does not make three bytes yet. https://hl7.org/fhir/R4/datatypes.html#base64Binary
 */
import { FhirError } from '../error.js';

/** An escape that may go on in the next part. */
const UNFINISHED = /(?:\\(?:u[0-9a-fA-F]{0,3})?|&[#\w]{0,6})$/;
const JSON_ESCAPE = /\\(?:u00([0-9a-fA-F]{2})|([/nrt]))/g;
const XML_ESCAPE = /&#(?:x0*([0-9a-fA-F]{1,2})|0*(\d{1,3}));/g;
/** White space, by the letter of its escape. */
const BLANKS: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

const noBase64 = (): FhirError =>
  new FhirError('invalid', 'must be base64', { expression: 'Binary.data', detail: 'bad-value' });

export class Base64Stream {
  #rest = '';
  #ended = false;

  /** The bytes that are whole with this part. Throws `invalid`. */
  add(part: Buffer): Buffer {
    let text = this.#rest + part.toString('latin1');
    this.#rest = '';
    const open = UNFINISHED.exec(text.slice(-8));
    const held = open ? open[0] : '';
    if (held !== '') text = text.slice(0, -held.length);
    const plain = this.#plain(text);
    const length = plain.length - (plain.length % 4);
    this.#rest = plain.slice(length) + held;
    return this.#decode(length === plain.length ? plain : plain.slice(0, length));
  }

  /** Throws `invalid` where something is left over. */
  end(): void {
    if (this.#rest !== '') throw noBase64();
  }

  #plain(text: string): string {
    let plain = text;
    if (/[\\&]/.test(plain))
      plain = plain
        .replaceAll(JSON_ESCAPE, (_, code?: string, letter = '') =>
          code === undefined ? (BLANKS[letter] ?? letter) : String.fromCharCode(Number.parseInt(code, 16)),
        )
        .replaceAll(XML_ESCAPE, (_, hex?: string, decimal?: string) =>
          String.fromCharCode(hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)),
        );
    return /[ \t\r\n]/.test(plain) ? plain.replaceAll(/[ \t\r\n]/g, '') : plain;
  }

  #decode(quads: string): Buffer {
    if (quads === '') return Buffer.alloc(0);
    if (this.#ended) throw noBase64();
    const bytes = Buffer.from(quads, 'base64');
    const padding = quads.endsWith('==') ? 2 : quads.endsWith('=') ? 1 : 0;
    this.#ended = padding > 0;
    // What is no base64 is passed over by Node: the bytes are fewer then. Its other alphabet is not FHIR's.
    if (bytes.length !== (quads.length / 4) * 3 - padding || /[-_]/.test(quads)) throw noBase64();
    return bytes;
  }
}
