import assert from 'node:assert/strict';
import { assert as check, date as anyDate, property } from 'fast-check';
import { describe, it } from 'mocha';
import { formatInstant, parseDateTime } from '../../../src/fhir/datetime.js';

const at = (text: string) => Date.parse(text);

describe('parseDateTime', () => {
  const rows: readonly [text: string, low: string, high: string, precision: string][] = [
    ['2024', '2024-01-01T00:00:00.000Z', '2024-12-31T23:59:59.999Z', 'year'],
    ['2024-02', '2024-02-01T00:00:00.000Z', '2024-02-29T23:59:59.999Z', 'month'],
    ['2023-02', '2023-02-01T00:00:00.000Z', '2023-02-28T23:59:59.999Z', 'month'],
    ['2024-02-29', '2024-02-29T00:00:00.000Z', '2024-02-29T23:59:59.999Z', 'day'],
    ['2000-02-29', '2000-02-29T00:00:00.000Z', '2000-02-29T23:59:59.999Z', 'day'],
    ['1969-12-31', '1969-12-31T00:00:00.000Z', '1969-12-31T23:59:59.999Z', 'day'],
    ['2024-03-01T12:30Z', '2024-03-01T12:30:00.000Z', '2024-03-01T12:30:59.999Z', 'minute'],
    ['2024-03-01T12:30:15Z', '2024-03-01T12:30:15.000Z', '2024-03-01T12:30:15.999Z', 'second'],
    ['2024-03-01T12:30:15', '2024-03-01T12:30:15.000Z', '2024-03-01T12:30:15.999Z', 'second'],
    ['2024-03-01T00:30:15+01:00', '2024-02-29T23:30:15.000Z', '2024-02-29T23:30:15.999Z', 'second'],
    ['2024-03-01T12:30:15-05:30', '2024-03-01T18:00:15.000Z', '2024-03-01T18:00:15.999Z', 'second'],
    ['2024-03-01T12:30:15.5Z', '2024-03-01T12:30:15.500Z', '2024-03-01T12:30:15.500Z', 'millisecond'],
    ['2024-03-01T12:30:15.1239999Z', '2024-03-01T12:30:15.123Z', '2024-03-01T12:30:15.123Z', 'millisecond'],
    ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00.000Z', '2017-01-01T00:00:00.999Z', 'second'],
  ];
  for (const [text, low, high, precision] of rows)
    it(`reads ${text} as ${precision}`, () => {
      assert.deepEqual(parseDateTime(text), { low: at(low), high: at(high), precision });
    });

  for (const text of [
    '',
    '20',
    '2024-13',
    '2024-00',
    '2024-1',
    '2024-02-30',
    '2023-02-29',
    '1900-02-29',
    '2024-04-31',
    '2024-01-00',
    '2024-01-01T',
    '2024-01-01T10',
    '2024-01-01T24:00:00Z',
    '2024-01-01T10:60Z',
    '2024-01-01T10:00:61Z',
    '2024-01-01T10:00:00+15:00',
    '2024-01-01T10:00:00+01:60',
    '2024-01-01T10:00:00.Z',
    '2024-01-01Z',
    '0000',
    '2024-01-01T10:00:00 01:00',
    ' 2024',
    '2024 ',
    '２０２４',
    '2024-01-01T10:00:00z',
  ])
    it(`refuses ${JSON.stringify(text)}`, () => assert.equal(parseDateTime(text), undefined));

  it('reads years before 100 as they stand', () => {
    const low = new Date(0);
    low.setUTCFullYear(31, 0, 1);
    assert.equal(parseDateTime('0031')?.low, low.getTime());
  });

  it('agrees with the calendar of the platform on every instant', () => {
    const instants = anyDate({
      min: new Date('0001-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59.999Z'),
      noInvalidDate: true,
    });
    check(
      property(instants, date => {
        const text = formatInstant(date.getTime());
        assert.deepEqual(parseDateTime(text), { low: date.getTime(), high: date.getTime(), precision: 'millisecond' });
        const day = parseDateTime(text.slice(0, 10));
        assert.equal(day?.low, at(`${text.slice(0, 10)}T00:00:00.000Z`));
        assert.equal(day.high - day.low, 86_399_999);
      }),
    );
  });
});
