/** R4's own StructureDefinitions, SearchParameters and ConceptMaps, from the artefact that build/structures.ts writes. https://hl7.org/fhir/R4/downloads.html */
import { readFileSync } from 'node:fs';
import { DefinitionFile, type DefinitionsIndex } from './definition-file.js';

/** Origin of what the standard defines. */
export const R4 = 'r4';

const ARTEFACT = new URL('../../r4/structures.ndjson', import.meta.url);
const OFFSETS = new URL('../../r4/structures-index.json', import.meta.url);

let loaded: DefinitionFile | undefined;

/** Reads the index once in a process. Throws if the artefact has not been built. */
export const loadStructures = (): DefinitionFile =>
  (loaded ??= new DefinitionFile(R4, ARTEFACT, JSON.parse(readFileSync(OFFSETS, 'utf8')) as DefinitionsIndex));
