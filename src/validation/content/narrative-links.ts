/**
 * Links of a narrative that lead nowhere, or where no reader follows them: warnings, as they are a nuisance and no danger (what is one the
 * gate refuses). https://hl7.org/fhir/R4/narrative.html#linking
 *
 * The text is known to be well-formed XHTML, so that attributes are found by their names, without a parser, which would cost twenty times
 * as much. One behind a `>` in another attribute of its tag is missed.
 */
import type { CheckRun, ElementPlace, Finding } from '../run.js';

interface NarrativeAttribute {
  readonly value: string;
  /** Where its tag begins. */
  readonly tag: number;
}

/** The attributes of a name, in their order. */
function* attributesNamed(div: string, name: string): Generator<NarrativeAttribute> {
  const tagBefore = tagFinder(div);
  for (let at = div.indexOf(name); at >= 0; at = div.indexOf(name, at + name.length)) {
    // A letter before or behind makes it another word.
    if (div.charCodeAt(at - 1) > 32) continue;
    const tag = tagBefore(at);
    if (tag < 0) continue;
    let next = skipBlanks(div, at + name.length);
    if (div[next] !== '=') continue;
    next = skipBlanks(div, next + 1);
    const quote = div[next];
    if (quote !== '"' && quote !== "'") continue;
    const end = div.indexOf(quote, next + 1);
    if (end < 0) return;
    yield { value: div.slice(next + 1, end).trim(), tag };
  }
}

/** Where the tag begins that is open at an offset; -1 where none is. Offsets must grow, so that the text is looked through once. */
function tagFinder(div: string): (at: number) => number {
  let tag = -1;
  let closed = -1;
  let next = div.indexOf('<');
  return at => {
    while (next >= 0 && next < at) {
      tag = next;
      next = div.indexOf('<', tag + 1);
      closed = -1;
    }
    if (tag < 0) return -1;
    if (closed < 0) {
      const end = div.indexOf('>', tag);
      closed = end < 0 ? div.length : end;
    }
    return closed < at ? -1 : tag;
  };
}

function skipBlanks(text: string, at: number): number {
  let next = at;
  while (text.charCodeAt(next) <= 32) next++;
  return next;
}

const isAnchor = (href: string): boolean => href.startsWith('#') && href.length > 1;

/** Whether the narrative has links to anchors. */
export function hasAnchorLinks(div: string): boolean {
  for (const { value } of attributesNamed(div, 'href')) if (isAnchor(value)) return true;
  return false;
}

/** What links of the resource may lead to: ids, and names of `a`. */
export function* idsOfNarrative(div: string): Generator<string> {
  for (const { value } of attributesNamed(div, 'id')) yield value;
  for (const { value, tag } of attributesNamed(div, 'name'))
    if (/[Aa]/.test(div[tag + 1] ?? '') && div.charCodeAt(tag + 2) <= 32) yield value;
}

const SCHEME = /^([A-Za-z][A-Za-z0-9+.-]*):/;
const FOLLOWED = new Set(['http', 'https', 'ftp', 'mailto', 'tel', 'data']);

/** `ids`: of all narratives and elements of the resource, where it has links to them. */
export function checkNarrativeLinks(
  div: string,
  ids: ReadonlySet<string> | undefined,
  place: ElementPlace,
  run: CheckRun,
): void {
  const found = new Set<Finding>();
  for (const { value } of attributesNamed(div, 'href')) {
    run.spend(1);
    const [, scheme] = SCHEME.exec(value) ?? [];
    if (scheme !== undefined && !FOLLOWED.has(scheme.toLowerCase())) found.add(UNKNOWN_SCHEME);
    if (isAnchor(value) && ids?.has(value.slice(1)) === false) found.add(DEAD_ANCHOR);
  }
  if (ids && hasDoubleId(div)) found.add(DOUBLE_ID);
  for (const finding of found) run.report(place, finding);
}

function hasDoubleId(div: string): boolean {
  const own = new Set<string>();
  for (const { value } of attributesNamed(div, 'id')) {
    if (own.has(value)) return true;
    own.add(value);
  }
  return false;
}

const warning = (text: string): Finding => ({ severity: 'warning', code: 'invalid', detail: 'narrative-link', text });
const DOUBLE_ID = warning('The narrative has an id twice: links to it lead to the first one.');
const UNKNOWN_SCHEME = warning('The narrative has a link of a scheme that readers do not follow.');
const DEAD_ANCHOR = warning('The narrative has a link to an anchor that the resource does not have.');
