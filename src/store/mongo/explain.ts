/** What MongoDB says of a page: its queries, the stages that it ran them with, keys and documents examined. */
import type { Document, Filter } from 'mongodb';
import type { Plan } from '../plan.js';
import type { Explanation } from '../store.js';
import { compile } from './compile.js';
import type { Connected } from './connection.js';
import type { ResourceDocument } from './schema.js';

interface Stats {
  readonly executionStats?: {
    readonly nReturned: number;
    readonly executionTimeMillis: number;
    readonly totalKeysExamined: number;
    readonly totalDocsExamined: number;
    readonly executionStages?: Document;
  };
}

/** Stage names from the root down, with what each examined. */
function explainedStages(stage: Document | undefined, depth = 0): string[] {
  if (!stage || depth > 20) return [];
  const { stage: name, indexName, keysExamined, docsExamined, nReturned } = stage;
  const index = indexName === undefined ? '' : ` ${String(indexName)}`;
  const keys = keysExamined === undefined ? '' : ` keys ${String(keysExamined)}`;
  const docs = docsExamined === undefined ? '' : ` documents ${String(docsExamined)}`;
  const line = `${'  '.repeat(depth)}${String(name)}${index} gives ${String(nReturned)}${keys}${docs}`;
  const inner = (stage['inputStages'] as Document[] | undefined) ?? [stage['inputStage'] as Document | undefined];
  return [line, ...inner.flatMap(one => explainedStages(one, depth + 1))];
}

export async function explainPage({ resource }: Connected, plan: Plan, maxTimeMS: number): Promise<Explanation> {
  const { driver, filter, order, ordered, limit } = plan;
  const compiled = compile(plan);
  const statements: string[] = [];
  const found: Stats[] = [];
  if (compiled?.by === 'scans')
    for (const { filters, sort } of compiled.scans)
      for (const one of filters) {
        statements.push(
          JSON.stringify({ find: one, sort: Object.fromEntries(sort), hint: compiled.hint, limit: limit + 1 }),
        );
        found.push(
          await resource
            .find(one as Filter<ResourceDocument>, {
              sort: sort.map(([field, direction]): [string, 1 | -1] => [field, direction]),
              hint: compiled.hint,
              limit: limit + 1,
              maxTimeMS,
            })
            .explain('executionStats'),
        );
      }
  else if (compiled) {
    const pipeline = [{ $match: compiled.match }, ...compiled.stages] as Document[];
    statements.push(JSON.stringify({ aggregate: pipeline, hint: compiled.hint }));
    const told = await resource.aggregate(pipeline, { hint: compiled.hint, maxTimeMS }).explain('executionStats');
    const first = (told['stages'] as Document[] | undefined)?.[0]?.['$cursor'] as Stats | undefined;
    found.push(first ?? told);
  }
  const stats = found.map(({ executionStats }) => executionStats);
  const sum = (of: (one: NonNullable<Stats['executionStats']>) => number): number =>
    stats.reduce((total, one) => total + (one ? of(one) : 0), 0);
  return {
    driver,
    filter,
    order,
    ordered,
    statements,
    steps: stats.flatMap(one => explainedStages(one?.executionStages)),
    keys: sum(one => one.totalKeysExamined),
    documents: sum(one => one.totalDocsExamined),
    rows: Math.min(
      limit,
      sum(one => one.nReturned),
    ),
    milliseconds: sum(one => one.executionTimeMillis),
  };
}
