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

/** Types that mean the resource, whatever is stored. */
const FHIR_TYPES: ReadonlySet<string> = new Set(['application/fhir+json', 'application/fhir+xml']);
/** They mean it where what is stored is of another type: XML only where nothing else fits, because browsers accept it before all else. */
const JSON_TYPES: ReadonlySet<string> = new Set(['application/json', 'text/json']);
const XML_TYPES: ReadonlySet<string> = new Set(['application/xml', 'text/xml']);

export const meansResource = (type: string): boolean => FHIR_TYPES.has(type);

/** XML has two names: https://www.rfc-editor.org/rfc/rfc7303#section-9.2 */
const sameName = (type: string): string => (type === 'text/xml' ? 'application/xml' : type);

/**
 * Whether a Binary of the type `stored` is wanted as its bytes or as a resource; undefined: as neither. `accepted`: types in lower
 * case, best first. https://hl7.org/fhir/R4/binary.html#rest, https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1
 */
export function wantedForm(accepted: readonly string[], stored: string): 'content' | 'resource' | undefined {
  const own = sameName(essenceOf(stored));
  for (const type of accepted) {
    if (FHIR_TYPES.has(type)) return 'resource';
    if (sameName(type) === own || type === '*/*' || (type.endsWith('/*') && own.startsWith(type.slice(0, -1))))
      return 'content';
    if (JSON_TYPES.has(type)) return 'resource';
  }
  return accepted.some(type => XML_TYPES.has(type)) ? 'resource' : undefined;
}

/** Type and subtype in lower case, without parameters. */
export const essenceOf = (mediaType: string): string => mediaType.split(';')[0]!.trim().toLowerCase();

/** How files of a type end. https://www.iana.org/assignments/media-types */
const ENDINGS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'application/dicom': 'dcm',
    'application/fhir+json': 'json',
    'application/fhir+xml': 'xml',
    'application/gzip': 'gz',
    'application/hl7-v2': 'hl7',
    'application/json': 'json',
    'application/msword': 'doc',
    'application/pdf': 'pdf',
    'application/rtf': 'rtf',
    'application/vnd.ms-excel': 'xls',
    'application/vnd.oasis.opendocument.text': 'odt',
    'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'xlsx',
    'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'docx',
    'application/xhtml+xml': 'xhtml',
    'application/xml': 'xml',
    'application/zip': 'zip',
    'audio/mpeg': 'mp3',
    'audio/wav': 'wav',
    'image/bmp': 'bmp',
    'image/gif': 'gif',
    'image/jpeg': 'jpg',
    'image/png': 'png',
    'image/svg+xml': 'svg',
    'image/tiff': 'tiff',
    'image/webp': 'webp',
    'text/calendar': 'ics',
    'text/csv': 'csv',
    'text/html': 'html',
    'text/javascript': 'js',
    'text/json': 'json',
    'text/markdown': 'md',
    'text/plain': 'txt',
    'text/rtf': 'rtf',
    'text/vcard': 'vcf',
    'text/xml': 'xml',
    'video/mp4': 'mp4',
    'video/mpeg': 'mpeg',
  }),
);

/** Without the dot; `bin` of a type that is not known. Of a type that ends in `+json`, `+xml` or `+zip` that ending. */
export function fileEnding(mediaType: string): string {
  const type = essenceOf(mediaType);
  return ENDINGS.get(type) ?? /\+(json|xml|zip)$/.exec(type)?.[1] ?? 'bin';
}

/** Other endings that files of the same type have. */
const ALIKE: Readonly<Partial<Record<string, readonly string[]>>> = {
  dcm: ['dicom'],
  html: ['htm'],
  jpg: ['jpeg'],
  md: ['markdown'],
  mp4: ['m4v'],
  mpeg: ['mpg'],
  tiff: ['tif'],
  txt: ['text', 'log'],
};

/** Whether a name of a file ends as files of a type do. */
export function hasEnding(name: string, mediaType: string): boolean {
  const ending = fileEnding(mediaType);
  const own = /\.([A-Za-z0-9]{1,8})$/.exec(name)?.[1]?.toLowerCase();
  return own !== undefined && (own === ending || ALIKE[ending]?.includes(own) === true);
}

/** Types that a browser may show: what they hold cannot act under the name of the server. */
const SHOWN: ReadonlySet<string> = new Set(['application/pdf', 'image/jpeg', 'image/png', 'text/plain']);

export const mayBeShown = (mediaType: string): boolean => SHOWN.has(essenceOf(mediaType));
