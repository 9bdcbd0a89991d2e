/** Paging links that the server did not give out, or gave out for something else. */
import { MARK } from './bad-request.js';

export interface ForgedPage {
  readonly name: string;
  /** Path and query below the base, made from the token of a real second page of Patient. */
  readonly forge: (token: string) => string;
}

const flip = (text: string, at: number): string => {
  const place = at < 0 ? text.length + at : at;
  return text.slice(0, place) + (text[place] === 'A' ? 'B' : 'A') + text.slice(place + 1);
};
const json = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

const page = (name: string, token: (real: string) => string, path = '/Patient'): ForgedPage => ({
  name,
  forge: real => `${path}?_page=${token(real)}`,
});

export const forgedPages: readonly ForgedPage[] = [
  page('an empty page token', () => ''),
  page('a page token of junk', () => MARK),
  page('a page token of bytes', () => '%00%01%02'),
  page('a page token of 7,000 characters', () => 'A'.repeat(7000)),
  page('a page number', () => '2'),
  page('a page token of plain JSON', () => json([9_999_999_999, { path: 'Patient', parameters: [], cursor: [] }])),
  page('a token with a changed first character', real => flip(real, 0)),
  page('a token with a changed middle', real => flip(real, Math.floor(real.length / 2))),
  page('a token with a changed end', real => flip(real, -4)),
  page('a token that was cut', real => real.slice(0, -8)),
  page('a token that goes on', real => `${real}AAAA`),
  page('a token given twice over', real => real + real),
  page('a token of another type', real => real, '/Observation'),
  page('a token of the type for the system', real => real, '/'),
  page('a token of a search for a history', real => real, '/Patient/_history'),
  page('a token of a search for an instance', real => real, '/Patient/known/_history'),
];
