/**
 * First pages as the console shows them, held against those of other programs: PDF against Debian's pdftoppm (poppler), TIFF against libtiff's tiff2rgba. Only in a
 * full run.
 *
 * Programs smooth edges differently, and a line may fall half a pixel aside. So both pictures have the same size in pixels, are grey, are blurred by one pixel (the
 * mean of 3 by 3), and a pixel differs where they are more than 64 of 255 apart. Of a page at most one in a hundred may.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { onConsole } from '../support/console.js';
import { FULL } from '../support/depth.js';
import { skipWithoutProgram } from '../support/pdf-tools.js';
import { skipWithout } from '../support/shared.js';

interface Grey {
  readonly width: number;
  readonly height: number;
  /** One byte a pixel. */
  readonly pixels: Uint8Array;
}

const MOST_APART = 64;
const MOST_DIFFERENT = 0.01;
/** The font of its text is not in it, and each program has another one in its place: letters are as far from each other as they are wide. */
const OTHER_FONT = { file: 'ccda-unstructured-sample.pdf', most: 0.05 };
const mostOf = (file: string): number => (file === OTHER_FONT.file ? OTHER_FONT.most : MOST_DIFFERENT);
/** ms: a page is drawn by then. */
const PATIENCE = 120_000;
const OWNER = 'whose-pages';

/** The mean of each pixel and those around it. */
function blurred({ width, height, pixels }: Grey): Uint8Array {
  const made = new Uint8Array(pixels.length);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      let [sum, count] = [0, 0];
      for (let row = Math.max(0, y - 1); row <= Math.min(height - 1, y + 1); row++)
        for (let at = Math.max(0, x - 1); at <= Math.min(width - 1, x + 1); at++) {
          sum += pixels[row * width + at]!;
          count++;
        }
      made[y * width + x] = sum / count;
    }
  return made;
}

/** The share of pixels that differ; 1: they are of different sizes. */
function difference(one: Grey, other: Grey): number {
  if (one.width !== other.width || one.height !== other.height) return 1;
  const [a, b] = [blurred(one), blurred(other)];
  return a.reduce((count, value, at) => count + (Math.abs(value - b[at]!) > MOST_APART ? 1 : 0), 0) / a.length;
}

const greyOf = (red: number, green: number, blue: number): number => 0.299 * red + 0.587 * green + 0.114 * blue;

function run(program: string, options: readonly string[]): Buffer {
  const { status, stdout, stderr } = spawnSync(program, options, { maxBuffer: 256 * 1024 * 1024 });
  assert.equal(status, 0, `${program}: ${stderr.toString()}`);
  return stdout;
}

/** The first page by poppler, as large as is said. */
function pageByPoppler(file: string, { width, height }: Pick<Grey, 'width' | 'height'>): Grey {
  const size = ['-scale-to-x', String(width), '-scale-to-y', String(height)];
  const bytes = run('pdftoppm', ['-f', '1', '-l', '1', '-cropbox', '-gray', ...size, file]);
  // https://netpbm.sourceforge.net/doc/pgm.html
  const head = /^P5\s+(\d+)\s+(\d+)\s+255\s/.exec(bytes.subarray(0, 40).toString('latin1'))!;
  return { width: Number(head[1]), height: Number(head[2]), pixels: bytes.subarray(head[0].length) };
}

