/** The codes that issues of resources have are those that the checks give. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { type Expression, Visitor } from 'oxc-parser';
import { parseSource, readSources, type Source } from '../../../build/sources.js';
import { ISSUE_DETAILS } from '../../../src/validation/issue-list.js';

/** Files whose codes are those of errors that they throw: no issue of a check has them. */
const THROWING = /^validation\/(?:snapshots\/.*|gate\/beside)\.ts$/;

/** The strings that an expression may be, as far as they are written there. */
function stringsOf(expression: Expression | undefined): string[] {
  if (expression?.type === 'ConditionalExpression')
    return [...stringsOf(expression.consequent), ...stringsOf(expression.alternate)];
  return expression?.type === 'Literal' && typeof expression.value === 'string' ? [expression.value] : [];
}

/** Places of parameters that are called `detail`, by the name of the function. */
function takersOf(body: Source['body']): Map<string, number> {
  const takers = new Map<string, number>();
  const note = (name: string | undefined, params: readonly { readonly type: string; readonly name?: unknown }[]) => {
    const at = params.findIndex(param => param.type === 'Identifier' && param.name === 'detail');
    if (name !== undefined && at >= 0) takers.set(name, at);
  };
  new Visitor({
    FunctionDeclaration: ({ id, params }) => note(id?.name, params),
    VariableDeclarator({ id, init }) {
      if (id.type === 'Identifier' && init?.type === 'ArrowFunctionExpression') note(id.name, init.params);
    },
  }).visit({ type: 'Program', body, sourceType: 'module', hashbang: null, start: 0, end: 0 });
  return takers;
}

/** What stands as `detail: '…'`, or is handed to a function as its `detail`. */
function detailsIn(sources: Iterable<Source>): Set<string> {
  const all = [...sources].map(({ body }) => body);
  const takers = new Map(all.flatMap(body => [...takersOf(body)]));
  const found: string[] = [];
  const visitor = new Visitor({
    Property({ key, value }) {
      if (key.type === 'Identifier' && key.name === 'detail') found.push(...stringsOf(value as Expression));
    },
    CallExpression({ callee, arguments: given }) {
      const at = callee.type === 'Identifier' ? takers.get(callee.name) : undefined;
      if (at !== undefined) found.push(...stringsOf(given[at] as Expression | undefined));
    },
  });
  for (const body of all)
    visitor.visit({ type: 'Program', body, sourceType: 'module', hashbang: null, start: 0, end: 0 });
  return new Set(found);
}

describe('codes of issues', () => {
  it('are found in sources: as they stand, as one of two, and handed on', () => {
    const texts = [
      "const a = { detail: 'one', other: 'none' }; const b = { detail: x ? 'two' : 'three' };",
      "export function reportAt(place: string, detail: string) { give({ detail }); } reportAt('none', 'four');",
      "const named = (detail: string) => ({ detail }); use(named('five'), other('none'));",
    ];
    const found = detailsIn(texts.map((text, at) => parseSource(`${at}.ts`, text)));
    assert.deepEqual([...found].toSorted(), ['five', 'four', 'one', 'three', 'two']);
  });

  it('are those that checks give, and no others', () => {
    const checks = [...readSources()].filter(([file]) => file.startsWith('validation/') && !THROWING.test(file));
    assert.ok(checks.length > 50);
    const given = detailsIn(checks.map(([, source]) => source));
    assert.deepEqual([...given].toSorted(), [...ISSUE_DETAILS].toSorted());
  });
});
