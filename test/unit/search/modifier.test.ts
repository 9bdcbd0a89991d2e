import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import { allowedModifiers, parseModifier, unknownModifier } from '../../../src/search/modifier.js';
import { createSearchParameters } from '../../../src/search/parameters.js';
import type { SearchScope } from '../../../src/search/scope.js';

const definitions = loadDefinitions();
const parameters = createSearchParameters(definitions);
const scopeOf = (type: string): SearchScope => ({ types: [type], parameters, definitions, bases: [], now: 0 });
const allowed = (type: string, code: string) => allowedModifiers(parameters.get(type, code)!, scopeOf(type));
const parsed = (type: string, code: string, suffix: string) =>
  parseModifier(parameters.get(type, code)!, suffix, scopeOf(type));

describe('modifiers', () => {
  it('are those of the parameter type', () => {
    assert.deepEqual(allowed('Patient', 'family'), ['exact', 'contains', 'missing']);
    assert.deepEqual(allowed('Patient', 'birthdate'), ['missing']);
  });

  it('are fewer where the elements of the parameter have nothing to compare', () => {
    assert.ok(allowed('Patient', 'identifier').includes('of-type'));
    assert.ok(!allowed('Patient', 'gender').includes('of-type'));
    assert.deepEqual(allowed('Patient', 'phonetic'), ['missing']);
    assert.ok(allowed('Observation', 'subject').includes('below'));
  });

  it('can be the type of a reference, if the parameter can refer to it', () => {
    assert.deepEqual(parsed('Observation', 'subject', 'Patient'), { kind: 'type', type: 'Patient' });
    assert.equal(parsed('Observation', 'subject', 'Practitioner'), undefined);
    assert.equal(parsed('Patient', 'family', 'Patient'), undefined);
  });

  it('are parsed only where the parameter has them', () => {
    assert.deepEqual(parsed('Patient', 'family', 'exact'), { kind: 'exact' });
    assert.equal(parsed('Patient', 'family', 'not'), undefined);
    assert.equal(parsed('Patient', 'family', 'missing'), undefined);
  });

  it('are named by the error for an unknown one', () => {
    const { message, kind } = unknownModifier(parameters.get('Patient', 'family')!, 'exat', scopeOf('Patient'));
    assert.equal(kind, 'not-supported');
    assert.match(message, /no modifier exat here; it allows exact, contains, missing\. Did you mean exact\?$/);
  });
});
