/**
 * Long lists of alternatives mean what short ones mean: rows of the specification whose last value stands among thirty
 * others that match nothing, on both stores. https://hl7.org/fhir/R4/search.html#combining
 */
import assert from 'node:assert/strict';
import type { Bundle } from 'fhir/r4.js';
import { describe, it } from 'mocha';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import { createSearchParameters, type SearchType } from '../../../src/search/parameters.js';
import { hasTurn, onBothStores } from '../../support/both-stores.js';
import { sampleOf } from '../../support/depth.js';
import { idsOf, putTogether } from '../../support/talk.js';
import { EVERYTHING } from '../search/everything.js';
import type { Row } from '../search/row.js';
import { ROWS } from '../search/rows.js';

const parameters = createSearchParameters(loadDefinitions());

/** Values of each type that nothing in the population has. */
const OTHERS: Readonly<Record<Exclude<SearchType, 'composite'>, (at: number, modifier: string) => string>> = {
  string: at => `qqxj${at}`,
  token: (at, modifier) =>
    modifier === 'of-type' ? `urn:nowhere|QQ|${at}` : at % 2 ? `qqxj${at}` : `urn:nowhere|${at}`,
  reference: (at, modifier) =>
    modifier === 'identifier'
      ? `urn:nowhere|${at}`
      : at % 3 === 0
        ? `qqxj${at}`
        : `http://nowhere.example/Patient/${at}`,
  date: at => `17${String(at).padStart(2, '0')}-02-03`,
  number: at => `98765${at}.25`,
  quantity: at =>
    at % 3 === 0 ? `98765${at}.25||qqxj` : at % 3 === 1 ? `98765${at}.25|http://unitsofmeasure.org|mg` : `98765${at}`,
  uri: at => `http://nowhere.example/${at}`,
  special: at => `-8${at % 10}.5|-179.${at}|1|m`,
};

function otherOf(type: string, code: string, modifier: string, at: number): string | undefined {
  const parameter = parameters.get(type, code);
  if (!parameter || ['missing', 'in', 'not-in', 'above', 'below'].includes(modifier)) return undefined;
  if (parameter.type !== 'composite') return OTHERS[parameter.type](at, modifier);
  const parts = parameter.components.map(part => (part.type === 'composite' ? '' : OTHERS[part.type](at, '')));
  return parts.join('$');
}

/** The row with its last value among others; undefined: it is none that can have others. */
function among(row: Row): Row | undefined {
  if (!('expect' in row)) return undefined;
  const parts = /^(\w+)\?(?:.*&)?([\w-]+)(?::([\w-]+))?=[^&]+$/.exec(row.query);
  if (!parts) return undefined;
  const [, type = '', code = '', modifier = ''] = parts;
  const others = Array.from({ length: 30 }, (_, at) => otherOf(type, code, modifier, at + 10));
  if (others.includes(undefined)) return undefined;
  return { ...row, query: `${row.query},${others.join(',')}` };
}

/** What a row is about: `dates`, `tokens` … The ones that are seldom are each of their own kind. */
const kindOf = (name: string): string => (/composites|of-type|version/.test(name) ? name : name.split(/[ :]/, 1)[0]!);

const LONG = ROWS.flatMap(row => among(row) ?? []);
const ASKED = sampleOf(LONG, 40, ({ name }) => kindOf(name));

describe('long lists', () => {
  it('are there for every kind of value', () => {
    assert.ok(LONG.length > 1000, `${LONG.length} rows`);
  });
});

onBothStores(
  'a value among many',
  (stage, store) => {
    for (const row of ASKED.filter((_, at) => hasTurn(at, store)))
      it(row.name, async () => {
        const { talk } = stage();
        const [type = '', query = ''] = row.query.replaceAll('{base}', talk.base).split('?');
        const reply = await talk.send<Bundle>('POST', `${type}/_search`, {
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body: new URLSearchParams(query).toString(),
        });
        assert.equal(reply.status, 200, reply.text);
        assert.deepEqual(idsOf(reply.body).toSorted(), 'expect' in row ? row.expect.toSorted() : []);
      });
  },
  {
    // Values are there to be found, impossible ones too, and addresses that no document may have.
    config: { validateBase: 'off' },
    features: [],
    async set({ talk }) {
      await putTogether(talk, EVERYTHING);
    },
  },
);
