/** Separator sheets among drawn pages, for threads: QR codes are read by ZXing in WebAssembly, whose file is given to it, since it asks the network else. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { prepareZXingModule, readBarcodes, type ReaderOptions } from 'zxing-wasm/reader';
import type { drawnPage } from '../../../fhir/content/pdfium.js';
import { looksLikeSheet } from './sheet-mark.js';
import { isSheetText, parseSheet, type SeparatorSheet } from './sheet-text.js';

let loaded: Promise<unknown> | undefined;

async function load(): Promise<void> {
  const wasm = await readFile(createRequire(import.meta.url).resolve('zxing-wasm/reader/zxing_reader.wasm'));
  await prepareZXingModule({ overrides: { wasmBinary: new Uint8Array(wasm).buffer }, fireImmediately: true });
}

const READING: ReaderOptions = { formats: ['QRCode'], tryHarder: true, returnErrors: true, maxNumberOfSymbols: 8 };

/** `unreadable`: it may be one, as far as can be told, by its codes or by how it is laid out. Undefined: the page is none. */
export async function readSheet(
  { width, height, rgb }: ReturnType<typeof drawnPage>,
  grey: Uint8Array,
): Promise<SeparatorSheet | 'unreadable' | undefined> {
  await (loaded ??= load());
  const data = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let at = 0, from = 0; from < rgb.length; at += 4, from += 3) data.set(rgb.subarray(from, from + 3), at);
  const codes = await readBarcodes({ data, width, height, colorSpace: 'srgb' }, READING);
  const texts = new Set(codes.filter(({ isValid }) => isValid).map(({ text }) => text));
  const ours = [...texts].filter(isSheetText);
  if (ours.length === 1) return parseSheet(ours[0]!) ?? 'unreadable';
  // Codes of others are parts of documents; what cannot be read may be ours.
  const isUnsure = ours.length > 1 || codes.some(({ isValid }) => !isValid);
  return isUnsure || looksLikeSheet({ width, height, grey }) ? 'unreadable' : undefined;
}
