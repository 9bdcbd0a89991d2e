/** Pages as scanners make them, for tests. */
import { crc32, deflateSync } from 'node:zlib';

/** What is black. */
type InkAt = (x: number, y: number) => boolean;

/** An image of 8 bits a pixel, white but for what `ink` says; `dots`: an inch. */
export function aPng(width: number, height: number, ink: InkAt = () => false, dots?: number): Buffer {
  const rows = Buffer.alloc((width + 1) * height, 0xfa);
  for (let y = 0; y < height; y++) {
    rows[y * (width + 1)] = 0;
    for (let x = 0; x < width; x++) if (ink(x, y)) rows[y * (width + 1) + 1 + x] = 0;
  }
  const size = Buffer.alloc(13);
  size.writeUInt32BE(width, 0);
  size.writeUInt32BE(height, 4);
  size[8] = 8;
  const physical = Buffer.alloc(9);
  for (const at of [0, 4]) physical.writeUInt32BE(Math.round((dots ?? 0) / 0.0254), at);
  physical[8] = 1;
  const chunks = [
    chunk('IHDR', size),
    ...(dots === undefined ? [] : [chunk('pHYs', physical)]),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ];
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), ...chunks]);
}

/** Lines of words, as on a page of 600 × 800, turned by so many degrees around its middle. `seed`: which words. */
export function aText(seed: number, degrees = 0): InkAt {
  const [sin, cos] = [Math.sin((-degrees * Math.PI) / 180), Math.cos((-degrees * Math.PI) / 180)];
  return (x, y) => {
    const [dx, dy] = [x - 300, y - 400];
    const [u, v] = [cos * dx - sin * dy + 300, sin * dx + cos * dy + 400];
    const line = Math.floor(v / 22);
    const chanceOf = (n: number): number => (Math.imul(n + seed * 7919 + 1, 0x9e3779b1) >>> 8) % 100;
    // Letters stand below each other by chance alone, and lines end somewhere.
    const at = u + (chanceOf(line) % 37) + (line % 5) * 1.7;
    const letter = Math.floor(at / 7.3);
    const [begin, end] = [70, 430 + chanceOf(line * 3)];
    if (u < begin || u > end || v < 80 || v > 720 || v % 22 > 11) return false;
    const shape = chanceOf(line * 131 + letter * 17);
    return shape > 18 && at % 7.3 < 3 + (shape % 4) && (Math.floor(v) + shape) % 4 < 3;
  };
}

function chunk(name: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(name, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/** Pages of one strip each, with bytes as they are coded. */
export function aTiff(pages: readonly { readonly compression: number; readonly strip: Buffer }[]): Buffer {
  const parts: Buffer[] = [Buffer.from('II*\0\x08\0\0\0', 'latin1')];
  let at = 8;
  for (const [index, { compression, strip }] of pages.entries()) {
    const tags: readonly (readonly [number, number])[] = [
      [256, 800],
      [257, 1000],
      [258, 1],
      [259, compression],
      [262, 0],
      [273, at + 2 + 7 * 12 + 4],
      [279, strip.length],
    ];
    const directory = Buffer.alloc(2 + tags.length * 12 + 4);
    directory.writeUInt16LE(tags.length);
    for (const [n, [tag, value]] of tags.entries()) {
      directory.writeUInt16LE(tag, 2 + n * 12);
      directory.writeUInt16LE(4, 4 + n * 12);
      directory.writeUInt32LE(1, 6 + n * 12);
      directory.writeUInt32LE(value, 10 + n * 12);
    }
    at += directory.length + strip.length;
    directory.writeUInt32LE(index === pages.length - 1 ? 0 : at, directory.length - 4);
    parts.push(directory, strip);
  }
  return Buffer.concat(parts);
}

/** In the coding of fax group 4. */
export const WHITE_FAX = Buffer.concat([Buffer.alloc(125, 0xff), Buffer.from([0x00, 0x10, 0x01, 0x00])]);

/** Pages with these content streams. `shared`: characters of something that all of them have among their resources. */
export function aPdf(contents: readonly string[], shared = ''): Buffer {
  const kids = contents.map((_, n) => `${4 + 2 * n} 0 R`).join(' ');
  const common = shared === '' ? '' : ` /XObject << /X1 ${4 + 2 * contents.length} 0 R >>`;
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Kids [${kids}] /Count ${contents.length} >>`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
    ...contents.flatMap((content, n) => [
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Resources << /Font << /F1 3 0 R >>${common} >> /Contents ${5 + 2 * n} 0 R >>`,
      `<< /Length ${content.length} >>\nstream\n${content}\nendstream`,
    ]),
    ...(shared === ''
      ? []
      : [`<< /Type /XObject /Subtype /Form /BBox [0 0 1 1] /Length ${shared.length} >>\nstream\n${shared}\nendstream`]),
  ];
  let text = '%PDF-1.4\n';
  const offsets = objects.map((object, n) => {
    const at = text.length;
    text += `${n + 1} 0 obj\n${object}\nendobj\n`;
    return at;
  });
  const table = offsets.map(at => `${String(at).padStart(10, '0')} 00000 n \n`).join('');
  const size = objects.length + 1;
  return Buffer.from(
    `${text}xref\n0 ${size}\n0000000000 65535 f \n${table}trailer << /Size ${size} /Root 1 0 R >>\nstartxref\n${text.length}\n%%EOF\n`,
  );
}

const JPEG_HEAD = [
  'ffd8ffe000104a46494600010100000100010000ffdb004300080606070605080707070909080a0c140d0c0b0b0c1912130f141d1a1f1e',
  '1d1a1c1c20242e2720222c231c1c2837292c30313434341f27393d38323c2e333432ffc0000b080280028001011100ffc4001500010100',
  '000000000000000000000000000007ffc40014100100000000000000000000000000000000ffda0008010100003f00bd',
].join('');

/** A baseline JPEG file of 640 × 640 pixels; `coded`: what follows the first block, of which each that is as the one before has two bits 0. */
export const aGreyJpeg = (coded: Buffer = Buffer.alloc(1600)): Buffer =>
  Buffer.concat([Buffer.from(JPEG_HEAD, 'hex'), coded, Buffer.from([0xff, 0xd9])]);
