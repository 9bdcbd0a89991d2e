/**
 * Conditional references: `Patient?identifier=…` becomes the one resource that matches; of a transaction, in the store as
 * the transaction leaves it. R4 has them in transactions; a server that keeps the question from elsewhere stores what nobody can follow. https://hl7.org/fhir/R4/http.html#trules
 */
import { asFhirError, FhirError } from '../../fhir/error.js';
import type { Parsed, Resource } from '../../fhir/resource.js';
import { atElement, atPlace } from '../response/transaction-response.js';
import { conditionsOf, findSought, readCriteria } from '../write/conditional.js';
import type { Context, Engine } from '../engine.js';
import type { Parameters } from '../interaction.js';
import { pathTo, put, type Site, sitesOf, textAt } from './references.js';
import type { Staged } from './staged.js';

/** One reference by criteria. */
export interface Pending {
  /** Position of its entry. */
  readonly at: number;
  /** That of its entry. */
  readonly context: Context;
  /** That it stands in; of a JSON Patch none. */
  readonly resource?: Resource;
  readonly site: Site;
}

const CONDITIONAL = /^([A-Z][A-Za-z]+)\?(.*)$/s;
/** Questions asked at the same time. */
const QUESTIONS_UNDER_WAY = 16;
/** How many times the time of one query all questions of a Bundle may take. */
const TIMES = 6;

/** Type and criteria of a conditional reference; undefined: it is none. */
export function referenceCriteria(
  { settings }: Engine,
  text: string,
): { type: string; criteria: Parameters } | undefined {
  const base = settings.bases.find(each => text.startsWith(`${each}/`));
  const parts = CONDITIONAL.exec(base === undefined ? text : text.slice(base.length + 1));
  if (!parts) return undefined;
  return { type: parts[1]!, criteria: conditionsOf([...new URLSearchParams(parts[2])]) };
}

/** Throws `precondition` where nothing matches, `multiple-matches` for several. */
export async function resolveConditional(engine: Engine, pending: readonly Pending[], staged: Staged): Promise<void> {
  const questions = new Map<string, Pending[]>();
  for (const each of pending) {
    const same = questions.get(each.site.text);
    if (same) same.push(each);
    else questions.set(each.site.text, [each]);
  }
  const waiting = questions.entries();
  const until = performance.now() + TIMES * engine.settings.queryTimeout;
  const work = async (): Promise<void> => {
    for (const [text, asked] of waiting) {
      if (performance.now() > until)
        throw new FhirError(
          'too-costly',
          'The conditional references of this Bundle take too long: use identifiers, or divide the Bundle.',
        );
      const target = await targetOfText(text, asked[0]!, staged);
      for (const { site } of asked) put(site, target);
    }
  };
  await Promise.all(Array.from({ length: QUESTIONS_UNDER_WAY }, work));
}

async function targetOfText(text: string, { at, context, resource, site }: Pending, staged: Staged): Promise<string> {
  try {
    return await resolveReference(context, text, staged);
  } catch (error) {
    const path = resource ? `.${pathTo(resource, site)}` : '';
    throw atPlace(asFhirError(error), `Bundle.entry[${at}].resource${path}`);
  }
}

/** `Type/id` of the one that matches. */
async function resolveReference(context: Context, text: string, staged?: Staged): Promise<string> {
  const { engine } = context;
  const { type, criteria } = referenceCriteria(engine, text)!;
  if (!engine.definitions.resourceTypes.includes(type))
    throw new FhirError('invalid', 'A conditional reference must start with a resource type.');
  const sought = await readCriteria(context, type, criteria);
  const [found, another] = staged ? await staged.find(context, sought) : await findSought(context, sought, 2);
  if (found && !another) return `${type}/${found.id}`;
  throw found
    ? new FhirError('multiple-matches', 'A conditional reference matches several resources.')
    : new FhirError('precondition', 'A conditional reference matches nothing: load what it refers to first.', {
        detail: 'no-match',
      });
}

/** Where a resource that came by itself has conditional references, with their first texts: it may have to be written again. */
const met = new WeakMap<Resource, readonly Site[]>();
const NO_NAMES = { get: () => undefined, starts: new Set<number>() };

/**
 * The body with what its conditional references mean, as in a transaction; itself where it has none, as nearly always. What
 * `before`, the text of the version before, has as well stays. Throws as `resolveConditional` does, and `forbidden` for types that may not be seen.
 */
export async function resolveReferences<T extends Parsed>(
  context: Context,
  body: T,
  before?: Buffer,
): Promise<T | Parsed> {
  const { engine } = context;
  const { resource, decimals, text, large, stored } = body;
  // A look at the text spares most of them a walk; a question mark may be written as an escape.
  if (text !== undefined && !text.includes('?') && !text.includes('\\u003')) return body;
  let sites = met.get(resource);
  if (!sites) {
    sites = sitesOf(resource, engine.definitions, NO_NAMES, undefined).filter(
      site => site.as === 'reference' && referenceCriteria(engine, textAt(site)) !== undefined,
    );
    met.set(resource, sites);
  }
  const asked = sites.filter(site => !before?.includes(JSON.stringify(site.text)));
  if (asked.length === 0) return body;
  for (const site of asked)
    try {
      put(site, await resolveReference(context, site.text));
    } catch (error) {
      throw atElement(asFhirError(error), `${resource.resourceType}.${pathTo(resource, site)}`);
    }
  return { resource, decimals, ...(large ? { large } : {}), ...(stored ? { stored } : {}) };
}
