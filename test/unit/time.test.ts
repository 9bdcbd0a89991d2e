/**
 * One way to the time: the machine is asked for it, and for timers, in platform/real-time.ts alone. Everywhere else it is
 * `clock` (what users see, what is done from time to time) or one of the functions of that file, whose names say that real
 * time is meant. `performance.now()` measures how long something takes, which no clock moves.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { parseSource, readSources } from '../../build/sources.js';

const MAY = 'platform/real-time.ts';
const TIMERS: ReadonlySet<unknown> = new Set(['setTimeout', 'setInterval']);
const GLOBALS: ReadonlySet<unknown> = new Set(['globalThis', 'global', 'window', 'self']);
const TIMER_MODULES: ReadonlySet<unknown> = new Set(
  ['timers', 'timers/promises'].flatMap(name => [name, `node:${name}`]),
);

type Node = Readonly<Record<string, unknown>>;
const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null;
const named = (value: unknown): unknown =>
  isNode(value) && value['type'] === 'Identifier' ? value['name'] : undefined;

/** A turn of the event loop is no time. */
const takesTurnsAlone = ({ specifiers }: Node): boolean =>
  Array.isArray(specifiers) && specifiers.every(each => isNode(each) && named(each['imported']) === 'setImmediate');

/** What asks the machine, by the type of a node, itself and what is around it; undefined: this does not. */
const ASKING: Readonly<Record<string, (node: Node, parent: Node | undefined, as: string) => string | undefined>> = {
  ImportDeclaration: importing,
  ImportExpression: importing,
  MemberExpression({ object, property, computed }) {
    const [of, member] = [named(object), named(property)];
    if (of === 'Date' && (member === 'now' || computed === true)) return 'Date.now';
    return GLOBALS.has(of) && (TIMERS.has(member) || member === 'Date') ? String(member) : undefined;
  },
  NewExpression: ({ callee, arguments: given }) =>
    named(callee) === 'Date' && Array.isArray(given) && given.length === 0 ? 'new Date()' : undefined,
  CallExpression: ({ callee }) => (named(callee) === 'Date' ? 'Date()' : undefined),
  VariableDeclarator: ({ init }) => (named(init) === 'Date' ? 'Date taken apart' : undefined),
  Identifier({ name }, parent, as) {
    const isMember = parent?.['type'] === 'MemberExpression' && as === 'property' && parent['computed'] !== true;
    const isKey = parent?.['type'] === 'Property' && as === 'key' && parent['shorthand'] !== true;
    return TIMERS.has(name) && !isMember && !isKey ? String(name) : undefined;
  },
};

function importing(node: Node): string | undefined {
  const source = isNode(node['source']) ? node['source']['value'] : undefined;
  return TIMER_MODULES.has(source) && !takesTurnsAlone(node) ? `import of ${String(source)}` : undefined;
}

function asked(file: string, text: string): string[] {
  const found: string[] = [];
  const look = (value: unknown, parent: Node | undefined, as: string): void => {
    if (Array.isArray(value)) for (const each of value) look(each, parent, as);
    else if (isNode(value)) {
      const what = ASKING[String(value['type'])]?.(value, parent, as);
      if (what !== undefined) found.push(what);
      else for (const [key, below] of Object.entries(value)) look(below, value, key);
    }
  };
  look(parseSource(file, text).body, undefined, 'body');
  return found;
}

describe('time', () => {
  const sources = readSources();

  it('comes from one file', () => {
    const users = [...sources].flatMap(([file, { text }]) => asked(file, text).map(what => `${file}: ${what}`));
    assert.deepEqual(
      users.filter(user => !user.startsWith(`${MAY}:`)),
      [],
    );
    assert.deepEqual(users.map(user => user.slice(MAY.length + 2)).toSorted(), [
      'Date.now',
      'import of node:timers/promises',
      'setInterval',
      'setTimeout',
    ]);
  });

  const rows = [
    'const at = Date.now();',
    'const now = Date.now;',
    "const at = Date['now']();",
    'const { now } = Date;',
    'const at = new Date();',
    'const at = new Date;',
    'const text = Date();',
    'const at = new globalThis.Date().getTime();',
    'setTimeout(work, 5).unref();',
    'await new Promise(done => setTimeout(done, 5));',
    'const timer = setInterval(work, 5);',
    'const later = setTimeout;',
    'const timers = { setTimeout };',
    'globalThis.setTimeout(work, 5);',
    "import { setTimeout as pause } from 'node:timers/promises';",
    "import { setImmediate, setTimeout as pause } from 'node:timers/promises';",
    "import * as timers from 'node:timers';",
    "import timers from 'node:timers';",
    "import { scheduler } from 'timers/promises';",
    "const { setInterval: again } = await import('node:timers');",
  ];
  for (const text of rows) it(`is seen to be asked for: ${text}`, () => assert.ok(asked('a.ts', text).length > 0));

  it('may be read, measured and counted', () => {
    const texts = [
      'new Date(row.updated).toISOString();',
      'Date.UTC(2020, 0, 1);',
      'Date.parse(text);',
      'performance.now();',
      'process.hrtime.bigint();',
      'response.setTimeout(5, end);',
      'clearTimeout(timer);',
      'let timer: NodeJS.Timeout;',
      'await new Promise(setImmediate);',
      "import { setImmediate as breath } from 'node:timers/promises';",
      '// setTimeout(work, 5), Date.now()',
    ];
    for (const text of texts) assert.deepEqual(asked('a.ts', text), [], text);
  });
});
