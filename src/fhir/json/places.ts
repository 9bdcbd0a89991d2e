/** Where elements stand in the JSON text of a resource: https://hl7.org/fhir/R4/json.html */
import { type SoughtElement, soughtByName } from '../places.js';
import { closingQuote, isBlank } from './scan.js';

/** Notes where the elements stand that are sought. `text`: JSON that was parsed already, with limits on its depth. */
export function placeInJson(text: string, root: SoughtElement): void {
  placeValue(text, skipBlanks(text, 0), root);
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (isBlank(text.charCodeAt(at))) at++;
  return at;
}

/** Gives the offset behind the value. */
function placeValue(text: string, at: number, sought: SoughtElement | undefined): number {
  if (sought) sought.offset ??= at;
  if (!sought || sought.children.size === 0) return skipValue(text, at);
  if (text[at] === '{') return placeMembers(text, at + 1, sought);
  if (text[at] === '[') return placeItems(text, at + 1, sought);
  return skipValue(text, at);
}

function placeMembers(text: string, from: number, sought: SoughtElement): number {
  let at = skipBlanks(text, from);
  while (text[at] === '"') {
    const close = closingQuote(text, at);
    const key = text.slice(at + 1, close);
    // `_birthDate` has what `Patient.birthDate.extension` means.
    const child = soughtByName(sought, key.startsWith('_') ? key.slice(1) : key);
    if (child) child.offset ??= at;
    at = skipBlanks(text, placeValue(text, skipBlanks(text, skipBlanks(text, close + 1) + 1), child));
    if (text[at] === ',') at = skipBlanks(text, at + 1);
  }
  return at + 1;
}

function placeItems(text: string, from: number, sought: SoughtElement): number {
  let at = skipBlanks(text, from);
  for (let index = 0; at < text.length && text[at] !== ']'; index++) {
    at = skipBlanks(text, placeValue(text, at, sought.children.get(String(index))));
    if (text[at] === ',') at = skipBlanks(text, at + 1);
  }
  return at + 1;
}

const AFTER_VALUE = /[,\]}\s]/g;

function skipValue(text: string, from: number): number {
  let depth = 0;
  let at = from;
  while (at < text.length) {
    const code = text[at];
    if (code === '"') at = closingQuote(text, at);
    else if (code === '{' || code === '[') depth++;
    else if (code === '}' || code === ']') depth--;
    else if (depth === 0) {
      AFTER_VALUE.lastIndex = at;
      return AFTER_VALUE.exec(text)?.index ?? text.length;
    }
    at++;
    if (depth === 0) return at;
  }
  return at;
}
