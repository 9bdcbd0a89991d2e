/** Pages that are taken out of a PDF bring no picture of the pages that stay, however these share their resources, and look as before. ISO 32000-2 §7.8.3 */
import assert from 'node:assert/strict';
import { deflateSync, inflateSync } from 'node:zlib';
import { it } from 'mocha';
import { splitPages } from '../../../src/features/intake/sheets/split-pages.js';
import { drawnPage, openPdf } from '../../../src/fhir/content/pdfium.js';

const SIDE = 8;
const [ONE, TWO] = ['PAGEONE-', 'PAGETWO-'];
const image = (word: string, members = ''): string =>
  stream(
    `/Type /XObject /Subtype /Image /Width ${SIDE} /Height ${SIDE} /BitsPerComponent 8 /ColorSpace /DeviceGray ${members}`,
    word.repeat(SIDE),
  );
const stream = (members: string, data: string): string =>
  `<< ${members} /Length ${data.length} >>\nstream\n${data}\nendstream`;
const form = (members: string, content: string): string =>
  stream(`/Type /XObject /Subtype /Form /BBox [0 0 1 1] ${members}`, content);
const draw = (name: string): string => `q 100 0 0 100 50 300 cm ${name} Do Q`;

/** Objects 5 and 6 draw the two pages; `more` are those from 7 on. */
function twoPages(
  draws: readonly [string, string],
  { pages = ['', ''], node = '', more }: { pages?: readonly [string, string]; node?: string; more: readonly string[] },
): Buffer {
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Count 2 /Kids [3 0 R 4 0 R] ${node} >>`,
    ...pages.map(
      (each, at) => `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 400 600] /Contents ${5 + at} 0 R ${each} >>`,
    ),
    ...draws.map(each => (each.startsWith('<<') ? each : stream('', each))),
    ...more,
  ];
  let text = '%PDF-1.7\n';
  const places = objects.map((each, at) => {
    const place = text.length;
    text += `${at + 1} 0 obj\n${each}\nendobj\n`;
    return `${String(place).padStart(10, '0')} 00000 n \n`;
  });
  const size = objects.length + 1;
  return Buffer.from(
    `${text}xref\n0 ${size}\n0000000000 65535 f \n${places.join('')}trailer << /Size ${size} /Root 1 0 R >>\nstartxref\n${text.length}\n%%EOF\n`,
    'latin1',
  );
}

async function pictureOf(pdf: Uint8Array, at: number): Promise<Buffer> {
  const open = await openPdf(pdf);
  assert.ok(typeof open !== 'string');
  try {
    return drawnPage(open, at, 50, 1_000_000).rgb;
  } finally {
    open.close();
  }
}

async function halves(pdf: Buffer): Promise<readonly Buffer[] | undefined> {
  const open = await openPdf(pdf);
  assert.ok(typeof open !== 'string');
  try {
    const parts = await splitPages(open, [undefined, 'unreadable'], 1_000_000);
    return parts?.map(({ bytes }) => Buffer.from(bytes));
  } finally {
    open.close();
  }
}

/** All of them, without the filter that pdfium puts on those without one. */
const streamsOf = (pdf: Buffer): string =>
  [...pdf.toString('latin1').matchAll(/>>stream\r\n([\s\S]*?)\r\nendstream/g)]
    .map(([, each]) => {
      try {
        return inflateSync(Buffer.from(each!, 'latin1')).toString('latin1');
      } catch {
        return each;
      }
    })
    .join('\n');

const BOTH = '/Resources << /XObject << /Im0 7 0 R /Im1 8 0 R >> >>';
const IMAGES = [image(ONE), image(TWO)];
const DRAWS = [draw('/Im0'), draw('/Im1')] as const;
const FORMS = [9, 10].map(at => `/F${at} ${at} 0 R`).join(' ');

const CASES: Readonly<Record<string, Buffer>> = {
  'resources of the node above them': twoPages(DRAWS, { node: BOTH, more: IMAGES }),
  'one dictionary of resources': twoPages(DRAWS, {
    pages: ['/Resources 9 0 R', '/Resources 9 0 R'],
    more: [...IMAGES, '<< /XObject << /Im0 7 0 R /Im1 8 0 R >> >>'],
  }),
  'one dictionary of pictures': twoPages(DRAWS, {
    pages: ['/Resources << /XObject 9 0 R >>', '/Resources << /ProcSet [/PDF] /XObject 9 0 R >>'],
    more: [...IMAGES, '<< /Im0 7 0 R /Im1 8 0 R >>'],
  }),
  'forms with resources that these share': twoPages([draw('/F9'), draw('/F10')], {
    pages: ['/Resources << /XObject << /F9 9 0 R >> >>', '/Resources << /XObject << /F10 10 0 R >> >>'],
    more: [
      ...IMAGES,
      form('/Resources 11 0 R', '/Im0 Do'),
      form('/Resources 11 0 R', '/Im1 Do'),
      '<< /XObject << /Im0 7 0 R /Im1 8 0 R >> >>',
    ],
  }),
  'forms without resources': twoPages([draw('/F9'), draw('/F10')], {
    node: `/Resources << /XObject << /Im0 7 0 R /Im1 8 0 R ${FORMS} >> >>`,
    more: [...IMAGES, form('', '/Im0 Do'), form('', '/Im1 Do')],
  }),
  'patterns of pictures': twoPages(['/Pattern cs /P9 scn 0 0 300 300 re f', '/Pattern cs /P10 scn 0 0 300 300 re f'], {
    node: '/Resources << /Pattern << /P9 9 0 R /P10 10 0 R >> >>',
    more: [
      ...IMAGES,
      ...[7, 8].map(at =>
        stream(
          `/PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 50 50] /XStep 50 /YStep 50 /Resources << /XObject << /Im ${at} 0 R >> >>`,
          'q 50 0 0 50 0 0 cm /Im Do Q',
        ),
      ),
    ],
  }),
  'masks of their states': twoPages(['/G0 gs 0 0 300 300 re f', '/G1 gs 0 0 300 300 re f'], {
    node: '/Resources << /ExtGState << /G0 << /SMask << /S /Luminosity /G 9 0 R >> >> /G1 << /SMask << /S /Luminosity /G 10 0 R >> >> >> >>',
    more: [
      ...IMAGES,
      ...[7, 8].map(at =>
        stream(
          `/Type /XObject /Subtype /Form /BBox [0 0 300 300] /Group << /S /Transparency /CS /DeviceGray >> /Resources << /XObject << /Im ${at} 0 R >> >>`,
          'q 300 0 0 300 0 0 cm /Im Do Q',
        ),
      ),
    ],
  }),
  'notes that draw with what both have': twoPages(['', ''], {
    pages: ['/Annots [9 0 R]', '/Annots [10 0 R]'],
    more: [
      ...IMAGES,
      ...[11, 12].map(at => `<< /Type /Annot /Subtype /Stamp /F 4 /Rect [50 50 200 200] /AP << /N ${at} 0 R >> >>`),
      form('/Resources 13 0 R', '/Im0 Do'),
      form('/Resources 13 0 R', '/Im1 Do'),
      '<< /XObject << /Im0 7 0 R /Im1 8 0 R >> >>',
    ],
  }),
  'a field with a place on each': twoPages(['', ''], {
    pages: ['/Annots [9 0 R]', '/Annots [10 0 R]'],
    more: [
      ...IMAGES,
      ...[12, 13].map(
        at => `<< /Type /Annot /Subtype /Widget /F 4 /Parent 11 0 R /Rect [50 50 200 200] /AP << /N ${at} 0 R >> >>`,
      ),
      '<< /FT /Btn /T (field) /Kids [9 0 R 10 0 R] >>',
      ...[7, 8].map(at => form(`/Resources << /XObject << /Im ${at} 0 R >> >>`, '/Im Do')),
    ],
  }),
  'content in hexadecimal digits': twoPages(
    [
      stream('/Filter [/ASCIIHexDecode /FlateDecode]', `${deflateSync(draw('/Im0')).toString('hex')}>`),
      stream('/Filter /ASCIIHexDecode', `${Buffer.from(draw('/Im1')).toString('hex')}>`),
    ],
    { node: BOTH, more: IMAGES },
  ),
  'names that are escaped, and filtered content': twoPages(
    [draw('/Im#30'), draw('/#49m1')].map(each => {
      const data = deflateSync(each).toString('latin1');
      return stream('/Filter /FlateDecode', data);
    }) as [string, string],
    { node: BOTH, more: IMAGES },
  ),
};

for (const [name, pdf] of Object.entries(CASES))
  it(`pages with ${name} come alone, and look as before (S3)`, async () => {
    const parts = await halves(pdf);
    assert.equal(parts?.length, 2);
    for (const [at, [own, other]] of [[ONE, TWO] as const, [TWO, ONE] as const].entries()) {
      const part: Buffer = parts[at]!;
      const drawn = streamsOf(part);
      assert.ok(drawn.includes(own), 'The picture of the page is there.');
      assert.ok(!drawn.includes(other), 'No picture of the other page is there.');
      assert.deepEqual(await pictureOf(part, 0), await pictureOf(pdf, at));
    }
    // A field is drawn by whoever fills it in.
    const nothing = await pictureOf(twoPages(['', ''], { more: [] }), 0);
    if (!name.startsWith('a field')) assert.notDeepEqual(await pictureOf(pdf, 0), nothing, 'Something is drawn.');
  });

it('pages with notes that run something, or lead elsewhere, have them without that, and their addresses of the web (S3)', async () => {
  const note = (action: string): string => `<< /Type /Annot /Subtype /Link /Rect [50 50 90 90] ${action} >>`;
  const script = '/A << /S /JavaScript /JS (app.alert) >>';
  const pdf = twoPages(['', ''], {
    pages: ['/AA << /O << /S /Launch /F (opened) >> >> /Annots [7 0 R 8 0 R 9 0 R 10 0 R 12 0 R]', '/Annots [11 0 R]'],
    more: [
      note(script),
      note('/A << /S /URI /URI (https://example.org/kept) >>'),
      note('/A << /S /URI /URI (https://example.org/leads) /Next << /S /JavaScript /JS (next) >> >>'),
      note('/Dest [4 0 R /Fit] /AA << /E << /S /GoToR /F (away.pdf) >> >> /Contents (Mine)'),
      note('/Contents (Theirs) /A << /S /URI /URI (https://example.org/theirs) >>'),
      note('/A << /S /URI /URI (javascript:run) >> /3DD << /OnInstantiate 13 0 R >>'),
      stream('', 'ThreeScripts'),
    ],
  });
  const parts = (await halves(pdf))!.map(each => each.toString('latin1'));
  assert.match(parts[0]!, /https:\/\/example\.org\/kept/);
  assert.match(parts[0]!, /Mine/);
  assert.doesNotMatch(
    parts[0]!,
    /JavaScript|javascript|OnInstantiate|Launch|GoToR|Theirs|example\.org\/(?:theirs|leads)/,
  );
  assert.match(parts[1]!, /Theirs/);
  assert.match(parts[1]!, /example\.org\/theirs/);
});

it('pages of which nobody can tell what they use are not taken apart (S3)', async () => {
  const unknown = twoPages([stream('/Filter /JPXDecode', draw('/Im0')), draw('/Im1')], { node: BOTH, more: IMAGES });
  assert.equal(await halves(unknown), undefined);
  // A comment between the two is too rare to be read, and the page would look otherwise without its picture.
  const apart = twoPages(['q 100 0 0 100 50 300 cm /Im0 %\n Do Q', draw('/Im1')], { node: BOTH, more: IMAGES });
  assert.equal(await halves(apart), undefined);
});
