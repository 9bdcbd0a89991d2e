/** A page of text as a form of a PDF. */
import { deflateSync } from 'node:zlib';
import { type PdfStream, pdfDictionary, pdfName, pdfReference } from '../../../../fhir/content/pdf-values.js';
import type { GlyphFonts } from '../text/glyph-fonts.js';
import type { LaidOut, Sheet, TextRun } from '../text/lay-out.js';

/** `fonts`: the number of the dictionary that names their fonts. */
export function textForm(
  runs: readonly TextRun[],
  sheet: Sheet,
  {
    glyphs,
    outlines,
    fonts,
  }: { readonly glyphs: GlyphFonts; readonly outlines: LaidOut['outlines']; readonly fonts: number },
): PdfStream {
  return {
    dictionary: pdfDictionary({
      ...{ Type: pdfName('XObject'), Subtype: pdfName('Form'), BBox: [0, 0, sheet.width, sheet.height] },
      Resources: pdfDictionary({ Font: pdfReference(fonts) }),
      Filter: pdfName('FlateDecode'),
    }),
    data: deflateSync(Buffer.from(glyphs.written(runs, outlines), 'latin1')),
  };
}
