/** Progress on a terminal and without one. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { shortened, showProgress } from '../../../src/cli/progress.js';

describe('progress', () => {
  it('is a line with share, count, rate and path where there is no terminal', async () => {
    const out = new PassThrough();
    let count = 0;
    const look = () => ({
      share: (count += 10) / 10_000,
      count,
      what: 'resources',
      more: '2 failed',
      path: 'a/b.json',
    });
    const hide = showProgress(look, { every: 1, out });
    await once(out, 'data');
    const [line] = (await once(out, 'data')) as [Buffer];
    hide();
    assert.match(line.toString(), /^\d+ %, [\d,]+ resources, [\d,]+\/s, 2 failed, \d+ (s|min) left: a\/b\.json\n$/);
  });

  it('cuts paths where folders meet, and never more than it must', () => {
    const path = join('data', 'of', 'patients', 'file.ndjson.gz');
    assert.equal(shortened(path, 100), path);
    assert.equal(shortened(path, 26), join('…', 'patients', 'file.ndjson.gz'));
    assert.equal(shortened(path, 20), join('…', 'file.ndjson.gz'));
    assert.equal(shortened(path, 11), 'file.…on.gz');
    assert.equal(shortened(path, 3), '');
  });
});
