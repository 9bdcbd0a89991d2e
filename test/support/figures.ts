/**
 * Pictures of the console for docs/console.md: what is in sight of a page, with few colours, so that each is small. They are made where
 * CHARTROOM_CONSOLE_PICTURES names a folder (`npm run pictures`). https://www.w3.org/TR/png-3/
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { PNG } from 'pngjs';

const FOLDER = process.env['CHARTROOM_CONSOLE_PICTURES'];
/** States of the tests that have one. */
const STATES: ReadonlySet<string> = new Set([
  ...['edit-conflict', 'chart-documents', 'document-pdf', 'document-dicom', 'today', 'intake-scan'],
  ...['release-check', 'release-marks', 'audit-who-saw', 'privacy', 'administration', 'explorer-answer'],
]);
const COLOURS = 48;

export async function figure(page: Page, state: string): Promise<void> {
  if (FOLDER === undefined || !STATES.has(state)) return;
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(join(FOLDER, `${state}.png`), withFewColours(await page.screenshot()));
}

/** The most frequent colours, and each other one as that which is nearest. */
function withFewColours(picture: Buffer): Buffer {
  const { width, height, data } = PNG.sync.read(picture);
  const counts = new Map<number, number>();
  for (let at = 0; at < data.length; at += 4) {
    const colour = data.readUIntBE(at, 3);
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  const palette = [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, COLOURS)
    .map(([colour]) => colour);
  const nearest = new Map(palette.map((colour, n) => [colour, n]));
  const rows = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const colour = data.readUIntBE(4 * (y * width + x), 3);
      let index = nearest.get(colour);
      if (index === undefined) nearest.set(colour, (index = nearestOf(colour, palette)));
      rows[y * (width + 1) + 1 + x] = index;
    }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', header),
    chunk('PLTE', Buffer.from(palette.flatMap(each => partsOf(each)))),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

const partsOf = (colour: number): readonly number[] => [colour >> 16, (colour >> 8) & 255, colour & 255];

function nearestOf(colour: number, palette: readonly number[]): number {
  const distance = (other: number): number => {
    const mine = partsOf(colour);
    return partsOf(other).reduce((sum, part, n) => sum + (part - mine[n]!) ** 2, 0);
  };
  let best = 0;
  for (let n = 1; n < palette.length; n++) if (distance(palette[n]!) < distance(palette[best]!)) best = n;
  return best;
}

function chunk(name: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(name, 'latin1'), data]);
  const [size, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  size.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(named));
  return Buffer.concat([size, named, sum]);
}
