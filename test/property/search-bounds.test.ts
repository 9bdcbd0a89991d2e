/** What the prefixes owe each other, whatever the value and the entry. https://hl7.org/fhir/R4/search.html#prefix */
import assert from 'node:assert/strict';
import { assert as check, constantFrom, integer, property, record } from 'fast-check';
import { describe, it } from 'mocha';
import { formatInstant } from '../../src/fhir/datetime.js';
import type { EntryValue } from '../../src/search/entry.js';
import { dateBounds, numberBounds } from '../../src/search/bounds.js';
import { passes } from '../../src/search/match.js';
import type { RangeBounds } from '../../src/search/query.js';

const HOUR = 3_600_000;
const START = Date.UTC(2020, 0, 1);

/** Entries and values close enough together to touch, contain and miss each other. */
const cases = record({
  low: integer({ min: 0, max: 100 }),
  length: integer({ min: 0, max: 100 }),
  value: integer({ min: 0, max: 100 }),
  digits: constantFrom(10, 13, 16, 19, 23),
});

type Ask = (prefix: string) => boolean;

/** A prefix that matches, those that then match, too, and those that then do not. */
const IMPLIED: readonly [prefix: string, match: readonly string[], fail: readonly string[]][] = [
  ['sa', ['gt'], ['eb', 'lt', 'le']],
  ['eb', ['lt'], ['sa', 'gt', 'ge']],
  ['gt', ['ge'], []],
  ['lt', ['le'], []],
];

/** Holds for every kind of range. */
function keepLaws(ask: Ask, exact: boolean): void {
  assert.equal(ask(''), ask('eq'));
  assert.equal(ask('ne'), !ask('eq'));
  for (const [prefix, match, fail] of IMPLIED) if (ask(prefix)) assert.ok(match.every(ask) && !fail.some(ask), prefix);
  if (!exact && ask('eq')) assert.ok(['ge', 'le', 'ap'].every(ask) && !['gt', 'lt'].some(ask));
  assert.ok(['gt', 'lt', 'eq', 'ge', 'le'].some(ask));
}

const asker =
  (
    bounds: (text: string) => RangeBounds[] | undefined,
    kind: 'date' | 'number',
    entry: EntryValue,
    text: string,
  ): Ask =>
  prefix =>
    passes({ kind, any: bounds(prefix + text) ?? assert.fail('not understood') }, entry);

describe('prefixes', () => {
  it('agree with each other on dates', () => {
    check(
      property(cases, ({ low, length, value, digits }) => {
        const entry = {
          kind: 'date',
          low: START + low * HOUR,
          high: START + (low + length) * HOUR - 1 + (length ? 0 : 1),
        } as const;
        const text = formatInstant(START + value * HOUR).slice(0, digits === 13 ? 16 : digits);
        keepLaws(
          asker(each => dateBounds(each, START), 'date', entry, text),
          false,
        );
      }),
    );
  });

  it('agree with each other on numbers', () => {
    check(
      property(cases, ({ low, length, value, digits }) => {
        const entry = { kind: 'number', low: low / 10, high: (low + length) / 10 } as const;
        keepLaws(asker(numberBounds, 'number', entry, (value / 10).toFixed(digits % 3)), true);
      }),
    );
  });
});
