/**
 * Figures of the house, for those who look after it: `npm run figures`. Names that are defined in more than one file,
 * circles of imports, arrows inside interactions/, the longest functions, and the files that a read enters.
 *
 *     --names    lists every name that is defined in more than one file, with its files
 *     --long N   lists the functions of more than N lines
 *     --reach    lists the files that a read enters
 */
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { definedNames, readSources, repeatedNames } from '../dist/build/sources.js';

const { values: options } = parseArgs({
  options: { names: { type: 'boolean' }, long: { type: 'string' }, reach: { type: 'boolean' } },
});
const say = (what, value) => process.stdout.write(`${what.padEnd(56)} ${value}\n`);

const sources = readSources();
const files = [...sources.keys()];

/** Files of the house that a file imports. */
function importsOf(file, typesToo) {
  return sources.get(file).body.flatMap(statement => {
    const from = statement.source?.value;
    if (!from?.startsWith('.')) return [];
    const kinds = [statement.importKind, statement.exportKind];
    const each = statement.specifiers ?? [];
    const onlyTypes =
      kinds.includes('type') || (each.length > 0 && each.every(({ importKind }) => importKind === 'type'));
    const target = join(dirname(file), from).replace(/\.js$/, '.ts');
    return (onlyTypes && !typesToo) || !sources.has(target) ? [] : [target];
  });
}

/** Groups of files that import each other: strongly connected components of more than one (Tarjan). */
function circles(next) {
  const found = [];
  const index = new Map();
  const low = new Map();
  const stack = [];
  const visit = file => {
    index.set(file, index.size);
    low.set(file, index.get(file));
    stack.push(file);
    for (const other of next(file)) {
      if (!index.has(other)) visit(other);
      if (stack.includes(other)) low.set(file, Math.min(low.get(file), low.get(other)));
    }
    if (low.get(file) !== index.get(file)) return;
    const group = stack.splice(stack.indexOf(file));
    if (group.length > 1) found.push(group);
  };
  for (const file of files) if (!index.has(file)) visit(file);
  return found;
}

/** Every function of a file with its lines. */
function functionsOf(file) {
  const { text, body } = sources.get(file);
  const found = [];
  const look = (node, name) => {
    if (Array.isArray(node)) return node.forEach(each => look(each, name));
    if (node === null || typeof node !== 'object' || typeof node.type !== 'string') return;
    const own = node.id?.name ?? node.key?.name ?? name;
    if (/^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type))
      found.push({ file, name: own ?? '(anonymous)', lines: text.slice(node.start, node.end).split('\n').length });
    for (const [key, value] of Object.entries(node)) if (key !== 'parent') look(value, own);
  };
  look(body, undefined);
  return found;
}

/** Files that run because of one: what it imports at run time, and what that imports. */
function reachOf(file, seen = new Set()) {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const other of importsOf(file, false)) reachOf(other, seen);
  return seen;
}

const names = new Set(files.flatMap(file => [...definedNames(sources.get(file).body).all]));
const repeated = [...repeatedNames(sources)];
const share = ((repeated.length / names.size) * 100).toFixed(1);
const functions = files.flatMap(functionsOf).toSorted((a, b) => b.lines - a.lines);
const inside = files.filter(file => file.startsWith('interactions/'));
const arrows = inside.flatMap(file => importsOf(file, true).filter(other => other.startsWith('interactions/')));
const [longest] = functions;

say('Files', files.length);
say('Top-level names', names.size);
say('  of these defined in more than one file', `${repeated.length} (${share} %)`);
for (const [what, typesToo] of [
  ['Circles of imports, types included', true],
  ['Circles of imports at run time', false],
]) {
  const found = circles(file => importsOf(file, typesToo));
  say(what, found.length);
  for (const group of found) say(`  of ${group.length} files`, group.toSorted().join(' '));
}
say('Arrows inside interactions/', `${arrows.length} among ${inside.length} files`);
say('Longest function', `${longest.lines} lines, ${longest.name} in ${longest.file}`);
say('Functions of more than 80 lines', functions.filter(({ lines }) => lines > 80).length);
const reader = inside.find(file => file.endsWith('/read.ts'));
const recorded = reachOf('audit/record.ts', reachOf(reader));
say('Files that a read enters, with its audit event', recorded.size);
if (options.reach) say('', [...recorded].toSorted((a, b) => a.localeCompare(b)).join(' '));
if (options.names)
  for (const [name, where] of repeated.toSorted((a, b) => b[1].length - a[1].length)) say(name, where.join(' '));
if (options.long !== undefined)
  for (const { lines, name, file } of functions.filter(each => each.lines > Number(options.long)))
    say(`${name} (${file})`, lines);
