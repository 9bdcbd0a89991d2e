import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { parseExpression } from '../../../src/search/expression.js';

const focus = (...steps: readonly object[]) => ({ from: 'focus', steps });
const property = (name: string) => ({ is: 'property', name });

describe('expressions of search parameters', () => {
  it('are paths and unions of paths', () => {
    assert.deepEqual(parseExpression('Patient.name | Patient.contact.name'), {
      is: 'paths',
      paths: [
        focus(property('Patient'), property('name')),
        focus(property('Patient'), property('contact'), property('name')),
      ],
    });
  });

  it('narrow a choice by as and ofType alike', () => {
    const wanted = {
      is: 'paths',
      paths: [focus(property('Observation'), property('value'), { is: 'as', type: 'Quantity' })],
    };
    for (const text of [
      '(Observation.value as Quantity)',
      'Observation.value.as(Quantity)',
      'Observation.value.ofType(Quantity)',
      'Observation.value.ofType(FHIR.Quantity)',
    ])
      assert.deepEqual(parseExpression(text), wanted, text);
  });

  it('give every path of a union the steps that follow it', () => {
    assert.deepEqual(parseExpression('(a | b).c[0]'), {
      is: 'paths',
      paths: [
        focus(property('a'), property('c'), { is: 'index', at: 0 }),
        focus(property('b'), property('c'), { is: 'index', at: 0 }),
      ],
    });
  });

  it('filter by conditions, of which and binds closer than or', () => {
    const equal = (name: string, value: unknown) => ({ is: 'equal', paths: [focus(property(name))], value });
    assert.deepEqual(parseExpression("a.where(b = 'x' or c = true and d != 2)"), {
      is: 'paths',
      paths: [
        focus(property('a'), {
          is: 'where',
          condition: {
            is: 'or',
            left: equal('b', 'x'),
            right: { is: 'and', left: equal('c', true), right: { is: 'not', of: equal('d', 2) } },
          },
        }),
      ],
    });
  });

  it('can be one boolean', () => {
    const exists = { is: 'exists', paths: [focus(property('a'))] };
    assert.deepEqual(parseExpression('a.exists()'), { is: 'condition', condition: exists });
    assert.deepEqual(parseExpression('a.empty()'), { is: 'condition', condition: { is: 'not', of: exists } });
    assert.deepEqual(parseExpression("a.where(resolve() is Patient) | extension('http://e').value"), {
      is: 'paths',
      paths: [
        focus(property('a'), { is: 'where', condition: { is: 'resolves', type: 'Patient' } }),
        focus({ is: 'extension', url: 'http://e' }, property('value')),
      ],
    });
  });

  it('start from the resource where they say so', () => {
    assert.deepEqual(parseExpression('%resource.id'), {
      is: 'paths',
      paths: [{ from: 'resource', steps: [property('id')] }],
    });
  });

  it('are a SyntaxError outside of the subset', () => {
    for (const text of [
      '',
      'a +',
      'a + b',
      'a.first()',
      'a.',
      'a b',
      '(a',
      'a[0',
      "'x'",
      'a = b',
      'a.resolve()',
      'a is b',
    ])
      assert.throws(() => parseExpression(text), SyntaxError, text);
  });
});
