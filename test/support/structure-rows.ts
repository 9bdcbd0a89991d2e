/** Rows for tests of structural validation: builders of small resources, and a check of valid against faulty. */
import assert from 'node:assert/strict';
import { it } from 'mocha';
import { loadDefinitions } from '../../src/fhir/definitions.js';
import type { Json, Resource } from '../../src/fhir/resource.js';
import { validateStructure } from '../../src/validation/gate/structure.js';

export const definitions = loadDefinitions();

/** `expression code` of every issue. */
export const faults = (resource: Json): string[] =>
  validateStructure(resource as Resource, definitions).map(issue => `${issue.expression} ${issue.code}`);

export const patient = (members: Record<string, Json>): Json => ({ resourceType: 'Patient', ...members });
export const observation = (members: Record<string, Json>): Json => ({
  resourceType: 'Observation',
  status: 'final',
  code: { text: 'x' },
  ...members,
});
export const extended = (extension: Json): Json => patient({ extension: [extension] });
export const narrative = (div: string): Json => patient({ text: { status: 'generated', div } });
export const DIV = '<div xmlns="http://www.w3.org/1999/xhtml">';
export const within = (inner: string): Json => narrative(`${DIV}${inner}</div>`);
export const bundle = (resource: Json): Json => ({ resourceType: 'Bundle', type: 'collection', entry: [{ resource }] });
export const binary = (data: string): Json => ({ resourceType: 'Binary', contentType: 'text/plain', data });
export const absent: Json = { extension: [{ url: 'http://x.org/why', valueCode: 'unknown' }] };

/** What is tested, something valid, something faulty, and every issue it must give. */
export type Row = readonly [what: string, valid: Json, faulty: Json, ...issues: string[]];

export function check(rows: readonly Row[]): void {
  for (const [what, valid, faulty, ...issues] of rows)
    it(what, () => {
      assert.deepEqual(faults(valid), []);
      assert.deepEqual(faults(faulty), issues);
    });
}
