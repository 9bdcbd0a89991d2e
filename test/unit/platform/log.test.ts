import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { forPeople } from '../../../src/platform/log.js';

const shown = (line: object): string => {
  let text = '';
  forPeople({ write: part => (text += part) }).write(`${JSON.stringify(line)}\n`);
  return text;
};

describe('the log on a terminal', () => {
  it('is a line with time, level, message and the other members', () =>
    assert.equal(
      shown({ level: 30, time: Date.UTC(2026, 0, 2, 3, 4, 5, 6), msg: 'Ready.', status: 200, seconds: 0.00123456789 }),
      '03:04:05.006 info  Ready. status=200 seconds=0.001235\n',
    ));

  it('shows where an error came from below its line', () =>
    assert.equal(
      shown({ level: 50, time: 0, kind: 'fault', at: 'Error\nat a.js:1' }),
      '00:00:00.000 error kind=fault\n    Error\n    at a.js:1\n',
    ));
});
