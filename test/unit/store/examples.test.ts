import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import type { EntryValue } from '../../../src/search/entry.js';
import { extract } from '../../../src/search/extract.js';
import { match } from '../../../src/search/match.js';
import { createSearchParameters } from '../../../src/search/parameters.js';
import type { Test, VersionTest, Where } from '../../../src/search/query.js';
import { encode } from '../../../src/store/encode.js';
import { boxesAround } from '../../../src/search/globe.js';
import { createIndexCatalog } from '../../../src/store/index-catalog.js';
import { createIndexLayout } from '../../../src/store/index-layout.js';
import { plan } from '../../../src/store/plan.js';
import { readExamples } from '../../support/examples.js';
import { type PlanRow, runPlan } from '../../support/run-plan.js';
import { skipWithout } from '../../support/shared.js';

const versionsOf = (version: string | undefined): VersionTest[] =>
  version === undefined
    ? [{}]
    : [
        {},
        { version },
        { version: version.split('.')[0]!, versions: 'below' },
        { version: `${version}.1`, versions: 'above' },
      ];

/** Tests that the value passes, and some beside it. */
function testsOf(value: EntryValue): Test[] {
  switch (value.kind) {
    case 'token': {
      const { system, code } = value;
      return [{ system, code }, { code }, { system }].map(one => ({ kind: 'token', any: [one] }));
    }
    case 'string':
      return [
        { kind: 'string', mode: 'exact', value: value.raw },
        { kind: 'string', mode: 'starts', value: value.norm },
        { kind: 'string', mode: 'starts', value: value.norm.slice(0, 5) },
        { kind: 'string', mode: 'contains', value: value.norm.slice(3, 7) },
      ];
    case 'text':
      return [{ kind: 'text', value: value.norm.slice(0, 12) }];
    case 'of-type':
      return [{ kind: 'of-type', system: value.system, code: value.code, value: value.value }];
    case 'position': {
      const { latitude, longitude } = value;
      return [{ kind: 'box', any: boxesAround({ latitude, longitude }, 1000) }];
    }
    case 'date':
    case 'number': {
      const { kind, low, high } = value;
      return [{ lowMin: low, highMax: high }, { highMin: high + 1 }, { lowMax: low - 1 }].map(b => ({
        kind,
        any: [b],
      }));
    }
    case 'quantity': {
      const { low, high, system, code, unit } = value;
      const units = [{}, ...(code ? [{ unit: code }, { system, unit: code }] : []), ...(unit ? [{ unit }] : [])];
      return [...units, { system }].map(one => ({ kind: 'quantity', any: [{ lowMin: low, highMax: high }], ...one }));
    }
    case 'reference':
      return [
        { kind: 'reference', to: { kind: 'local', type: value.type, id: value.id } },
        { kind: 'reference', to: { kind: 'local', id: value.id } },
      ];
    case 'url': {
      const { url, version } = value;
      return versionsOf(version).map(one => ({ kind: 'reference', to: { kind: 'url', url, ...one } }));
    }
    case 'media-type':
      return [value.type, value.type.split('/')[0]!].map(base => ({ kind: 'media-type', base }));
    case 'held':
      return [];
    case 'identifier':
      return [
        { kind: 'reference', to: { kind: 'identifier', value: { system: value.system, code: value.value } } },
        { kind: 'reference', to: { kind: 'identifier', value: { code: value.value } } },
      ];
    case 'uri':
      return [
        { kind: 'uri', mode: 'exact', value: value.value },
        { kind: 'uri', mode: 'below', value: value.value.split('/').slice(0, -1).join('/') },
        { kind: 'uri', mode: 'above', value: `${value.value}/below` },
        { kind: 'uri', mode: 'above', value: `${value.value}#below` },
        ...versionsOf(value.version).map((one): Test => ({ kind: 'uri', mode: 'exact', value: value.value, ...one })),
      ];
    case 'composite':
      return [{ kind: 'composite', parts: value.parts.map(part => testsOf(part[0]!)[0]!) }];
  }
}

describe('the published examples', () => {
  it('are found by every value that they hold, of every parameter, and only they are', function () {
    const archive = skipWithout(this, 'data', 'r4-examples', 'r4-examples-instances.tar.gz');
    const definitions = loadDefinitions();
    const parameters = createSearchParameters(definitions);
    const layout = createIndexLayout(definitions.searchParameters);
    const facts = createIndexCatalog();
    const byType = new Map<string, PlanRow[]>();
    const entriesOf = new Map<PlanRow, ReturnType<typeof extract>>();
    for (const [n, resource] of readExamples(archive).entries()) {
      const { resourceType: type, id } = resource;
      if (typeof id !== 'string' || !definitions.resourceTypes.includes(type)) continue;
      const entries = extract(resource, parameters, { bases: [] });
      const { keys, missing } = encode(layout, type, entries, facts);
      facts.add(missing);
      const row = { type, id, n, updated: 0, keys };
      byType.set(type, [...(byType.get(type) ?? []), row]);
      entriesOf.set(row, entries);
    }
    let queries = 0;
    for (const [type, rows] of byType) {
      const asked = new Set<string>();
      const subjects = rows.map(row => ({ ...row, entries: entriesOf.get(row)! }));
      for (const { parameter, ...value } of subjects.flatMap(subject => subject.entries))
        for (const test of testsOf(value)) {
          const where: Where = { kind: 'param', code: parameter, test };
          const text = JSON.stringify(where);
          if (asked.has(text)) continue;
          asked.add(text);
          const found = runPlan(plan(layout, { types: [type], where, sort: [], limit: 1e6 }, facts), rows);
          assert.deepEqual(
            found.map(row => row.n).toSorted((a, b) => a - b),
            subjects.filter(subject => match(where, subject)).map(subject => subject.n),
            `${type} ${text}`,
          );
          queries++;
        }
    }
    assert.ok(queries > 10_000, `${queries} queries`);
  });
});
