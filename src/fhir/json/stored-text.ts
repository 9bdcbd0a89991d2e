/**
 * Parses the text of a stored resource. `JSON.parse` would hold the event loop for a second over a code system of a hundred
 * megabytes, so a long text is parsed in parts: containers that are too long by their items or members, many short ones at once.
 *
 * It is for what the server has written itself: the depth was limited on its way in, and nothing is checked again.
 */
import { inPieces, type Pieces } from '../../platform/pieces.js';
import type { Json, JsonObject, Resource } from '../resource.js';
import { endOfString } from './bundle-text.js';

/** Bytes that are parsed at once. */
const PART = 128 * 1024;

/** Throws SyntaxError as `JSON.parse` does. */
export const readStoredText = async (text: Buffer): Promise<Resource> =>
  (text.length > PART ? await inPieces(parsingInParts(text)) : JSON.parse(text.toString())) as Resource;

/** What `JSON.parse` gives, with turns for others after some `part` bytes. */
export function* parsingInParts(text: Buffer, part = PART): Pieces<Json> {
  const from = skipBlanks(text, 0);
  const isLong = endOfValue(text, from, from + part) === undefined;
  if (!isLong) return JSON.parse(text.toString()) as Json;
  const container = new LongContainer(text, from);
  yield* reading(container, part);
  if (skipBlanks(text, container.at) < text.length) throw new SyntaxError('There is something behind the JSON text.');
  return container.value();
}

function* reading(container: LongContainer, part: number): Pieces<void> {
  while (container.findsNext()) {
    if (container.takeShort(part)) {
      if (container.waiting < part) continue;
      container.parseWaiting();
    } else {
      const inner = container.openLong();
      yield* reading(inner, part);
      container.close(inner);
    }
    yield;
  }
}

/** An array or object of which the items, or members, are read one after the other. */
class LongContainer {
  readonly #text: Buffer;
  readonly #isObject: boolean;
  readonly #items: Json[] = [];
  readonly #members: JsonObject = {};
  /** The offset behind what was read. */
  at: number;
  /** Where the next item or member begins, and where its value does. */
  #begin = 0;
  #valueFrom = 0;
  /** Offsets of those that were found and are to be parsed together; -1: none. */
  #from = -1;
  #to = -1;

  constructor(text: Buffer, from: number) {
    this.#text = text;
    this.#isObject = text[from] === OBJECT;
    this.at = from + 1;
  }

  /** Finds where the next one begins. False: there is none, and `at` is behind the container. */
  findsNext(): boolean {
    const text = this.#text;
    let at = skipBlanks(text, this.at);
    if (text[at] === COMMA) at = skipBlanks(text, at + 1);
    if (at >= text.length) throw new SyntaxError('The JSON text breaks off.');
    if (text[at] === END_OF_OBJECT || text[at] === END_OF_ARRAY) {
      if ((text[at] === END_OF_OBJECT) !== this.#isObject)
        throw new SyntaxError('Brackets of the JSON text do not match.');
      this.parseWaiting();
      this.at = at + 1;
      return false;
    }
    this.#begin = at;
    const colon = this.#isObject ? skipBlanks(text, endOfString(text, at) + 1) : at - 1;
    this.#valueFrom = skipBlanks(text, colon + 1);
    return true;
  }

  /** False, where it is a container of more than `part` bytes. */
  takeShort(part: number): boolean {
    const end = endOfValue(this.#text, this.#valueFrom, this.#valueFrom + part);
    if (end === undefined) return false;
    if (this.#from < 0) this.#from = this.#begin;
    this.#to = end;
    this.at = end;
    return true;
  }

  /** Bytes that are to be parsed together. */
  get waiting(): number {
    return this.#from < 0 ? 0 : this.#to - this.#from;
  }

  parseWaiting(): void {
    if (this.#from < 0) return;
    const found = this.#text.toString('utf8', this.#from, this.#to);
    this.#from = -1;
    if (!this.#isObject) for (const item of JSON.parse(`[${found}]`) as Json[]) this.#items.push(item);
    else for (const [name, value] of Object.entries(JSON.parse(`{${found}}`) as JsonObject)) this.#define(name, value);
  }

  openLong(): LongContainer {
    this.parseWaiting();
    return new LongContainer(this.#text, this.#valueFrom);
  }

  close(inner: LongContainer): void {
    this.at = inner.at;
    if (!this.#isObject) this.#items.push(inner.value());
    else {
      const end = endOfString(this.#text, this.#begin) + 1;
      this.#define(JSON.parse(this.#text.toString('utf8', this.#begin, end)) as string, inner.value());
    }
  }

  value(): Json {
    return this.#isObject ? this.#members : this.#items;
  }

  /** `__proto__` is a name like any other. */
  #define(name: string, value: Json): void {
    Object.defineProperty(this.#members, name, { value, enumerable: true, writable: true, configurable: true });
  }
}

const [COMMA, OBJECT, END_OF_OBJECT, END_OF_ARRAY] = [44, 123, 125, 93];

function skipBlanks(text: Buffer, from: number): number {
  let at = from;
  while (text[at]! <= 32) at++;
  return at;
}

/** The offset behind the value. Undefined: it is a container that goes on behind `limit`. */
function endOfValue(text: Buffer, from: number, limit: number): number | undefined {
  let depth = 0;
  for (let at = from; at < text.length; ) {
    // The cases are literals because V8 jumps to them; imported names it loads and compares one by one.
    switch (text[at]) {
      case 34: // "
        at = endOfString(text, at) + 1;
        if (depth === 0) return at;
        break;
      case 91: // [
      case 123: // {
        depth++;
        at++;
        break;
      case 93: // ]
      case 125: // }
        if (depth <= 1) return depth === 0 ? at : at + 1;
        depth--;
        at++;
        break;
      case 44: // ,
        if (depth === 0) return at;
        at++;
        break;
      default:
        at++;
    }
    if (at > limit && depth > 0) return undefined;
  }
  return text.length;
}
