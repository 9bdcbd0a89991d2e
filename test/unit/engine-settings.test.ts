/** What everything that runs on the engine knows of the configuration: no secret, and how resources are indexed. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { loadDefinitions } from '../../src/fhir/definitions.js';
import { engineSettings, withWords } from '../../src/compose/settings.js';
import { type Config, loadConfig, SETTINGS } from '../../src/platform/config.js';
import { createIndexLayout } from '../../src/store/index-layout.js';

const MARK = 'nobody-may-see-this';
const names = Object.keys(SETTINGS) as (keyof typeof SETTINGS)[];
const secrets = names.filter(name => SETTINGS[name].secret);
const shownWith = (name: keyof typeof SETTINGS): string => {
  const config = { ...loadConfig({ env: {}, flags: {} }), [name]: MARK } as Config;
  return JSON.stringify(engineSettings(config, 0));
};

describe('settings of an engine', () => {
  it('show what is no secret', () => {
    assert.ok(secrets.length >= 2);
    assert.ok(shownWith('baseUrl').includes(MARK));
  });

  for (const name of secrets)
    it(`do not show ${name}`, () => {
      assert.ok(!shownWith(name).includes(MARK));
    });
});

describe('index layout of an engine', () => {
  const custom = [{ url: 'urn:x', code: 'x', type: 'token', base: ['Patient'] }] as const;

  for (const fulltext of ['on', 'off'] as const)
    it(`tells that it has grown, with words ${fulltext}`, () => {
      const layout = createIndexLayout(loadDefinitions().searchParameters);
      const own = withWords(layout, { fulltext, store: 'embedded' });
      const before = own.version;
      layout.extend([...custom], new Map([['x', 'G8']]));
      assert.notEqual(own.version, before);
      assert.equal(own.hash === layout.hash, fulltext === 'off');
    });
});
