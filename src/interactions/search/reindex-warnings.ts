/**
 * What a search must say where it uses a custom search parameter whose reindex job is under way: the answer is given, and
 * an OperationOutcome beside it says that it may not be the whole one, and how far the job is (reindex-job.ts).
 */
import type { Issue } from '../../fhir/error.js';
import type { ParsedSearch } from '../../search/parse.js';
import type { Test, Where } from '../../search/query.js';
import type { Engine } from '../engine.js';

/** Every parameter that a condition asks, with the type that it is asked of and what is asked, where that is a value. */
export function visitParameters(
  where: Where,
  types: readonly string[],
  note: (type: string, code: string, test?: Test) => void,
): void {
  const one = (code: string, of: readonly string[], test?: Test) => of.forEach(type => note(type, code, test));
  switch (where.kind) {
    case 'all':
    case 'any':
      return where.of.forEach(part => visitParameters(part, types, note));
    case 'not':
      return visitParameters(where.of, types, note);
    case 'of':
      return visitParameters(where.where, [where.type], note);
    case 'param':
      return one(where.code, types, where.test);
    case 'present':
      return one(where.code, types);
    case 'chain':
      one(where.code, types);
      return visitParameters(where.where, [where.to], note);
    case 'has':
      one(where.code, [where.from]);
      return visitParameters(where.where, [where.from], note);
    case 'words':
      return;
  }
}

/** Warnings for the parameters of a search that are still being indexed; almost always none, at no cost. */
export function indexingIssues(
  engine: Engine,
  types: readonly string[],
  parsed: Pick<ParsedSearch, 'where' | 'sort' | 'includes'>,
): readonly Issue[] {
  if (!engine.reindexer.busy) return [];
  const waiting = new Map<string, { readonly done: number; readonly total: number }>();
  for (const { custom, pending, done, total } of engine.reindexer.progress())
    if (custom) for (const type of pending) waiting.set(`${type}.${custom.definition.code}`, { done, total });
  const used = new Map<string, { readonly done: number; readonly total: number }>();
  const note = (type: string, code: string): void => {
    const found = waiting.get(`${type}.${code}`);
    if (found) used.set(code, found);
  };
  visitParameters(parsed.where, types, note);
  for (const { code } of parsed.sort) for (const type of types) note(type, code);
  for (const { from, code } of parsed.includes) if (from !== undefined && code !== undefined) note(from, code);
  return [...used].map(
    ([code, { done, total }]): Issue => ({
      severity: 'warning',
      code: 'incomplete',
      detail: 'parameter-indexing',
      expression: `http.${code}`,
      text: `The search parameter ${code} is still being indexed (${done} of about ${Math.max(done, total)} resources done): resources that were stored before it came into force may be missing here, or be here wrongly with :missing and :not.`,
    }),
  );
}
