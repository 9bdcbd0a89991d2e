/** Code systems that are known by rule, and what operations make of them. https://hl7.org/fhir/R4/terminologies-systems.html#external */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { CODE_RULES } from '../../../src/terminology/code-rule.js';
import { createBudget } from '../../../src/terminology/budget.js';
import { expand } from '../../../src/terminology/expand.js';
import { lookUp } from '../../../src/terminology/lookup.js';
import { createUsage } from '../../../src/terminology/reading.js';
import { createTerminology } from '../../../src/terminology/terminology.js';
import { loadFrom, refusal, valueSet } from '../../support/terms.js';

const UCUM = 'http://unitsofmeasure.org';
const ROWS: Readonly<Record<string, { readonly right: readonly string[]; readonly wrong: readonly string[] }>> = {
  [UCUM]: {
    right: [
      'mg',
      'kg/m2',
      '10*3/uL',
      '{score}',
      '%',
      '1',
      'mm[Hg]',
      'Cel',
      '[in_i]',
      '%[slope]',
      "[p'diop]",
      '{# of fetuses}',
    ],
    wrong: ['furlongs', 'KG', '', 'mg ', 'toString', 'm'.repeat(300)],
  },
  'urn:ietf:bcp:47': {
    right: ['en', 'de-AT', 'zh-Hant-TW', 'es-419', 'sr-Latn', 'x-private', 'i-klingon', 'en-a-bbb-x-a', 'DE-at', 'haw'],
    wrong: ['', 'xx', 'en_US', 'en-', 'de-QX1', 'a', 'english language', 'de-ÄÖ', 'en-US-'],
  },
  'urn:ietf:bcp:13': {
    right: ['text/plain', 'application/fhir+json', 'text/html; charset=utf-8', 'xml', 'json'],
    wrong: ['', 'text', 'text/', 'pdf', 'text/plain, text/html'],
  },
  'urn:ietf:rfc:3986': { right: ['http://example.org/a', 'urn:oid:1.2'], wrong: ['', 'http://example.org/a b', 'a"b'] },
  'https://www.iana.org/time-zones': {
    right: ['Europe/Vienna', 'America/Argentina/Buenos_Aires', 'UTC', 'Asia/Kolkata', 'Asia/Calcutta', 'Etc/GMT+1'],
    wrong: ['', 'Europe/Nowhere', 'europe/vienna', '+01:00', 'Vienna'],
  },
};

describe('a code system that is known by rule', () => {
  for (const [url, rule] of CODE_RULES)
    it(`tells its codes: ${url}`, () => {
      const { right, wrong } = ROWS[url] ?? assert.fail(`${url} has no rows`);
      for (const code of right) assert.equal(rule.has(code), true, code);
      for (const code of wrong) assert.equal(rule.has(code), false, `"${code}"`);
    });

  it('compares units by their dimension', () => {
    const filter = CODE_RULES.get(UCUM)!.filter!('canonical', '=', 'a')!;
    assert.ok(filter('s') && filter('mo') && !filter('kg') && !filter('furlongs'));
    assert.equal(CODE_RULES.get(UCUM)!.filter!('display', '=', 'a'), undefined);
  });

  const { resources } = createTerminology(loadFrom([]), { bases: [] });
  const reading = () => ({ rules: [], excludeSystems: new Set<string>(), exactly: false, usage: createUsage() });

  it('is looked up', async () => {
    const question = { version: undefined, languages: undefined, properties: [] };
    const shown = async (system: string, code: string) =>
      JSON.stringify(await lookUp(resources.once(), { ...question, system, code }));
    assert.match(await shown(UCUM, 'mg'), /"name":"display","valueString":"mg"/);
    assert.match(await shown('urn:ietf:bcp:47', 'de'), /"name":"display","valueString":"German"/);
    await assert.rejects(shown(UCUM, 'furlongs'), { kind: 'not-found' });
  });

  it('is listed as far as a value set lists it, and not as a whole', async () => {
    const listed = valueSet('http://example.org/vs', { system: UCUM, concept: [{ code: 'mg' }, { code: 'furlongs' }] });
    const members = await expand(listed, resources.once(), { reading: reading() });
    assert.deepEqual(
      [...members.values()].flatMap(({ codes }) => (codes === 'all' ? [] : [...codes.keys()])),
      ['mg'],
    );
    const filtered = valueSet('http://example.org/vs', {
      system: UCUM,
      filter: [{ property: 'canonical', op: '=', value: 'm' }],
    });
    const { code } = await refusal(expand(filtered, resources.once(), { reading: reading(), budget: createBudget() }));
    assert.equal(code, 'too-costly');
  });

  it('has countries and currencies beside it, which are listed', async () => {
    const sources = resources.once();
    const countries = await sources.concepts('urn:iso:std:iso:3166');
    assert.equal(countries?.codes.length, 249 * 3);
    for (const code of ['AT', 'AUT', '040', 'SSD', '728']) assert.ok(countries.find(code) !== undefined, code);
    for (const code of ['ZZ', 'at', 'AUS-NSW', '40']) assert.equal(countries.find(code), undefined, code);
    assert.equal(countries.display(countries.find('040')!), 'Austria');
    const currencies = await sources.concepts('urn:iso:std:iso:4217');
    for (const code of ['EUR', 'USD', 'XAU']) assert.ok(currencies?.find(code) !== undefined, code);
    assert.equal(currencies?.find('ATS'), undefined);
  });
});
