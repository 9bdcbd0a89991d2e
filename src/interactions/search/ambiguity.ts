/**
 * Ids that a search gives without a type (`subject=23`) and that stand for resources of several types: both are found, as the
 * standard says, and whoever reads the answer must be told. https://hl7.org/fhir/R4/search.html#reference
 *
 * Where references of a parameter have only ever pointed at one type, which is nearly everywhere, nothing is asked.
 */
import type { Issue } from '../../fhir/error.js';
import type { Test, Where } from '../../search/query.js';
import { visitParameters } from './reindex-warnings.js';
import type { Context } from '../engine.js';

/** Ids of one search that are looked at: more of them were hardly written by somebody who could be told. */
const MAX_IDS = 10;

interface Bare {
  readonly type: string;
  readonly code: string;
  readonly id: string;
}

/** A warning for each such id of the question. `types` are those searched, `where` is what the client asked. */
export async function ambiguityIssues(
  { view }: Pick<Context, 'view'>,
  types: readonly string[],
  where: Where,
): Promise<readonly Issue[]> {
  const bare = new Map<string, Bare>();
  visitParameters(where, types, (type, code, test) => {
    const id = bareId(test);
    if (id !== undefined && bare.size < MAX_IDS) bare.set(`${type}.${code}=${id}`, { type, code, id });
  });
  const issues = await Promise.all(
    [...bare.values()].map(async ({ type, code, id }) => {
      const targets = await view.targetsOf(type, code);
      if (targets.length < 2) return [];
      const counted = await Promise.all(
        targets.map(target => {
          const test: Test = { kind: 'reference', to: { kind: 'local', type: target, id } };
          return view.count({ types: [type], where: { kind: 'param', code, test } }, 1);
        }),
      );
      const met = targets.filter((_, i) => counted[i]!.count > 0);
      return met.length < 2 ? [] : [ambiguityIssue(code, id, met)];
    }),
  );
  return issues.flat();
}

const bareId = (test: Test | undefined): string | undefined =>
  test?.kind === 'reference' && test.to.kind === 'local' && test.to.type === undefined ? test.to.id : undefined;

function ambiguityIssue(code: string, id: string, met: readonly string[]): Issue {
  const names = met.map(type => `${type}/${id}`);
  const [first] = met;
  return {
    severity: 'warning',
    code: 'multiple-matches',
    detail: 'ambiguous-id',
    expression: `http.${code}`,
    text: `The id in ${code}=${id} stands for ${names.join(' and ')}: the matches are about all of them. Say which one is meant, as in ${code}=${first}/${id} or ${code}:${first}=${id}.`,
  };
}
