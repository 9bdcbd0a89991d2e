/**
 * Whether two media types can be told of the same bytes. What is compared is their kind: `text/xml` and `application/xml` are one, a
 * document of an office is a zip archive, and of text anything that is written may be said.
 */

/** Types that say nothing of what the bytes are. */
const SAYS_NOTHING = new Set([
  '',
  'application/octet-stream',
  'binary/octet-stream',
  'application/binary',
  'application/x-binary',
  'application/unknown',
  'application/x-unknown',
]);

/** Other names, and what is a form of something else. */
const KIND: Readonly<Record<string, string>> = {
  'application/x-pdf': 'application/pdf',
  'image/jpg': 'image/jpeg',
  'image/pjpeg': 'image/jpeg',
  'image/x-png': 'image/png',
  'image/apng': 'image/png',
  'image/tif': 'image/tiff',
  'image/x-tiff': 'image/tiff',
  'image/tiff-fx': 'image/tiff',
  'image/x-ms-bmp': 'image/bmp',
  'image/x-bmp': 'image/bmp',
  'image/heic': 'image/heif',
  'image/heic-sequence': 'image/heif',
  'image/heif-sequence': 'image/heif',
  'application/x-dicom': 'application/dicom',
  'text/rtf': 'application/rtf',
  'text/richtext': 'application/rtf',
  'application/x-rtf': 'application/rtf',
  'application/x-gzip': 'application/gzip',
  'application/x-gtar-compressed': 'application/gzip',
  'application/x-tgz': 'application/gzip',
  'application/x-zip-compressed': 'application/zip',
  'application/java-archive': 'application/zip',
  'application/epub+zip': 'application/zip',
  'application/msword': 'application/x-cfb',
  'application/x-ole-storage': 'application/x-cfb',
  'application/x-msi': 'application/x-cfb',
  'text/xml': 'application/xml',
};

/** By how the type begins or ends, in this order. */
const KIND_BY_SHAPE: readonly (readonly [RegExp, string])[] = [
  [/\+xml$/, 'application/xml'],
  [/\+zip$/, 'application/zip'],
  [/\+gzip$/, 'application/gzip'],
  [/^application\/vnd\.(?:openxmlformats|oasis\.opendocument|ms-[a-z]+\.[a-z.]*macroenabled)/, 'application/zip'],
  [/^application\/vnd\.ms-/, 'application/x-cfb'],
  // One container holds either.
  [/^(?:audio|video)\//, 'media'],
  [/^application\/(?:ogg|mp4)$/, 'media'],
  [/^text\/|\+json$|^application\/(?:json|javascript|x-ndjson|edi-|edifact)/, 'text'],
];

/** Kinds that have a signature: bytes without it are something else. */
const HAS_SIGNATURE =
  /^(?:image\/(?:jpeg|png|gif|tiff|bmp|webp|heif)|application\/(?:pdf|zip|gzip|dicom|x-cfb)|media)$/;
const isImage = (kind: string): boolean => kind.startsWith('image/');

function kindOf(type: string): string {
  const own = type.split(';')[0]!.trim().toLowerCase();
  return KIND[own] ?? KIND_BY_SHAPE.find(([shape]) => shape.test(own))?.[1] ?? own;
}

/** Whether the kind is written in letters. */
const isWritten = (kind: string): boolean => kind === 'text' || /^application\/(?:xml|rtf|postscript)$/.test(kind);

/**
 * Whether bytes that were found to be `found` (contentTypeOf; undefined: unknown) cannot be what `declared` says: an image called PDF, a
 * PDF called text. No contradiction is a near miss, what says nothing, and what nobody can tell.
 */
export function contradicts(declared: string, found: string | undefined): boolean {
  if (found === undefined || saysNothing(declared)) return false;
  const [said, is] = [kindOf(declared), kindOf(found)];
  if (said === is) return false;
  if (isWritten(is)) return HAS_SIGNATURE.test(said) || isImage(said);
  // An unknown name may be a form of what the signature tells.
  return HAS_SIGNATURE.test(said) || isWritten(said) || (isImage(said) && !isImage(is));
}

/** Whether `declared` says nothing although it is known what the bytes are. */
export const hidesType = (declared: string, found: string | undefined): boolean =>
  found !== undefined && found !== 'text/plain' && saysNothing(declared);

const saysNothing = (type: string): boolean => SAYS_NOTHING.has(type.split(';')[0]!.trim().toLowerCase());
