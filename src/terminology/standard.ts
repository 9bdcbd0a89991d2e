/**
 * The ValueSets and CodeSystems of R4 itself, from the artefact that build/terminology.ts writes; read on first
 * use. https://hl7.org/fhir/R4/terminologies-valuesets.html, https://hl7.org/fhir/R4/terminologies-systems.html
 */
import { readFile } from 'node:fs/promises';
import type { Canonical, CodeSystem, ValueSet } from './resources.js';

/** The artefact as JSON: resources with the elements that are read here. `id` only where it is not the end of the url. */
export interface StandardFile {
  readonly codeSystems: readonly CodeSystem[];
  readonly valueSets: readonly ValueSet[];
}

export interface Standard {
  codeSystem(by: Canonical): CodeSystem | undefined;
  valueSet(by: Canonical): ValueSet | undefined;
}

const ARTEFACT = new URL('../../r4/terminology.json', import.meta.url);

/** Throws if the artefact has not been built. */
export async function loadStandard(file: URL = ARTEFACT): Promise<Standard> {
  return standardFrom(JSON.parse(await readFile(file, 'utf8')) as StandardFile);
}

export function standardFrom({ codeSystems, valueSets }: StandardFile): Standard {
  return { codeSystem: finder(codeSystems), valueSet: finder(valueSets) };
}

function finder<R extends { readonly id?: string; readonly url?: string; readonly version?: string }>(
  all: readonly R[],
) {
  const byUrl = new Map(all.map(each => [each.url, each]));
  const byId = new Map(all.map(each => [each.id ?? each.url?.slice(each.url.lastIndexOf('/') + 1), each]));
  return (by: Canonical): R | undefined => {
    if ('id' in by) return byId.get(by.id);
    const found = byUrl.get(by.url);
    return by.version === undefined || found?.version === by.version ? found : undefined;
  };
}
