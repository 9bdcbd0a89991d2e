/** What everything that runs on the engine may know of the configuration: no secret. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { engineSettings } from '../../src/main.js';
import { type Config, loadConfig, SETTINGS } from '../../src/platform/config.js';

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
