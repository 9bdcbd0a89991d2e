/**
 * Which custom search parameters are in force: those of files (profiles/) and the SearchParameter resources that are
 * stored, which win over a file with the same url whatever their status. https://hl7.org/fhir/R4/searchparameter.html
 *
 * It is decided from the set as a whole, so that every process comes to the same: stored ones by id, then files by name,
 * composites last; what search/custom.ts refuses is left out.
 */
import { createHash } from 'node:crypto';
import type { Definitions, SearchParameterDefinition } from '../fhir/definitions.js';
import type { Issue } from '../fhir/error.js';
import type { ConformanceResource } from '../fhir/package.js';
import type { Resource } from '../fhir/resource.js';
import { checkSearchParameter, type ParametersInForce, type Verdict } from '../search/custom.js';
import { concreteTypes } from '../search/parameters.js';

/** A custom parameter in force. */
export interface CustomParameter {
  readonly definition: SearchParameterDefinition;
  /** Concrete resource types. */
  readonly types: readonly string[];
  /** Equal where keys made by one are right for the other. */
  readonly hash: string;
  /** Where it is from: `SearchParameter/id`, or a file. */
  readonly origin: string;
}

/** A SearchParameter that may come into force. */
export interface Candidate {
  readonly origin: string;
  readonly resource: Resource;
}

/** What the standard defines. */
export interface StandardParameters {
  readonly definitions: Definitions;
  readonly byUrl: ReadonlyMap<string, SearchParameterDefinition>;
}

export const standardParameters = (definitions: Definitions): StandardParameters => ({
  definitions,
  byUrl: new Map(definitions.searchParameters.map(each => [each.url, each])),
});

export const parameterUrl = ({ url }: Resource): string => (typeof url === 'string' ? url : '');

const originOf = (id: string): string => `SearchParameter/${id}`;
const isStored = (origin: string): boolean => origin.startsWith('SearchParameter/');

/** Stored resources by id, then files, without those whose url a stored one has. */
export function candidatesOf(
  stored: ReadonlyMap<string, Resource>,
  files: readonly ConformanceResource[],
): Candidate[] {
  const all = [...stored]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([id, resource]) => ({ origin: originOf(id), resource }));
  const urls = new Set(all.map(({ resource }) => parameterUrl(resource)));
  const rest = files.filter(({ resource }) => !urls.has(parameterUrl(resource)));
  return [...all, ...rest.map(({ from, resource }) => ({ origin: from, resource }))];
}

/** The candidates that are in force together; the others go to `refuse`, if they are to be in force at all. */
export function decideInForce(
  candidates: readonly Candidate[],
  standard: StandardParameters,
  refuse: (candidate: Candidate, issue: Issue) => void,
): CustomParameter[] {
  const accepted: CustomParameter[] = [];
  const isComposite = ({ resource }: Candidate) => resource['type'] === 'composite';
  for (const candidate of [...candidates.filter(c => !isComposite(c)), ...candidates.filter(isComposite)]) {
    const { origin, resource } = candidate;
    if (resource['status'] === 'active' && hasUrl(accepted, parameterUrl(resource))) {
      refuse(candidate, duplicateUrl());
      continue;
    }
    const verdict = checkSearchParameter(resource, knownBeside(accepted, standard));
    if (verdict.is === 'in-force') {
      const { definition } = verdict;
      const types = concreteTypes(standard.definitions, definition.base);
      accepted.push({ definition, types, hash: definitionHash(definition, accepted), origin });
    } else if (verdict.is === 'refused') refuse(candidate, verdict.issues[0]!);
  }
  return accepted;
}

/** Whether a SearchParameter could come into force under this id, beside those that are. */
export function checkBeside(
  inForce: readonly CustomParameter[],
  standard: StandardParameters,
  resource: Resource,
  id: string,
): Verdict {
  const url = parameterUrl(resource);
  // It takes the place of the stored one with its id, and of a file with its url.
  const others = inForce.filter(
    ({ origin, definition }) => origin !== originOf(id) && (isStored(origin) || definition.url !== url),
  );
  const verdict = checkSearchParameter(resource, knownBeside(others, standard));
  return verdict.is === 'in-force' && hasUrl(others, url) ? { is: 'refused', issues: [duplicateUrl()] } : verdict;
}

const hasUrl = (parameters: readonly CustomParameter[], url: string): boolean =>
  parameters.some(({ definition }) => definition.url === url);

const knownBeside = (others: readonly CustomParameter[], standard: StandardParameters): ParametersInForce => ({
  definitions: standard.definitions,
  isStandard: url => standard.byUrl.has(url),
  byUrl: url => standard.byUrl.get(url) ?? others.find(({ definition }) => definition.url === url)?.definition,
  isTaken: (type, code) => others.some(({ definition, types }) => definition.code === code && types.includes(type)),
});

const duplicateUrl = (): Issue => ({
  severity: 'error',
  code: 'processing',
  expression: 'SearchParameter.url',
  detail: 'parameter-taken',
  text: 'Another SearchParameter in force has this url: change that one, or retire it first.',
});

/** Components count by what they define, not by their url. */
function definitionHash(definition: SearchParameterDefinition, others: readonly CustomParameter[]): string {
  const { url, code, type, base, expression, target, phonetic, components } = definition;
  const parts = components?.map(part => [
    part.expression,
    others.find(each => each.definition.url === part.definition)?.hash ?? part.definition,
  ]);
  return createHash('sha256')
    .update(JSON.stringify([url, code, type, [...base].toSorted(), expression, target, phonetic, parts]))
    .digest('base64url')
    .slice(0, 22);
}
