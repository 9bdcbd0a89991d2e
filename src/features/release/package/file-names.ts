/** Names of files in a package: safe on every system, in the order of the items, and the same for the same order. */
import type { PackageItem } from './order.js';

const EXTENSIONS: Readonly<Record<string, string>> = {
  'application/pdf': 'pdf',
  'application/dicom': 'dcm',
  'application/json': 'json',
  'application/fhir+json': 'json',
  'application/fhir+xml': 'xml',
  'application/xml': 'xml',
  'application/hl7-v3+xml': 'xml',
  'application/hl7-cda+xml': 'xml',
  'application/rtf': 'rtf',
  'text/rtf': 'rtf',
  'text/xml': 'xml',
  'text/html': 'html',
  'text/plain': 'txt',
  'text/csv': 'csv',
  'image/jpeg': 'jpg',
  'image/png': 'png',
  'image/gif': 'gif',
  'image/tiff': 'tif',
};
const LONGEST = 60;

/** `007-Discharge-summary.pdf`: `at` is the place of the item, from 0. */
export function itemFileName({ title, contentType }: Pick<PackageItem, 'title' | 'contentType'>, at: number): string {
  const words = title
    .normalize('NFC')
    .replaceAll(/[^\p{L}\p{M}\p{N}]+/gu, '-')
    .replaceAll(/^-+|-+$/g, '');
  const short = Array.from(words).slice(0, LONGEST).join('').replace(/-+$/, '');
  const type = contentType.toLowerCase().split(';')[0]!.trim();
  const number = String(at + 1).padStart(3, '0');
  return `${number}${short === '' ? '' : `-${short}`}.${EXTENSIONS[type] ?? 'bin'}`;
}
