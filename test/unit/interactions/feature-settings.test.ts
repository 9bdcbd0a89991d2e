/** Settings of features are read, checked, shown and documented with those of the server. */
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { helpOf } from '../../../src/cli/help.js';
import { composeSettings, settingsFor, textSetting, wholeNumber } from '../../../src/interactions/feature-settings.js';
import { ConfigError, loadConfig } from '../../../src/platform/config.js';
import { configTable, describeConfig } from '../../../src/platform/config-table.js';
import type { SettingTable } from '../../../src/platform/setting.js';

const desk = {
  name: 'desk',
  settings: {
    deskSize: wholeNumber('DESK_SIZE', 5, 'People at the desk | in all.', 1, 9),
    deskKey: textSetting('DESK_KEY', '', 'Key of the desk.', { secret: true }),
  },
};
const other = { name: 'other' };
const table = composeSettings([desk, other]);
const load = (env: Record<string, string> = {}, flags: Record<string, string> = {}) =>
  loadConfig({ env, flags }, table);

describe('settings of features', () => {
  it('have a default, and come from file, environment and flag', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'chartroom-config-')), 'config.json');
    writeFileSync(file, '{"deskSize": 2, "pageSize": 7}');
    const sizes = [
      load(),
      load({ CHARTROOM_CONFIG: file }),
      load({ CHARTROOM_CONFIG: file, CHARTROOM_DESK_SIZE: '3' }),
    ];
    sizes.push(load({ CHARTROOM_DESK_SIZE: '3' }, { deskSize: '4' }));
    assert.deepEqual(
      sizes.map(({ ofFeatures }) => ofFeatures.values['deskSize']),
      [5, 2, 3, 4],
    );
    assert.equal(sizes[1]!.pageSize, 7);
    assert.deepEqual(settingsFor(desk, load({ CHARTROOM_DESK_KEY: 'k' }).ofFeatures.values), {
      deskSize: 5,
      deskKey: 'k',
    });
    assert.deepEqual(settingsFor(desk, {}), { deskSize: 5, deskKey: '' });
    assert.deepEqual(settingsFor(other, load().ofFeatures.values), {});
  });

  it('are checked together with those of the server', () => {
    assert.throws(
      () => load({ CHARTROOM_DESK_SIZE: '10', CHARTROOM_PORT: 'x', CHARTROOM_DESK_SIZ: '1' }),
      (error: Error) => {
        assert.ok(error instanceof ConfigError);
        const lines = error.message.split('\n');
        assert.match(lines[0]!, /Unknown setting CHARTROOM_DESK_SIZ .*Did you mean CHARTROOM_DESK_SIZE\?/);
        assert.match(lines[1]!, /^CHARTROOM_PORT must be a whole number/);
        assert.equal(lines[2], 'CHARTROOM_DESK_SIZE must be a whole number from 1 to 9.');
        return true;
      },
    );
    assert.throws(() => loadConfig({ env: { CHARTROOM_DESK_SIZE: '1' }, flags: {} }), /Unknown setting/);
  });

  it('are shown without secrets, in the help and in the table of the documents', () => {
    const shown = describeConfig(load({ CHARTROOM_DESK_KEY: 'hunter2' })).map(({ name, value }) => `${name}=${value}`);
    assert.deepEqual(shown.slice(-2), ['CHARTROOM_DESK_SIZE=5', 'CHARTROOM_DESK_KEY=(set)']);
    const command = { about: '', words: '', run: async () => 0 };
    assert.match(helpOf('serve', command, table), /\n {2}--desk-size VALUE +People at the desk \| in all\. \[5\]\n/);
    assert.ok(configTable(table).endsWith('| `CHARTROOM_DESK_KEY` | `--desk-key` |  | Key of the desk. |'));
    assert.ok(
      configTable(table).includes('| `CHARTROOM_DESK_SIZE` | `--desk-size` | `5` | People at the desk \\| in all. |'),
    );
  });

  const one = (settings: SettingTable) => [{ name: 'one', settings }];
  const rows: readonly (readonly [what: string, features: Parameters<typeof composeSettings>[0], says: RegExp])[] = [
    ['of the server', one({ pageSize: textSetting('PAGE_SIZE', '', '') }), /pageSize of one is there already/],
    [
      'of another feature',
      [desk, ...one({ deskKey: textSetting('DESK_KEY', '', '') })],
      /deskKey of one is there already/,
    ],
    ['of the file of settings', one({ config: textSetting('CONFIG', '', '') }), /config of one is there/],
    [
      'that is another in the environment',
      one({ mine: textSetting('PORT', '', '') }),
      /called the same in the environment: MINE/,
    ],
    ['that is none', one({ 'my-own': textSetting('MY-OWN', '', '') }), /my-own of one/],
  ];
  for (const [what, features, says] of rows)
    it(`cannot have a name ${what}`, () => assert.throws(() => composeSettings(features), says));
});
