/** The sources of the house as syntax trees, and the names that each file defines: for figures.mjs and for the unit tests. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type BindingPattern,
  type Declaration,
  type ExportDefaultDeclaration,
  parseSync,
  type Program,
} from 'oxc-parser';

export type Body = Program['body'];

export interface Source {
  readonly text: string;
  readonly body: Body;
}

/** Where the sources are, seen from the compiled file. */
const FOLDER = fileURLToPath(new URL('../../src/', import.meta.url));

export const parseSource = (file: string, text: string): Source => ({ text, body: parseSync(file, text).program.body });

const isOfWeb = (name: string): boolean => name.startsWith('web/');

/** Of the server, or of the console, which is a program of its own: by their names relative to src/, with slashes, in alphabetical order. */
export function readSources(of: 'server' | 'console' = 'server'): ReadonlyMap<string, Source> {
  const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
    .map(name => name.replaceAll('\\', '/'))
    .filter(name => /\.tsx?$/.test(name) && !name.endsWith('.d.ts') && isOfWeb(name) === (of === 'console'))
    .toSorted((a, b) => a.localeCompare(b));
  return new Map(files.map(file => [file, parseSource(file, readFileSync(join(FOLDER, file), 'utf8'))]));
}

/** The top-level names that a file declares; those that it imports or passes on are others'. */
export function definedNames(body: Body): {
  readonly all: ReadonlySet<string>;
  readonly exported: ReadonlySet<string>;
} {
  const all = new Set<string>();
  const exported = new Set<string>();
  for (const statement of body)
    if (statement.type === 'ExportNamedDeclaration') {
      for (const name of statement.declaration ? namesOf(statement.declaration) : []) {
        all.add(name);
        exported.add(name);
      }
      if (statement.source) continue;
      for (const { local } of statement.specifiers) if (local.type === 'Identifier') exported.add(local.name);
    } else if (statement.type === 'ExportDefaultDeclaration')
      namesOf(statement.declaration).forEach(name => all.add(name));
    else namesOf(statement as Declaration).forEach(name => all.add(name));
  return { all, exported: new Set([...exported].filter(name => all.has(name))) };
}

function namesOf(node: Declaration | ExportDefaultDeclaration['declaration']): string[] {
  switch (node.type) {
    case 'VariableDeclaration':
      return node.declarations.flatMap(({ id }) => boundBy(id));
    case 'FunctionDeclaration':
    case 'ClassDeclaration':
    case 'TSInterfaceDeclaration':
    case 'TSTypeAliasDeclaration':
      return node.id ? [node.id.name] : [];
    default:
      return [];
  }
}

/** The names that a pattern binds: `{ a, b: [c] }` binds a and c. */
function boundBy(pattern: BindingPattern): string[] {
  switch (pattern.type) {
    case 'Identifier':
      return [pattern.name];
    case 'AssignmentPattern':
      return boundBy(pattern.left);
    case 'ArrayPattern':
      return pattern.elements.flatMap(each =>
        each ? boundBy(each.type === 'RestElement' ? each.argument : each) : [],
      );
    case 'ObjectPattern':
      return pattern.properties.flatMap(each => boundBy(each.type === 'RestElement' ? each.argument : each.value));
  }
}

/** Names that more than one file defines, with those files. */
export function repeatedNames(sources: ReadonlyMap<string, Source>): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const [file, { body }] of sources)
    for (const name of definedNames(body).all) found.set(name, [...(found.get(name) ?? []), file]);
  return new Map([...found].filter(([, files]) => files.length > 1));
}
