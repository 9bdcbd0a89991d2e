/** A fragment as a file of its own, for those who draw it. Its first object is number 1. */
import type { PdfFragment } from './fragment.js';
import { pdfDictionary, pdfName, pdfReference } from '../../../../fhir/content/pdf-values.js';
import { pdfWriter } from './writer.js';

export function standalonePdf(fragment: PdfFragment): Buffer {
  const writer = pdfWriter('');
  const parts: Uint8Array[] = [writer.header(), writer.fragment(fragment)];
  const [root, tree, info] = [writer.reserve(), writer.reserve(), writer.reserve()];
  const kids = fragment.pages.map(({ form, width, height }) => {
    const [page, contents] = [writer.reserve(), writer.reserve()];
    const resources = pdfDictionary({ XObject: pdfDictionary({ P: pdfReference(form) }) });
    parts.push(
      writer.object(
        page,
        pdfDictionary({
          ...{ Type: pdfName('Page'), Parent: pdfReference(tree), MediaBox: [0, 0, width, height] },
          ...{ Resources: resources, Contents: pdfReference(contents) },
        }),
      ),
      writer.object(contents, { dictionary: new Map(), data: Buffer.from('/P Do') }),
    );
    return pdfReference(page);
  });
  parts.push(
    writer.object(tree, pdfDictionary({ Type: pdfName('Pages'), Count: kids.length, Kids: kids })),
    writer.object(root, pdfDictionary({ Type: pdfName('Catalog'), Pages: pdfReference(tree) })),
    writer.object(info, new Map()),
    writer.trailer(root, info),
  );
  return Buffer.concat(parts);
}
