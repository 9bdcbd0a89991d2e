/**
 * Paging links: opaque, sealed, with an end (https://hl7.org/fhir/R4/http.html#paging). A link carries the whole
 * question and the place where the last page ended, so that any server process can go on with it.
 */
import { FhirError } from '../../fhir/error.js';
import type { Cursor } from '../../search/query.js';
import type { Page } from '../../store/store.js';
import type { Principal } from '../../identity/principal.js';
import type { Context, Engine } from '../engine.js';
import type { Parameters } from '../interaction.js';

export const PAGE_PARAMETER = '_page';

/** What a link remembers. */
export interface PageState {
  /** Path below the base that the link belongs to: `Patient`, `Patient/1/_history`, ``. */
  readonly path: string;
  readonly parameters: Parameters;
  readonly lenient?: boolean;
  readonly cursor: Cursor;
  readonly direction: 'after' | 'before';
  readonly total?: number;
  /** ms: that of the first page, up to which all pages together are complete. */
  readonly horizon: number;
}

/** What an answer says for the audit trail of the page that it is; nothing of the first one. */
export const laterPage = (page: Pick<PageState, 'parameters'> | undefined): { readonly asked?: Parameters } =>
  page ? { asked: page.parameters } : {};

/** What the first page was asked by, for the audit trail of a later one that was refused; undefined: these are no parameters of a later page. */
export function firstAsked({ pageTokens }: Pick<Engine, 'pageTokens'>, asked: Parameters): Parameters | undefined {
  const token = asked.find(([name]) => name === PAGE_PARAMETER)?.[1];
  const opened = token === undefined ? 'invalid' : pageTokens.open(token, true);
  return typeof opened === 'string' ? undefined : (opened.value as Partial<SealedPage>).page?.parameters;
}

/** In whose hands a link works, and what they might see when the total was counted. */
interface SealedPage {
  readonly page: PageState;
  readonly holder: string;
  readonly digest: string;
}

type Holding = Pick<Context, 'engine' | 'permission' | 'principal'>;

/** Who asks, and through which application. */
const holderOf = ({ issuer, subject, name, client }: Principal): string =>
  [issuer, subject ?? name, client].map(part => part ?? '').join(' ');

/** Absolute URL of a path and its parameters; the characters that search values use stay readable. */
export function linkTo(engine: Engine, path: string, parameters: Parameters): string {
  const query = parameters.map(([name, value]) => `${escapeSearchValue(name)}=${escapeSearchValue(value)}`).join('&');
  return `${engine.settings.base}${path && `/${path}`}${query && `?${query}`}`;
}

const escapeSearchValue = (text: string): string =>
  encodeURIComponent(text).replace(/%(?:2C|3A|2F|24)/g, code => decodeURIComponent(code));

/** How the answer is written (https://hl7.org/fhir/R4/http.html#parameters): no part of the question, and kept by every link. */
export const FORM_PARAMETERS: ReadonlySet<string> = new Set(['_format', '_pretty']);

/** What `asked` says of the form of the answer, for links. */
export const formParameters = (asked: Parameters): Parameters => asked.filter(([name]) => FORM_PARAMETERS.has(name));

/** What is asked, without the form of the answer and the place in it. */
export const questionOf = (asked: Parameters): Parameters =>
  asked.filter(([name]) => !FORM_PARAMETERS.has(name) && name !== PAGE_PARAMETER);

/** `asked`: the parameters of the request whose answer has the link. */
export function pageLink({ engine, permission, principal }: Holding, page: PageState, asked: Parameters): string {
  const state: SealedPage = { page, holder: holderOf(principal), digest: permission.digest };
  const sealed = engine.pageTokens.close(state, engine.settings.linkLifetime);
  return linkTo(engine, page.path, [[PAGE_PARAMETER, sealed], ...formParameters(asked)]);
}

export interface Link {
  readonly relation: 'self' | 'next' | 'previous';
  readonly url: string;
}

/** The link to the page itself. `used`: what was understood of a first page; later ones are named as they were asked. */
export const selfLink = (engine: Engine, path: string, asked: Parameters, used: Parameters): Link => ({
  relation: 'self',
  url: linkTo(
    engine,
    path,
    asked.some(([name]) => name === PAGE_PARAMETER) ? asked : [...used, ...formParameters(asked)],
  ),
});

/** Links from a page, which was reached by the link `page`, to the pages beside it. */
export function neighbours(
  holding: Holding,
  state: Omit<PageState, 'cursor' | 'direction'>,
  found: Page,
  page: PageState | undefined,
  asked: Parameters,
): readonly Link[] {
  const links: Link[] = [];
  const [first, last] = [found.cursors.at(0), found.cursors.at(-1)];
  const backwards = page?.direction === 'before';
  // Walking back there is always a page after this one: the one we came from.
  if (last && (backwards || found.more))
    links.push({ relation: 'next', url: pageLink(holding, { cursor: last, direction: 'after', ...state }, asked) });
  if (first && page && (backwards ? found.more : true))
    links.push({
      relation: 'previous',
      url: pageLink(holding, { cursor: first, direction: 'before', ...state }, asked),
    });
  return links;
}

/** The value of `_count` that is used. */
export const clampCount = ({ settings }: Engine, count: number | undefined): number =>
  Math.min(count ?? settings.pageSize, settings.maxPageSize);

/**
 * The state of the `_page` parameter, if there is one. In other hands a link is none; in the same ones whose permission has changed it is
 * without its total. Throws `expired` and `invalid`.
 */
export function openPage(
  { engine, permission, principal }: Holding,
  path: string,
  parameters: Parameters,
): PageState | undefined {
  const token = parameters.find(([name]) => name === PAGE_PARAMETER)?.[1];
  if (token === undefined) return undefined;
  const opened = engine.pageTokens.open(token);
  if (opened === 'expired')
    throw new FhirError('expired', 'This paging link is too old: start the search again.', {
      expression: 'http._page',
      detail: 'page-expired',
    });
  const sealed = opened === 'invalid' ? undefined : (opened.value as SealedPage);
  if (sealed?.page?.path !== path || sealed.holder !== holderOf(principal))
    throw new FhirError('invalid', 'This is not a paging link of this server: follow links as they were given.', {
      expression: 'http._page',
      detail: 'page-invalid',
    });
  const { page } = sealed;
  if (sealed.digest === permission.digest) return page;
  const { total: _, ...rest } = page;
  return rest;
}
