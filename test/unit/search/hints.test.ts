/** What refusals advise: every "Did you mean" and every "as in" is something else than what was said, and works. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { route } from '../../../src/http/route.js';
import { typesNamed } from '../../../src/interactions/search/types-named.js';
import { FhirError } from '../../../src/fhir/error.js';
import { parseSearch } from '../../../src/search/parse.js';
import { definitions, parameters } from '../../support/filters.js';
import { operations } from '../../support/operations.js';

const parse = (types: string, query: string) =>
  parseSearch(
    { types: types.split(','), parameters: [...new URLSearchParams(query)], lenient: false, bases: [], now: 0 },
    parameters,
    definitions,
  );

function messageOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof FhirError) return error.message;
    throw error;
  }
  return assert.fail('It was accepted.');
}

describe('the advice of a refusal', () => {
  const meant = (message: string): string => /Did you mean (\S+)\?/.exec(message)?.[1] ?? '';

  /** Types, what was asked, what was wrong in it, what is advised in its place. */
  const rows: readonly (readonly [types: string, query: string, wrong: string, advised: string])[] = [
    ['Patient', 'famly=x', 'famly', 'family'],
    ['Observation', 'value_quantity=1', 'value_quantity', 'value-quantity'],
    ['Observation', '_sort=statuss', 'statuss', 'status'],
    ['Observation', '_sort=-dates', 'dates', 'date'],
    ['Observation', 'subjct.family=x', 'subjct', 'subject'],
    ['Observation', 'subject:Pateint.family=x', 'Pateint', 'Patient'],
    ['Observation', 'subject:Pateint=23', 'Pateint', 'Patient'],
    ['Task', 'focus:observation=23', 'observation', 'Observation'],
    ['Patient', '_has:Observaton:patient:code=x', 'Observaton', 'Observation'],
    ['Patient', '_has:Observation:patent:code=x', 'patent', 'patient'],
    ['Observation', '_include=Observaton:patient', 'Observaton', 'Observation'],
    ['Observation', '_include=Observation:subject:Pateint', 'Pateint', 'Patient'],
    ['Observation', '_include=Observation:subjekt', 'subjekt', 'subject'],
    ['Observation', '_revinclude=Provenence:target', 'Provenence', 'Provenance'],
    ['Patient', 'family:exakt=x', 'exakt', 'exact'],
    ['Patient', '_elements=nam', 'nam', 'name'],
    ['Bundle', 'composition:Compositon.title=x', 'Compositon', 'Composition'],
    ['Patient,Observation', '_lastupdated=2020', '_lastupdated', '_lastUpdated'],
  ];
  for (const [types, query, wrong, advised] of rows)
    it(`${types}?${query}: ${advised}`, () => {
      const message = messageOf(() => parse(types, query));
      assert.equal(meant(message), advised, message);
      assert.ok(parse(types, query.replace(wrong, advised)));
    });

  it('is none where only what was said is near', () => {
    const message = messageOf(() => parse('Patient,Observation', 'family=x'));
    assert.equal(meant(message), '');
    assert.match(message, /is not known for Observation\./);
  });

  it('names a type that a chain can go through', () => {
    for (const query of [
      'Provenance?target.identifier=x',
      'QuestionnaireResponse?source.identifier=x',
      'List?item.date=2020',
    ]) {
      const [type = '', rest = ''] = query.split('?');
      let message: string;
      try {
        parse(type, rest);
        continue;
      } catch (error) {
        message = String(error);
      }
      const example = /as in (\S+:\S+)\.$/.exec(message)?.[1];
      assert.ok(example, message);
      assert.ok(parse(type, `${example}=2020`));
    }
    assert.match(
      messageOf(() => parse('List', 'item.date=2020')),
      /as in item:/,
    );
  });

  it('says of what results can be ordered, and why not by the rest', () => {
    for (const [type, code, why] of [
      ['Observation', 'subject', 'reference parameters have no order'],
      ['Observation', 'code-value-quantity', 'composite parameters have no order'],
      ['Observation', 'combo-code', 'two parameters together have no order'],
      ['Location', 'near', 'special parameters have no order'],
      ['Patient', 'phonetic', 'sounds have no order'],
      ['Patient', 'colour', 'there is no such parameter'],
    ] as const) {
      const message = messageOf(() => parse(type, `_sort=${code}`));
      assert.ok(message.includes(`_sort cannot order by ${code}: ${why}.`), message);
      assert.equal(meant(message), '');
      const offered = /can be ordered by (.*)\.$/.exec(message)?.[1]?.split(', ') ?? [];
      assert.ok(offered.includes('_lastUpdated') && !offered.includes(code), message);
      for (const each of offered) assert.ok(parse(type, `_sort=${each}`));
    }
  });

  it('names the types of _type and of addresses', () => {
    assert.equal(
      meant(messageOf(() => typesNamed({ definitions }, ['Patient,Observaton'], { shows: () => true }))),
      'Observation',
    );
    assert.equal(meant(messageOf(() => route('GET', '/patient/1', { definitions, operations }))), 'Patient');
    for (const [path, advised] of [
      ['/Patient/1/$everthing', '$everything'],
      ['/$re-index', '$reindex'],
      ['/$everything', ''],
      ['/Observation/1/$everything', ''],
    ] as const)
      assert.equal(meant(messageOf(() => route('GET', path, { definitions, operations }))), advised, path);
    assert.equal(meant(messageOf(() => route('GET', '/Pateint', { definitions, operations }))), 'Patient');
    assert.equal(
      meant(messageOf(() => route('GET', '/Patient/1/Observaton', { definitions, operations }))),
      'Observation',
    );
    assert.equal(meant(messageOf(() => route('GET', '/nothing-like-it', { definitions, operations }))), '');
    assert.equal(meant(messageOf(() => route('GET', '/Patient/1/x/y/z', { definitions, operations }))), '');
  });
});
