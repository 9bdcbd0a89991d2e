/**
 * What each row becomes in each store's language, beside what it finds: a change of a plan shows as a change of a line.
 * The files under golden/ have one line for the first row of every shape that a group of rows has (a shape is the query without
 * its values). The facts are those of the whole population, `now` stands still.
 *
 * A line that changes on purpose is written anew by CHARTROOM_GOLDEN=write npx mocha dist/test/conformance/search/golden.test.js
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'mocha';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import { FhirError } from '../../../src/fhir/error.js';
import { extract } from '../../../src/search/extract.js';
import { createSearchParameters } from '../../../src/search/parameters.js';
import { parseSearch } from '../../../src/search/parse.js';
import { compile as compileSql } from '../../../src/store/embedded/compile.js';
import { COLUMNS } from '../../../src/store/embedded/rows.js';
import { encode } from '../../../src/store/encode.js';
import { createIndexCatalog } from '../../../src/store/index-catalog.js';
import { compile as compileFind } from '../../../src/store/mongo/compile.js';
import { createIndexLayout } from '../../../src/store/index-layout.js';
import { type Plan, plan } from '../../../src/store/plan.js';
import { EVERYTHING } from './everything.js';
import type { Row } from './row.js';
import { ROWS } from './rows.js';

const BASE = 'http://127.0.0.1:8080/fhir';
const NOW = Date.UTC(2026, 0, 1);
const LIMIT = 50;
/** All files together. */
const MOST_BYTES = 400_000;
const RENEW = process.env['CHARTROOM_GOLDEN'] === 'write';

/** Beside the source of this file, which runs from dist. */
const folder = fileURLToPath(new URL('../../../../test/conformance/search/golden/', import.meta.url));

/** How a store says a plan, on one line; `''`: nothing can match. */
type Say = (plan: Plan) => string;

const STORES: Readonly<Record<string, Say>> = {
  embedded(planned) {
    const statement = compileSql(planned).scans[0]?.page(LIMIT);
    return statement ? `${statement.text.replace(COLUMNS, '…')} ← ${printed(statement.values)}` : '';
  },
  mongo(planned) {
    const compiled = compileFind(planned);
    if (!compiled) return '';
    if (compiled.by === 'pipeline') return printed(compiled);
    const [leg] = compiled.scans;
    return `${compiled.hint} ${printed(leg?.filters)} sort ${printed(leg?.sort)} legs ${compiled.scans.length}`;
  },
};

/** JSON with the characters that end a line or cannot be read as their numbers. */
const printed = (value: unknown): string =>
  JSON.stringify(value, (_, member: unknown) => (member instanceof RegExp ? String(member) : member)).replace(
    /[\u007f-\u009f\u2028\u2029\ud800-\udfff\ufdd0-\uffff]/g,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** A line without its values. */
const shapeOf = (line: string): string =>
  line.replace(/(?<=[[,:])"(?:[^"\\]|\\.)*"(?!:)/g, '"').replace(/-?\d+(?:\.\d+)?(?:e[+-]?\d+)?/g, '0');

const titleOf = ({ name }: Row): string => name.replace(/[ :].*$/, '');

describe('compiled queries', () => {
  const definitions = loadDefinitions();
  const parameters = createSearchParameters(definitions);
  const layout = createIndexLayout(definitions.searchParameters);
  const facts = createIndexCatalog();
  for (const resource of EVERYTHING) {
    const entries = extract(resource, parameters, { bases: [BASE] });
    facts.add(encode(layout, resource.resourceType, entries, facts).missing);
  }

  /** Undefined: refused, or nothing that keys can answer. */
  const planned = (row: Row): Plan | undefined => {
    const [type = '', rest = ''] = row.query.replaceAll('{base}', BASE).split('?');
    const pairs = [...new URLSearchParams(rest)];
    if ('status' in row) return undefined;
    const types = [type];
    try {
      const { where, sort } = parseSearch(
        { types, parameters: pairs, lenient: false, bases: [BASE], now: NOW },
        parameters,
        definitions,
      );
      return plan(layout, { types, where, sort, limit: LIMIT }, facts);
    } catch (error) {
      if (error instanceof FhirError && error.kind === 'not-supported') return undefined;
      throw error;
    }
  };

  const linesOf = (say: Say): string[] => {
    const seen = new Set<string>();
    return ROWS.flatMap(row => {
      const query = planned(row);
      if (!query) return [];
      const line = say(query) || 'nothing';
      const shape = `${titleOf(row)} ${shapeOf(line)}`;
      if (seen.has(shape)) return [];
      seen.add(shape);
      return [`${row.name}\t${line}`];
    });
  };

  for (const [store, say] of Object.entries(STORES))
    it(`of the ${store} store are those on file`, () => {
      const file = `${folder}${store}.txt`;
      const lines = linesOf(say);
      if (RENEW) {
        mkdirSync(folder, { recursive: true });
        writeFileSync(file, `${lines.join('\n')}\n`);
      }
      const kept = readFileSync(file, 'utf8').trimEnd().split('\n');
      const different = lines.filter(line => !kept.includes(line));
      assert.deepEqual(
        lines,
        kept,
        `${different.length} lines of ${file} differ. If they should: CHARTROOM_GOLDEN=write npx mocha dist/test/conformance/search/golden.test.js`,
      );
    });

  it('are a readable number of short lines', () => {
    const sizes = Object.keys(STORES).map(store => readFileSync(`${folder}${store}.txt`, 'utf8').length);
    assert.ok(sizes.reduce((sum, size) => sum + size, 0) < MOST_BYTES, sizes.join());
    assert.ok(
      sizes.every(size => size > 1000),
      sizes.join(),
    );
  });
});
