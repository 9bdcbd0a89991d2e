/**
 * Content negotiation: https://hl7.org/fhir/R4/http.html#mime-type. `_format` wins over Accept; q-values are obeyed;
 * a fhirVersion other than 4.0 is not acceptable. HTML and wildcards get JSON, so that a browser sees something.
 */
import { type ContentType, parse } from 'content-type';
import { FhirError } from '../fhir/error.js';
import { meansResource } from '../fhir/media-type.js';

export type Format = 'json' | 'xml';

const FORMATS: ReadonlyMap<string, Format> = new Map(
  Object.entries({
    json: 'json',
    'application/json': 'json',
    'application/fhir+json': 'json',
    'text/json': 'json',
    xml: 'xml',
    'application/xml': 'xml',
    'application/fhir+xml': 'xml',
    'text/xml': 'xml',
  } as const),
);
const WILDCARDS = new Set(['*/*', 'application/*', 'text/*', 'text/html']);
/** Media types of an Accept header that are looked at. */
const MAX_ACCEPTED = 50;
const VERSIONS = new Set(['4.0', '4.0.1']);

type MediaType = Pick<ContentType, 'type' | 'parameters'>;

const ours = ({ parameters }: MediaType): boolean =>
  parameters['fhirversion'] === undefined || VERSIONS.has(parameters['fhirversion']);

/** What Accept lists, best first; an absent header accepts anything. */
function accepted(header: string | undefined): MediaType[] {
  if (header === undefined || header.trim() === '') return [{ type: '*/*', parameters: {} }];
  const weight = ({ parameters }: MediaType) => {
    const q = Number(parameters['q'] ?? 1);
    return Number.isNaN(q) ? 0 : q;
  };
  const listed: MediaType[] = [];
  for (let start = 0; start < header.length && listed.length < MAX_ACCEPTED; ) {
    const one = parse(header, { comma: true, start });
    listed.push(one);
    start = one.index + 1;
  }
  return listed.filter(type => weight(type) > 0).toSorted((a, b) => weight(b) - weight(a));
}

/** The format of the answer; undefined: none that is asked for is FHIR's. */
export function responseFormat(accept: string | undefined, format: string | undefined): Format | undefined {
  if (format !== undefined) {
    // A plus sign that was not escaped arrives as a blank.
    const asked = parse(format.replace(' ', '+'));
    const found = FORMATS.get(asked.type);
    return found && ours(asked) ? found : undefined;
  }
  for (const type of accepted(accept)) {
    const found = FORMATS.get(type.type) ?? (WILDCARDS.has(type.type) ? 'json' : undefined);
    if (found && ours(type)) return found;
  }
  return undefined;
}

/** What to say where there is no format for `_format`, or for Accept. */
export const notAcceptable = (format: string | undefined): FhirError =>
  format === undefined
    ? new FhirError('not-acceptable', 'This server answers application/fhir+json and application/fhir+xml, FHIR 4.0.', {
        expression: 'http.Accept',
      })
    : new FhirError('not-acceptable', '_format must be json or xml, or a FHIR R4 media type.', {
        expression: 'http._format',
      });

/** The types that Accept lists, best first, where a Binary may be wanted as its bytes: undefined where it cannot. They have no parameters. */
export function contentTypes(accept: string | undefined, format: string | undefined): readonly string[] | undefined {
  if (format !== undefined) return undefined;
  const types = accepted(accept).map(({ type }) => type);
  return types[0] !== undefined && meansResource(types[0]) ? undefined : types;
}

/** What browsers say when somebody opens an address in them. */
export const prefersHtml = (accept: string | undefined): boolean =>
  accept?.includes('text/html') === true && accepted(accept)[0]?.type === 'text/html';

/** Whether an answer may be a page. */
export const acceptsHtml = (accept: string | undefined): boolean =>
  accepted(accept).some(({ type }) => type === 'text/html' || type === 'text/*' || type === '*/*');

const SHORT_NAMES: Readonly<Record<string, string>> = { csv: 'text/csv', html: 'text/html' };

/** Which of the media types beside FHIR's, in which an operation can answer, is preferred to FHIR's; undefined: none is. `_format` wins over Accept. */
export function otherForm(
  accept: string | undefined,
  format: string | undefined,
  offered: readonly string[],
): string | undefined {
  if (format !== undefined) {
    const asked = SHORT_NAMES[format] ?? parse(format.replace(' ', '+')).type;
    return offered.includes(asked) ? asked : undefined;
  }
  const best = accepted(accept).find(({ type }) => offered.includes(type) || FORMATS.has(type) || WILDCARDS.has(type));
  return best && offered.includes(best.type) ? best.type : undefined;
}

/** The format of a body; undefined: not one of FHIR's. Throws `unsupported-media-type` for another version or charset. */
export function bodyFormat(contentType: string | undefined): Format | undefined {
  const given = parse(contentType ?? '');
  const found = given.type.includes('/') ? FORMATS.get(given.type) : undefined;
  if (!found) return undefined;
  const charset = given.parameters['charset']?.toLowerCase();
  if (charset !== undefined && charset !== 'utf-8' && charset !== 'utf8')
    throw new FhirError('unsupported-media-type', 'Bodies must be UTF-8.', { expression: 'http.Content-Type' });
  if (!ours(given))
    throw new FhirError('unsupported-media-type', 'This server reads FHIR version 4.0.', {
      expression: 'http.Content-Type',
    });
  return found;
}

/** JSON or XML that need not be FHIR's. */
export function ordinaryFormat(contentType: string): Format | undefined {
  const { type } = parse(contentType);
  return type.startsWith('application/fhir+') || !type.includes('/') ? undefined : FORMATS.get(type);
}

export const isJsonPatch = (contentType: string | undefined): boolean =>
  parse(contentType ?? '').type === 'application/json-patch+json';

export const mediaTypeOf = (format: Format): string => `application/fhir+${format}; charset=utf-8`;
