/**
 * Whom the text of a resource names that no index knows a patient of: a Bundle, a Group. Named is who is referred to as `Patient/<id>`, and whose
 * Patient the text holds, however its members are ordered and its characters escaped.
 */
import { atOnce, type Pieces } from '../platform/pieces.js';
import type { Version } from '../store/store.js';

const REFERRED = /Patient\/([A-Za-z0-9\-.]{1,64})/g;
const IDS = /"id"\s*:\s*"([A-Za-z0-9\-.]{1,64})"/g;
const [BACKSLASH, SLASH, QUOTE, U, ZERO] = [0x5c, 0x2f, 0x22, 0x75, 0x30];
/** Bytes that are looked at in one turn. */
const AT_ONCE = 256 * 1024;

/** JSON that says the same, with no character of ASCII escaped that may stand in it as it is. The text itself where nothing in it is escaped. */
export function* withoutEscapes(text: Buffer): Pieces<Buffer> {
  let at = text.indexOf(BACKSLASH);
  if (at < 0) return text;
  const plain = Buffer.allocUnsafe(text.length);
  let to = text.copy(plain, 0, 0, at);
  for (let rest = AT_ONCE; at < text.length; ) {
    const byte = text[at]!;
    const length = byte === BACKSLASH ? lengthOfEscape(text, at) : 1;
    if (length === 2) {
      const escaped = text[at + 1]!;
      if (escaped !== SLASH) plain[to++] = byte;
      plain[to++] = escaped;
    } else plain[to++] = length === 1 ? byte : hexOf(text, at + 4);
    at += length;
    if (--rest > 0) continue;
    rest = AT_ONCE;
    yield;
  }
  return plain.subarray(0, to);
}

/** 6 where it is of a character that may stand as it is, else 2, after which there is nothing but what stands so. */
function lengthOfEscape(text: Buffer, at: number): 2 | 6 {
  if (text[at + 1] !== U || text[at + 2] !== ZERO || text[at + 3] !== ZERO) return 2;
  const code = hexOf(text, at + 4);
  return code >= 0x20 && code < 0x7f && code !== QUOTE && code !== BACKSLASH ? 6 : 2;
}

/** Of two digits of valid JSON. */
const hexOf = (text: Buffer, at: number): number => digitOf(text[at]!) * 16 + digitOf(text[at + 1]!);
const digitOf = (byte: number): number => (byte > 0x40 ? (byte & 0xf) + 9 : byte & 0xf);

/**
 * `row`: with its text. `matters`: whether it makes a difference that a patient is named; a text that has no id of such a one is not parsed for the
 * Patients that it holds.
 */
export function patientsNamed({ text, patients }: Version, matters: (id: string) => boolean): ReadonlySet<string> {
  const found = new Set(patients);
  const json = text ? atOnce(withoutEscapes(text)).toString() : '';
  for (const [, id] of json.matchAll(REFERRED)) found.add(id!);
  if (!json.includes('"Patient"')) return found;
  for (const [, id] of json.matchAll(IDS))
    if (!found.has(id!) && matters(id!)) {
      for (const held of patientsHeld(JSON.parse(json))) found.add(held);
      break;
    }
  return found;
}

/** Ids of the Patients in it, at any depth. */
function patientsHeld(whole: unknown): readonly string[] {
  const held: string[] = [];
  const left: unknown[] = [whole];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value !== 'object' || value === null) continue;
    const { resourceType, id } = value as { readonly resourceType?: unknown; readonly id?: unknown };
    if (resourceType === 'Patient' && typeof id === 'string') held.push(id);
    for (const each of Object.values(value)) if (typeof each === 'object') left.push(each);
  }
  return held;
}
