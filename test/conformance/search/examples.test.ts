/**
 * Extraction on the examples of the standard and on synthetic records, against the complete FHIRPath engine: both must
 * find the same values of the same types by every search parameter. What an element gives to single parameters beyond its type
 * (reading.ts) is left aside: it has rows of its own.
 */
import assert from 'node:assert/strict';
import { compile, resolveInternalTypes, types as typesOf } from 'fhirpath';
import r4 from 'fhirpath/fhir-context/r4';
import { describe, it } from 'mocha';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import type { Json, Resource } from '../../../src/fhir/resource.js';
import type { EntryValue } from '../../../src/search/entry.js';
import { extract } from '../../../src/search/extract.js';
import { createSearchParameters, type SearchParameter } from '../../../src/search/parameters.js';
import { conversion } from '../../../src/search/values.js';
import { NEVER } from './never-hit.js';
import { readExamples, readNdjson } from '../../support/examples.js';
import { skipWithout } from '../../support/shared.js';

const BASES = ['http://127.0.0.1:8080/fhir'];
const definitions = loadDefinitions();
const parameters = createSearchParameters(definitions);
const expressions = new Map(definitions.searchParameters.map(({ url, expression }) => [url, expression ?? '']));

/** The engine can follow no reference here: what it points at is read off its text. `as` wants single values there. */
const evaluable = (expression: string) =>
  expression
    .replaceAll(/ as (\w+)/g, '.ofType($1)')
    .replaceAll(/\.as\(/g, '.ofType(')
    .replaceAll(
      /resolve\(\) is (\w+)/g,
      (_, type: string) => `reference.matches('(^|/)${type}/[^/]+(/_history/.*)?$') or type = '${type}'`,
    );

type Run = (resource: Resource) => unknown[];
const compiled = new Map<string, Run>();
function engine(expression: string): Run {
  let run = compiled.get(expression);
  if (!run) {
    run = compile(evaluable(expression), r4, { resolveInternalTypes: false, async: false }) as Run;
    compiled.set(expression, run);
  }
  return run;
}

function oracle(resource: Resource, parameter: SearchParameter): string[] {
  // Branch by branch: the engine's union compares values and will not compare a Quantity that has a comparator.
  const branches = (expressions.get(parameter.url) ?? '').split(' | ');
  const found = branches.flatMap(branch => engine(branch)(resource));
  const plain = resolveInternalTypes(found) as Json[];
  const out: EntryValue[] = [];
  typesOf(found).forEach((name, index) => {
    const type = name
      .replace(/^(FHIR|System)\./, '')
      .replace(/^String$/, 'string')
      .replace(/^Boolean$/, 'boolean');
    const element = definitions.types.get(type)?.kind === 'resource' ? 'Resource' : type;
    if (element === 'Resource' && !parameter.targets.includes(type)) return;
    conversion(parameter.type, element)?.(plain[index]!, { root: resource, out, bases: BASES });
  });
  return [...new Set(out.map(value => JSON.stringify(value)))].toSorted();
}

const text = (value: Json | undefined) => (typeof value === 'string' ? value : '');

/** Without the version that stands beside a definition's own url. */
const plainOf = (code: string, value: EntryValue): EntryValue =>
  code === 'url' && value.kind === 'uri' ? { kind: 'uri', value: value.value } : value;

/** Parameters whose values differ between extraction and engine: `Type.code`, with an example. */
function differences(resources: readonly Resource[]): string[] {
  const different = new Map<string, string>();
  for (const resource of resources) {
    const ours = new Map<string, string[]>();
    for (const { parameter, ...value } of extract(resource, parameters, { bases: BASES }))
      if (value.kind !== 'media-type')
        ours.set(parameter, [...(ours.get(parameter) ?? []), JSON.stringify(plainOf(parameter, value))]);
    const copy = structuredClone(resource);
    for (const [code, parameter] of parameters.of(resource.resourceType)) {
      // The engine gives a part of a resource no type by which a position would be known.
      if (parameter.type === 'composite' || parameter.type === 'special' || parameter.nature === 'sound') continue;
      const theirs = oracle(copy, parameter);
      const mine = (ours.get(code) ?? []).toSorted();
      if (JSON.stringify(mine) !== JSON.stringify(theirs))
        different.set(`${resource.resourceType}.${code}`, `${text(resource['id'])}: ${mine.join()} / ${theirs.join()}`);
    }
  }
  return [...different].map(([where, example]) => `${where} ${example}`);
}

describe('search parameters on whole resources', () => {
  it('compile for every resource type, each leading somewhere', () => {
    let count = 0;
    for (const type of definitions.resourceTypes) count += parameters.of(type).size;
    assert.deepEqual([...parameters.pathless], []);
    assert.ok(count > 2500, `only ${count}`);
  });

  it('give what the complete engine gives on the examples of the standard', function () {
    const archive = skipWithout(this, 'data', 'r4-examples', 'r4-examples-instances.tar.gz');
    const examples = readExamples(archive);
    assert.ok(examples.length > 1000, `only ${examples.length} examples`);
    assert.deepEqual(differences(examples), []);
  });

  it('give what the complete engine gives on synthetic records', function () {
    const folder = skipWithout(this, 'data', 'synthea-seed', 'ndjson');
    const records = readNdjson(folder);
    assert.ok(records.length > 5000, `only ${records.length} records`);
    assert.deepEqual(differences(records.filter((_, index) => index % 25 === 0)), []);
  });

  it('are hit on the published examples, but for a list of those whose element no example has', function () {
    const archive = skipWithout(this, 'data', 'r4-examples', 'r4-examples-instances.tar.gz');
    const hit = new Set<string>();
    for (const resource of readExamples(archive))
      for (const { parameter } of extract(resource, parameters, { bases: BASES }))
        hit.add(`${resource.resourceType}.${parameter}`);
    const all = definitions.resourceTypes.flatMap(type =>
      [...parameters.of(type).keys()].map(code => `${type}.${code}`),
    );
    const never = all.filter(name => !hit.has(name) && !/\._(source|security|tag|profile|id|lastUpdated)$/.test(name));
    const listed = NEVER.flatMap(([type, ...codes]) => codes.map(code => `${type}.${code}`));
    assert.deepEqual(never, listed);
    assert.ok(never.length < all.length * 0.25, `${never.length} of ${all.length} were never hit`);
    // The parameters of all types are hit somewhere.
    for (const code of ['_profile', '_tag', '_security', '_id', '_lastUpdated'])
      assert.ok(
        [...hit].some(name => name.endsWith(`.${code}`)),
        code,
      );
  });
});
