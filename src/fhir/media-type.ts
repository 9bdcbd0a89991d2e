/** Media types: https://www.rfc-editor.org/rfc/rfc9110#section-8.3.1, https://hl7.org/fhir/R4/valueset-mimetypes.html */

const TOKEN = "[\\w!#$%&'*+.^`|~-]+";
/** Printable ASCII, so that it can stand in a header. */
const QUOTED = '"(?:[\\t\\x20\\x21\\x23-\\x5b\\x5d-\\x7e]|\\\\[\\t\\x20-\\x7e])*"';
// Senders leave the quotes away around what has slashes and colons.
const PARAMETER = `${TOKEN}=(?:${QUOTED}|[\\w!#$%&'*+.^\`|~:/-]+)`;
const MEDIA_TYPE = new RegExp(`^${TOKEN}/${TOKEN}(?:[ \\t]*;[ \\t]*(?:${PARAMETER})?)*$`);
const LONGEST_MEDIA_TYPE = 200;

/** A type and subtype with its parameters, of ordinary length. */
export const isMediaType = (text: string): boolean => text.length <= LONGEST_MEDIA_TYPE && MEDIA_TYPE.test(text);

/** Types that can only mean a resource; `application/xml` may mean a document, too. */
const RESOURCE: ReadonlySet<string> = new Set([
  'application/fhir+json',
  'application/fhir+xml',
  'application/json',
  'text/json',
]);
const EITHER: ReadonlySet<string> = new Set(['application/xml', 'text/xml']);

export const meansResource = (type: string): boolean => RESOURCE.has(type);

/**
 * Whether a Binary of the type `stored` is wanted as its bytes rather than as a resource. `accepted`: types in lower case,
 * best first. Where none of them is a type of FHIR it is, whatever they are; XML is one where the bytes are no XML.
 * https://hl7.org/fhir/R4/binary.html#rest
 */
export function prefersContent(accepted: readonly string[], stored: string): boolean {
  const own = stored.split(';')[0]!.trim().toLowerCase();
  for (const type of accepted) {
    if (RESOURCE.has(type)) return false;
    if (type === own || type === '*/*' || (type.endsWith('/*') && own.startsWith(type.slice(0, -1)))) return true;
  }
  return !accepted.some(type => EITHER.has(type));
}
