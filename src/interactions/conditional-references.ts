/**
 * Conditional references of a transaction: `Patient?identifier=…` becomes the one resource that matches, in the store as
 * the transaction leaves it. https://hl7.org/fhir/R4/http.html#trules
 */
import { asFhirError, FhirError } from '../fhir/error.js';
import type { Resource } from '../fhir/resource.js';
import { atPlace } from './bundle-response.js';
import { findBeside, readCriteria } from './criteria.js';
import type { Engine, Parameters } from './interaction.js';
import { pathTo, put, type Site } from './rewrite.js';
import type { Staged } from './staged.js';

/** One reference by criteria. */
export interface Pending {
  /** Position of its entry. */
  readonly at: number;
  readonly without: readonly string[];
  readonly resource: Resource;
  readonly site: Site;
}

const CONDITIONAL = /^([A-Z][A-Za-z]+)\?(.*)$/s;
/** Questions asked at the same time. */
const AT_A_TIME = 16;

/** Type and criteria of a conditional reference; undefined: it is none. */
export function referenceCriteria(
  { settings }: Engine,
  text: string,
): { type: string; criteria: Parameters } | undefined {
  const base = settings.bases.find(each => text.startsWith(`${each}/`));
  const parts = CONDITIONAL.exec(base === undefined ? text : text.slice(base.length + 1));
  if (!parts) return undefined;
  return { type: parts[1]!, criteria: [...new URLSearchParams(parts[2])] };
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
  const work = async (): Promise<void> => {
    for (const [text, asked] of waiting) {
      const target = await find(engine, text, asked[0]!, staged);
      for (const { site } of asked) put(site, target);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
}

async function find(
  engine: Engine,
  text: string,
  { at, without, resource, site }: Pending,
  staged: Staged,
): Promise<string> {
  try {
    const { type, criteria } = referenceCriteria(engine, text)!;
    if (!engine.definitions.resourceTypes.includes(type))
      throw new FhirError('invalid', 'A conditional reference must start with a resource type.');
    const sought = await readCriteria(engine, type, criteria, without);
    const { rows } = await findBeside(engine, sought, staged.written(type), 2);
    const [found, another] = [...rows, ...staged.matches(sought)];
    if (found && !another) return `${type}/${found.id}`;
    throw found
      ? new FhirError('multiple-matches', 'A conditional reference matches several resources.')
      : new FhirError('precondition', 'A conditional reference matches nothing: load what it refers to first.', {
          detail: 'no-match',
        });
  } catch (error) {
    throw atPlace(asFhirError(error), `Bundle.entry[${at}].resource.${pathTo(resource, site)}`);
  }
}
