import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { createCalendar, lastDayOf } from '../../../src/features/work/calendar.js';

const utc = createCalendar('UTC', '');
const newYork = createCalendar('America/New_York', '12-25, 2026-11-26');

describe('days of work', () => {
  it('begin where the zone says, over daylight saving too', () => {
    assert.equal(new Date(newYork.beginOf('2026-03-08')).toISOString(), '2026-03-08T05:00:00.000Z');
    assert.equal(new Date(newYork.beginOf('2026-03-09')).toISOString(), '2026-03-09T04:00:00.000Z');
    assert.equal(new Date(newYork.beginOf('2026-11-02')).toISOString(), '2026-11-02T05:00:00.000Z');
    // There, midnight was left out that day.
    const saoPaulo = createCalendar('America/Sao_Paulo', '');
    assert.equal(new Date(saoPaulo.beginOf('2018-11-04')).toISOString(), '2018-11-04T03:00:00.000Z');
    const kiritimati = createCalendar('Pacific/Kiritimati', '');
    assert.equal(new Date(kiritimati.beginOf('2026-01-01')).toISOString(), '2025-12-31T10:00:00.000Z');
    assert.equal(kiritimati.dayAt(Date.UTC(2025, 11, 31, 10)), '2026-01-01');
    assert.equal(newYork.dayAt(Date.UTC(2026, 0, 1, 4, 59, 59)), '2025-12-31');
  });

  it('are counted as the calendar has them, or without days that are free', () => {
    for (const [day, days, counting, then] of [
      ['2026-01-30', 30, 'calendar', '2026-03-01'],
      ['2024-01-30', 30, 'calendar', '2024-02-29'],
      ['2026-03-31', -1, 'calendar', '2026-03-30'],
      ['2026-11-30', 5, 'working', '2026-12-07'],
      ['2026-12-04', 1, 'working', '2026-12-07'],
      ['2026-12-05', 1, 'working', '2026-12-07'],
      ['2026-12-05', 0, 'working', '2026-12-07'],
      ['2026-12-07', -1, 'working', '2026-12-04'],
    ] as const)
      assert.equal(utc.addDays(day, days, counting), then, `${day} + ${days} ${counting}`);
    assert.equal(newYork.addDays('2026-11-25', 1, 'working'), '2026-11-27');
    assert.equal(newYork.addDays('2026-12-24', 1, 'working'), '2026-12-28');
    assert.equal(newYork.addDays('2027-11-25', 1, 'working'), '2027-11-26');
  });

  it('are the last ones that a date names', () => {
    for (const [text, day] of [
      ['2026', '2026-12-31'],
      ['2024-02', '2024-02-29'],
      ['2026-05-06', '2026-05-06'],
      ['2026-05-06T23:30:00-04:00', '2026-05-06'],
      ['2026-05-07T03:59:59Z', '2026-05-06'],
    ] as const)
      assert.equal(lastDayOf(text, newYork), day);
  });

  it('are refused where a zone or a holiday is none', () => {
    assert.throws(() => createCalendar('Mars/Olympus', ''), /CHARTROOM_TIME_ZONE/);
    for (const wrong of ['2026-02-30', '13-01', 'Christmas', '2026-1-1'])
      assert.throws(() => createCalendar('UTC', wrong), /CHARTROOM_HOLIDAYS/, wrong);
    assert.equal(createCalendar('UTC', '02-29').addDays('2024-02-28', 1, 'working'), '2024-03-01');
  });
});
