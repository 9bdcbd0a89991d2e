/** `chartroom explain 'Observation?code=…'`: how this store answers a search, without anything of what it finds. */
import { UNRESTRICTED } from '../access/permission.js';
import { createView } from '../access/view.js';
import { FhirError } from '../fhir/error.js';
import { printCompact } from '../interactions/search/explain.js';
import { explainSearch } from '../interactions/search/search.js';
import type { Invocation } from './invocation.js';

export async function explain({ open, words }: Invocation): Promise<number> {
  const [question, ...more] = words;
  if (question === undefined || more.length > 0)
    throw new FhirError('invalid', "Name one search, in quotes: chartroom explain 'Observation?code=1234-5'.");
  const at = question.indexOf('?');
  const type = (at < 0 ? question : question.slice(0, at)).replace(/^\//, '');
  const parameters = [...new URLSearchParams(at < 0 ? '' : question.slice(at + 1))];
  const engine = await open();
  try {
    if (type !== '' && !engine.definitions.resourceTypes.includes(type))
      throw new FhirError('unknown-type', 'The search must begin with an R4 resource type, or with a question mark.');
    const kind = 'search' as const;
    const told = await explainSearch(
      { engine, view: createView(engine, UNRESTRICTED, undefined) },
      { kind, parameters, lenient: false, ...(type === '' ? {} : { type }) },
    );
    const { understood, asked, rest, store } = told;
    const lines: readonly (readonly [string, string])[] = [
      ['understood', printCompact(understood)],
      ['asked', printCompact(asked.where)],
      ...(rest ? [['row by row', printCompact(rest)] as const] : []),
      ['driver', printCompact(store.driver)],
      ...store.filter.map(filter => ['filter', printCompact(filter)] as const),
      ['order', `${printCompact(store.order)}${store.ordered ? ', from the index' : ', sorted'}`],
      ...store.statements.map(statement => ['statement', statement] as const),
      ...store.steps.map(step => ['step', step] as const),
      ['cost', costOf(store)],
    ];
    for (const [name, text] of lines) process.stdout.write(`${name.padEnd(12)}${text}\n`);
    return 0;
  } finally {
    await engine.store.close();
  }
}

function costOf({ keys, documents, rows, milliseconds }: Awaited<ReturnType<typeof explainSearch>>['store']): string {
  const parts = [
    ...(keys === undefined ? [] : [`${keys} keys`]),
    ...(documents === undefined ? [] : [`${documents} documents`]),
    `${rows} rows`,
    `${milliseconds.toFixed(1)} ms`,
  ];
  return parts.join(', ');
}
