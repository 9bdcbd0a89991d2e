/**
 * Parts of the bytes of a Binary, and what tells a client that it has all of them:
 * https://www.rfc-editor.org/rfc/rfc9110#section-14, https://www.rfc-editor.org/rfc/rfc9530
 *
 * Choices, all of which the standard leaves open: several ranges, a unit that is not bytes and what cannot be read are answered with
 * everything (200); If-Range compares entity tags alone, as a time in seconds does not tell two versions apart.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { RawContent } from '../interactions/interaction.js';

/** First and last byte. */
type BytePart = NonNullable<Parameters<RawContent['open']>[0]>;

/** One range of bytes: first and last, or how many at the end. */
const ONE_RANGE = /^\s*bytes\s*=\s*(\d{0,20})\s*-\s*(\d{0,20})\s*$/i;

/** The part that is asked for of `size` bytes; `none`: it has no byte of them. */
export function rangeAsked(
  { range: header, 'if-range': condition }: IncomingHttpHeaders,
  size: number,
  tag: string,
): BytePart | 'everything' | 'none' {
  const [, first = '', last = ''] = (header !== undefined && ONE_RANGE.exec(header)) || [];
  if (first === '' && last === '') return 'everything';
  if (condition !== undefined && String(condition).trim() !== tag) return 'everything';
  if (first === '')
    return Number(last) === 0 || size === 0 ? 'none' : { start: Math.max(0, size - Number(last)), end: size - 1 };
  if (last !== '' && Number(last) < Number(first)) return 'everything';
  if (Number(first) >= size) return 'none';
  return { start: Number(first), end: last === '' ? size - 1 : Math.min(Number(last), size - 1) };
}

/** The fields with the SHA-256 of all bytes that were asked for, in its present and its former form. */
export function digestFields(headers: IncomingHttpHeaders, hash: string): Readonly<Record<string, string>> {
  const base64 = (): string => Buffer.from(hash, 'hex').toString('base64');
  return {
    ...(wants(headers['want-repr-digest'], '=') ? { 'Repr-Digest': `sha-256=:${base64()}:` } : {}),
    ...(wants(headers['want-digest'], ';q=') ? { Digest: `SHA-256=${base64()}` } : {}),
  };
}

/** Whether SHA-256 is named with another weight than 0, or without one. `weighs`: what stands before a weight. */
function wants(header: string | string[] | undefined, weighs: '=' | ';q='): boolean {
  for (const part of String(header ?? '').split(',')) {
    const [name = '', weight] = part.replaceAll(/\s/g, '').toLowerCase().split(weighs);
    if (name === 'sha-256') return weight === undefined || Number(weight) > 0;
  }
  return false;
}
