/**
 * How an item is printed: by what its bytes are, where that can be seen, and by what was said of it, where they are text.
 */
export type FileKind = 'pdf' | 'jpeg' | 'png' | 'tiff' | 'rtf' | 'html' | 'text' | 'structured';

/** Undefined: by nobody here (DICOM, programs, sounds). `structured`: XML or JSON, of which the server shows a page. */
export function fileKind(head: Buffer, said: string): FileKind | undefined {
  const latin = head.toString('latin1', 0, 1029);
  const type = said.toLowerCase().split(';')[0]!.trim();
  if (latin.slice(128, 132) === 'DICM') return undefined;
  if (latin.includes('%PDF-')) return 'pdf';
  if (latin.startsWith('\xff\xd8\xff')) return 'jpeg';
  if (latin.startsWith('\x89PNG\r\n\x1a\n')) return 'png';
  if (/^(?:II\*\0|MM\0\*)/.test(latin)) return 'tiff';
  if (latin.startsWith('{\\rtf')) return 'rtf';
  const isWide = /^(?:\xff\xfe|\xfe\xff)/.test(latin);
  if (!isWide && /[\0-\x08\x0e-\x1a]/.test(latin)) return undefined;
  if (type === 'text/html' || /^[^<]{0,100}<(?:!doctype html|html[\s>])/i.test(latin)) return 'html';
  if (/^(?:\xef\xbb\xbf)?\s*<\?xml\s/.test(latin) || /[+/](?:xml|json)$/.test(type)) return 'structured';
  return type.startsWith('text/') || type === 'application/hl7-v2' || type === 'x-application/hl7-v2+er7'
    ? 'text'
    : undefined;
}
