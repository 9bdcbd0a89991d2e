/**
 * Paging links: opaque, sealed, with an end (https://hl7.org/fhir/R4/http.html#paging). A link carries the whole
 * question and the place where the last page ended, so that any server process can go on with it.
 */
import { FhirError } from '../fhir/error.js';
import type { Cursor } from '../search/query.js';
import type { Engine, Parameters } from './interaction.js';

export const PAGE = '_page';

/** What a link remembers. */
export interface PageState {
  /** Path below the base that the link belongs to: `Patient`, `Patient/1/_history`, ``. */
  readonly path: string;
  readonly parameters: Parameters;
  readonly lenient?: boolean;
  readonly cursor: Cursor;
  readonly direction: 'after' | 'before';
  readonly total?: number;
}

/** Absolute URL of a path and its parameters; the characters that search values use stay readable. */
export function linkTo(engine: Engine, path: string, parameters: Parameters): string {
  const query = parameters.map(([name, value]) => `${escape(name)}=${escape(value)}`).join('&');
  return `${engine.settings.base}${path && `/${path}`}${query && `?${query}`}`;
}

const escape = (text: string): string =>
  encodeURIComponent(text).replace(/%(?:2C|3A|2F|24)/g, code => decodeURIComponent(code));

export function pageLink(engine: Engine, state: PageState): string {
  return linkTo(engine, state.path, [[PAGE, engine.seal.close(state, engine.settings.linkLifetime)]]);
}

/** The state of the `_page` parameter, if there is one. Throws `expired` and `invalid`. */
export function openPage(engine: Engine, path: string, parameters: Parameters): PageState | undefined {
  const token = parameters.find(([name]) => name === PAGE)?.[1];
  if (token === undefined) return undefined;
  const opened = engine.seal.open(token);
  if (opened === 'expired')
    throw new FhirError('expired', 'This paging link is too old: start the search again.', {
      expression: 'http._page',
      detail: 'page-expired',
    });
  const state = opened === 'invalid' ? undefined : (opened.value as PageState);
  if (state?.path !== path)
    throw new FhirError('invalid', 'This is not a paging link of this server: follow links as they were given.', {
      expression: 'http._page',
      detail: 'page-invalid',
    });
  return state;
}
