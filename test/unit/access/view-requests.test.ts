/** The property test of the view (test/property/view.test.ts) asks in every way that there is to read something. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import { route } from '../../../src/http/route.js';
import { INTERACTIONS } from '../../../src/interactions/kinds.js';
import { PATHS } from '../../property/view-requests.js';
import { makeWorld } from '../../property/view-world.js';
import { operations } from '../../support/operations.js';
import { createRandom } from '../../support/random.js';

/** What no request of its own asks for. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  capabilities: 'reads no resource',
  batch: 'is asked with the others in its entries',
  operation: 'is asked by its code',
  '$audit-checkpoint': 'reads no resource',
  $backup: 'reads what nobody is shown',
  '$break-glass': 'shows nothing',
  '$break-glass-end': 'shows nothing',
  $decide: 'reads no resource',
  $disclose: 'shows nothing',
  $horizon: 'reads no resource',
  $import: 'performs what its job asks for',
  $jobs: 'reads no resource',
  '$jobs-cancel': 'reads no resource',
  '$jobs-status': 'gives what a job has made, and reads no resource',
  $proof: 'shows hashes, of an event that is read first: test/flow/ledger.test.ts',
  $reindex: 'reads what nobody is shown',
  '$reindex-status': 'reads no resource',
  ...Object.fromEntries(
    ['batch-validate-code', 'expand', 'lookup', 'subsumes', 'translate', 'validate-code'].map(code => [
      `$${code}`,
      'reads terminology alone: test/conformance/terminology/operations.test.ts',
    ]),
  ),
};

describe('the requests that a view is tested by', () => {
  it('are of every kind of interaction, and of every operation', () => {
    const engine = { definitions: loadDefinitions(), operations };
    const world = makeWorld(1);
    const requests = Object.values(PATHS).map(make => {
      const { method, path } = make(createRandom(1), world);
      const { kind, operation } = route(method, `/${path.split('?')[0]}`, engine);
      return operation === undefined ? kind : `$${operation}`;
    });
    const asked = new Set(requests);
    const there = [...Object.keys(INTERACTIONS), ...[...operations.keys()].map(code => `$${code}`)];
    assert.deepEqual(
      there.filter(each => !asked.has(each)),
      there.filter(each => each in ELSEWHERE),
    );
  });
});
