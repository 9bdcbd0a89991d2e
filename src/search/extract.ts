/**
 * Extracts the index entries of a resource: only what has an entry can be found.
 * https://hl7.org/fhir/R4/search.html; values.ts has the conversions by element type.
 */
import { FhirError } from '../fhir/error.js';
import type { Resource } from '../fhir/resource.js';
import { atOnce, type Pieces } from '../platform/pieces.js';
import type { IndexEntry, EntryValue } from './entry.js';
import type { SearchParameters } from './parameters.js';

export interface ExtractContext {
  /** The server's own FHIR addresses without a trailing slash; absolute references under them are local. */
  readonly bases: readonly string[];
}

/**
 * The entries of all search parameters of the resource's type, each once, in the order of the definitions. The
 * resource is as it will be stored: with its id and meta. Values of the wrong JSON type are passed over.
 */
export const extract = (resource: Resource, parameters: SearchParameters, context: ExtractContext): IndexEntry[] =>
  atOnce(extracting(resource, parameters, context));

/** The same in pieces. Throws `too-large` for more entries than `most`, of which each pair of a composite is one. */
export function* extracting(
  resource: Resource,
  parameters: SearchParameters,
  context: ExtractContext,
  most = Infinity,
): Pieces<IndexEntry[]> {
  const entries: IndexEntry[] = [];
  const out: EntryValue[] = [];
  const frame = { root: resource, out, bases: context.bases };
  let size = 0;
  for (const [code, parameter] of parameters.of(resource.resourceType)) {
    parameter.read(resource, frame);
    if (out.length === 0) continue;
    if (out.length === 1) entries.push({ parameter: code, ...out[0]! });
    else {
      const seen = new Set<string>();
      for (const value of out) {
        const key = valueKey(value);
        if (seen.has(key)) continue;
        seen.add(key);
        entries.push({ parameter: code, ...value });
        if (entries.length > most) throw tooManyEntries(resource, most);
      }
    }
    if (parameter.type === 'composite') for (const value of out) size += pairsOf(value);
    if (entries.length + size > most) throw tooManyEntries(resource, most);
    if (out.length > VALUES_A_TURN) yield;
    out.length = 0;
  }
  return entries;
}

/** Those of some of its parameters alone, a value perhaps more than once: for whoever asks no more. */
export function extractSome(
  resource: Resource,
  parameters: SearchParameters,
  context: ExtractContext,
  codes: Iterable<string>,
): IndexEntry[] {
  const entries: IndexEntry[] = [];
  const out: EntryValue[] = [];
  const frame = { root: resource, out, bases: context.bases };
  for (const code of codes) {
    parameters.get(resource.resourceType, code)?.read(resource, frame);
    for (const value of out) entries.push({ parameter: code, ...value });
    out.length = 0;
  }
  return entries;
}

/** Values of one parameter after which extraction yields to other work. */
const VALUES_A_TURN = 1000;

const pairsOf = (value: EntryValue): number =>
  value.kind === 'composite' ? value.parts.reduce((pairs, part) => pairs * part.length, 1) : 0;

const tooManyEntries = ({ resourceType }: Resource, most: number): FhirError =>
  new FhirError(
    'too-large',
    `The resource has more than ${most} values by which searches find it. Send several smaller resources.`,
    { expression: resourceType, detail: 'too-many-index-entries' },
  );

/** Equal for equal values of one parameter. */
function valueKey(value: EntryValue): string {
  switch (value.kind) {
    case 'string':
      return value.raw;
    case 'token':
      return `${value.system}|${value.code}`;
    case 'text':
      return `\u0000t${value.norm}`;
    case 'of-type':
      return `\u0000o${value.system}|${value.code}|${value.value}`;
    case 'position':
      return `${value.latitude},${value.longitude}`;
    case 'date':
    case 'number':
      return `${value.low},${value.high}`;
    case 'reference':
      return `r${value.type}/${value.id}/${value.version ?? ''}`;
    case 'url':
      return `u${value.url}|${value.version ?? ''}`;
    case 'uri':
      return `${value.value}\u0000${value.version ?? ''}`;
    case 'media-type':
      return `\u0000m${value.type}`;
    case 'held':
      return '\u0000h';
    case 'identifier':
      return `i${value.system}|${value.value}`;
    case 'quantity':
    case 'composite':
      return JSON.stringify(value);
  }
}