/** The first page by libtiff, which writes it as RGBA without compression: strips of four bytes a pixel. */
function pageByLibtiff(file: string): Grey {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-tiff-'));
  try {
    const made = join(folder, 'page.tif');
    run('tiff2rgba', ['-c', 'none', file, made]);
    return greyOfPlainTiff(readFileSync(made));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** https://www.itu.int/itudoc/itu-t/com16/tiff-fx/docs/tiff6.pdf, section 2 */
function greyOfPlainTiff(bytes: Buffer): Grey {
  const isLittle = bytes.toString('latin1', 0, 2) === 'II';
  const short = (at: number): number => (isLittle ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at));
  const long = (at: number): number => (isLittle ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
  const directory = long(4);
  const numbers = (tag: number): readonly number[] => {
    const entry = Array.from({ length: short(directory) }, (_, at) => directory + 2 + at * 12).find(
      at => short(at) === tag,
    )!;
    const [size, count] = [short(entry + 2) === 3 ? 2 : 4, long(entry + 4)];
    const from = size * count <= 4 ? entry + 8 : long(entry + 8);
    return Array.from({ length: count }, (_, at) => (size === 2 ? short : long)(from + at * size));
  };
  const [[width = 0], [height = 0], lengths] = [numbers(256), numbers(257), numbers(279)];
  const rgba = Buffer.concat(numbers(273).map((from, at) => bytes.subarray(from, from + lengths[at]!)));
  const pixels = new Uint8Array(width * height).map((_, at) =>
    greyOf(rgba[at * 4]!, rgba[at * 4 + 1]!, rgba[at * 4 + 2]!),
  );
  return { width, height, pixels };
}

/** Gives the canvas that the console shows as grey pixels, in base64. */
const SHOWN = `(() => {
  const canvas = document.querySelector('.sheet canvas');
  const { width, height } = canvas;
  const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
  let text = '';
  for (let at = 0; at < data.length; at += 4) text += String.fromCharCode(Math.round(0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2]));
  return { width, height, base64: btoa(text) };
})()`;

/** Not shown by the console: one asks for its password, one has no page that can be found. */
const NOT_SHOWN: ReadonlySet<string> = new Set(['pdf-encrypted.pdf', 'pdf-broken-trailer-loop.pdf']);

if (FULL)
  describe('first pages in the console (§3.4)', () => {
    const stage = onConsole({ demo: false });

    async function show(folder: string, file: string, contentType: string): Promise<void> {
      const { server, open, page } = stage();
      const id = `page-of-${file.replaceAll(/[^a-z\d]/g, '-')}`;
      const put = (path: string, body: object) =>
        server.request.put(`/fhir/${path}`).set('Content-Type', 'application/fhir+json').send(body);
      const data = readFileSync(join(folder, file)).toString('base64');
      await put(`Patient/${OWNER}`, { resourceType: 'Patient', id: OWNER, birthDate: '1958-03-14' });
      await put(`Binary/${id}`, { resourceType: 'Binary', id, contentType, data });
      await put(`DocumentReference/${id}`, {
        ...{ resourceType: 'DocumentReference', id, status: 'current', subject: { reference: `Patient/${OWNER}` } },
        content: [{ attachment: { contentType, url: `Binary/${id}` } }],
      });
      await open(`chart/${OWNER}/document/${id}`);
      await page.locator('.sheet canvas').first().waitFor();
    }

    async function shown(): Promise<Grey> {
      const { width, height, base64 } = await stage().page.evaluate<{ width: number; height: number; base64: string }>(
        SHOWN,
      );
      return { width, height, pixels: Buffer.from(base64, 'base64') };
    }

    /** Waits until it is drawn: it is by then, or differs. */
    async function differenceTo(most: number, reference: (size: Grey) => Grey): Promise<readonly [number, Grey]> {
      for (let left = PATIENCE; ; left -= 250) {
        const picture = await shown();
        const differs = picture.width > 1 ? difference(picture, reference(picture)) : 1;
        if (differs <= most || left <= 0) return [differs, picture];
        await stage().page.waitForTimeout(250);
      }
    }

    function report(file: string, differs: number, picture: Grey, other: Grey): void {
      process.stdout.write(`      ${file}: ${(differs * 100).toFixed(2)} % of ${picture.width} × ${picture.height}\n`);
      const keep = process.env['CHARTROOM_TEST_PICTURES'];
      if (keep === undefined) return;
      for (const [name, each] of [
        ['console', picture],
        ['other', other],
      ] as const)
        writeFileSync(
          join(keep, `page-${file}-${name}.pgm`),
          Buffer.concat([Buffer.from(`P5\n${each.width} ${each.height}\n255\n`), each.pixels]),
        );
    }

    const filesIn = (folder: string, contentType: string): readonly string[] =>
      (JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as { file: string; contentType: string }[])
        .filter(each => each.contentType === contentType && !NOT_SHOWN.has(each.file))
        .map(({ file }) => file);

    it('of PDFs are those of pdftoppm, and those of another document are not', async function () {
      const folder = skipWithout(this, 'data', 'documents');
      skipWithoutProgram(this, 'pdftoppm');
      const files = filesIn(folder, 'application/pdf');
      const faults: string[] = [];
      for (const file of files) {
        await show(folder, file, 'application/pdf');
        const [differs, picture] = await differenceTo(mostOf(file), size => pageByPoppler(join(folder, file), size));
        report(file, differs, picture, pageByPoppler(join(folder, file), picture));
        if (differs > mostOf(file)) faults.push(file);
        if (file === OTHER_FONT.file)
          assert.ok(
            difference(picture, pageByPoppler(join(folder, 'lab-report-164947.pdf'), picture)) > OTHER_FONT.most,
          );
        if (file === 'lab-report-164947.pdf')
          assert.ok(difference(picture, pageByPoppler(join(folder, 'ccda-mcbee.pdf'), picture)) > MOST_DIFFERENT);
      }
      assert.deepEqual(faults, []);
      assert.ok(files.length > 8);
    });

    it('of TIFFs are those of libtiff, and those of another scan are not', async function () {
      const folder = skipWithout(this, 'data', 'documents');
      skipWithoutProgram(this, 'tiff2rgba');
      const files = filesIn(folder, 'image/tiff');
      const faults: string[] = [];
      for (const file of files) {
        await show(folder, file, 'image/tiff');
        const reference = pageByLibtiff(join(folder, file));
        const [differs, picture] = await differenceTo(MOST_DIFFERENT, () => reference);
        report(file, differs, picture, reference);
        if (differs > MOST_DIFFERENT) faults.push(file);
        if (file === 'scan-fax-page-g4.tif')
          assert.ok(difference(picture, pageByLibtiff(join(folder, 'scan-fax-page2-g4.tif'))) > MOST_DIFFERENT);
      }
      assert.deepEqual(faults, []);
      assert.ok(files.length > 4);
    });
  });
