/**
 * Times for the rows of date parameters: each with the interval that it stands for, written out by hand.
 * https://hl7.org/fhir/R4/search.html#date, https://hl7.org/fhir/R4/datatypes.html#dateTime
 */
import type { JsonObject } from '../../../src/fhir/resource.js';
import { type Interval, interval } from './intervals.js';
import { type Known, LOCAL, UCUM } from './population.js';

/** A resource with a time, or with none. */
export interface Timed {
  readonly resource: Known;
  readonly time?: Interval;
}

/** A second or a millisecond after an instant, as ISO text. */
const after = (start: string, ms: number) => new Date(Date.parse(start) + ms).toISOString();
const secondOf = (start: string): Interval => interval(start, after(start, 1000));
const millisecondOf = (start: string): Interval => interval(start, after(start, 1));

const dated = (element: JsonObject, time?: Interval) => ({ element, time });
const dateTime = (text: string, time: Interval) => dated({ effectiveDateTime: text }, time);
const within = (period: JsonObject, from: string, to: string) => dated({ effectivePeriod: period }, interval(from, to));

/** Observation.effective[x], of every type and precision. */
export const TIMES: readonly Timed[] = [
  dateTime('2012', interval('2012-01-01', '2013-01-01')),
  dateTime('2013', interval('2013-01-01', '2014-01-01')),
  dateTime('2014', interval('2014-01-01', '2015-01-01')),
  dateTime('2012-12', interval('2012-12-01', '2013-01-01')),
  dateTime('2013-01', interval('2013-01-01', '2013-02-01')),
  dateTime('2013-02', interval('2013-02-01', '2013-03-01')),
  dateTime('2013-01-13', interval('2013-01-13', '2013-01-14')),
  dateTime('2013-01-14', interval('2013-01-14', '2013-01-15')),
  dateTime('2013-01-15', interval('2013-01-15', '2013-01-16')),
  dateTime('2013-01-14T10:00:00Z', secondOf('2013-01-14T10:00:00Z')),
  dateTime('2013-01-14T10:00:59Z', secondOf('2013-01-14T10:00:59Z')),
  dateTime('2013-01-14T10:01:00Z', secondOf('2013-01-14T10:01:00Z')),
  dateTime('2013-01-14T09:59:59Z', secondOf('2013-01-14T09:59:59Z')),
  dateTime('2013-01-14T10:00:30Z', secondOf('2013-01-14T10:00:30Z')),
  dateTime('2013-01-14T10:00:30.499Z', millisecondOf('2013-01-14T10:00:30.499Z')),
  dateTime('2013-01-14T10:00:30.500Z', millisecondOf('2013-01-14T10:00:30.500Z')),
  dateTime('2013-01-14T10:00:30.501Z', millisecondOf('2013-01-14T10:00:30.501Z')),
  dateTime('2013-01-14T12:00:30+02:00', secondOf('2013-01-14T10:00:30Z')),
  dateTime('2013-01-14T05:00:30-05:00', secondOf('2013-01-14T10:00:30Z')),
  dateTime('2013-01-14T23:30:00-02:00', secondOf('2013-01-15T01:30:00Z')),
  dateTime('2013-01-01T01:00:00+03:00', secondOf('2012-12-31T22:00:00Z')),
  dateTime('2012-02-29', interval('2012-02-29', '2012-03-01')),
  // The leap second counts as the first of the next minute.
  dateTime('2012-06-30T23:59:60Z', secondOf('2012-07-01T00:00:00Z')),
  dateTime('1969-12-31T23:59:59.999Z', millisecondOf('1969-12-31T23:59:59.999Z')),
  dateTime('0001-01-01', interval('0001-01-01', '0001-01-02')),
  dateTime('9999-12-31', interval('9999-12-31', '+010000-01-01T00:00:00Z')),
  dated({ effectiveInstant: '2013-01-14T10:00:30.500+00:00' }, millisecondOf('2013-01-14T10:00:30.500Z')),
  dated({ effectiveInstant: '2013-01-14T10:00:30-00:00' }, millisecondOf('2013-01-14T10:00:30.000Z')),
  within(
    { start: '2013-01-14T10:00:30Z', end: '2013-01-14T10:00:30Z' },
    '2013-01-14T10:00:30Z',
    '2013-01-14T10:00:31Z',
  ),
  within({ start: '2013-01-10', end: '2013-01-20' }, '2013-01-10', '2013-01-21'),
  within({ start: '2012', end: '2014' }, '2012-01-01', '2015-01-01'),
  within({ start: '2013-01-14' }, '2013-01-14', ''),
  within({ end: '2013-01-14' }, '', '2013-01-15'),
  dated(
    { effectiveTiming: { event: ['2013-01-18T12:00:00Z', '2013-01-10'] } },
    interval('2013-01-10', '2013-01-18T12:00:01Z'),
  ),
  dated(
    { effectiveTiming: { repeat: { boundsPeriod: { start: '2013-01-14', end: '2013-01-15' } } } },
    interval('2013-01-14', '2013-01-16'),
  ),
  dated({ effectiveTiming: { repeat: { boundsPeriod: { start: '2013-02' } } } }, interval('2013-02-01', '')),
  dated({ effectiveTiming: { code: { text: 'daily' } } }),
  dated({}),
].map(({ element, time }, at) => ({
  resource: {
    resourceType: 'Observation',
    id: `time-${at + 1}`,
    status: 'final',
    code: { coding: [{ system: LOCAL, code: 'time' }] },
    ...element,
  },
  ...(time ? { time } : {}),
}));

const born = (text: string, from: string, to: string): [string, Interval] => [text, interval(from, to)];

/** Person.birthDate: the type `date`, which knows no time of day. */
export const BIRTHS: readonly Timed[] = [
  born('1980', '1980-01-01', '1981-01-01'),
  born('1979', '1979-01-01', '1980-01-01'),
  born('1981', '1981-01-01', '1982-01-01'),
  born('1980-05', '1980-05-01', '1980-06-01'),
  born('1980-04', '1980-04-01', '1980-05-01'),
  born('1980-06', '1980-06-01', '1980-07-01'),
  born('1980-05-17', '1980-05-17', '1980-05-18'),
  born('1980-05-16', '1980-05-16', '1980-05-17'),
  born('1980-05-18', '1980-05-18', '1980-05-19'),
  born('1979-12-31', '1979-12-31', '1980-01-01'),
  born('1980-01-01', '1980-01-01', '1980-01-02'),
  born('1980-12-31', '1980-12-31', '1981-01-01'),
  born('1981-01-01', '1981-01-01', '1981-01-02'),
  born('2000-02-29', '2000-02-29', '2000-03-01'),
  born('1899-12-31', '1899-12-31', '1900-01-01'),
]
  .map(
    ([birthDate, time], at): Timed => ({
      resource: { resourceType: 'Person', id: `birth-${at + 1}`, birthDate },
      time,
    }),
  )
  .concat({ resource: { resourceType: 'Person', id: 'birth-none' } });

const stay = (id: number, period: JsonObject | undefined, time?: Interval): Timed => ({
  resource: {
    resourceType: 'Encounter',
    id: `stay-${id}`,
    status: 'finished',
    class: { system: LOCAL, code: 'stay' },
    length: { value: id, unit: 'day', system: UCUM, code: 'd' },
    ...(period ? { period } : {}),
  },
  ...(time ? { time } : {}),
});

/** Encounter.period: closed, open at either end, of every precision. */
export const STAYS: readonly Timed[] = [
  stay(1, { start: '2020-03-01', end: '2020-03-10' }, interval('2020-03-01', '2020-03-11')),
  stay(2, { start: '2020-03-05', end: '2020-03-05' }, interval('2020-03-05', '2020-03-06')),
  stay(
    3,
    { start: '2020-03-05T08:00:00Z', end: '2020-03-05T20:00:00Z' },
    interval('2020-03-05T08:00:00Z', '2020-03-05T20:00:01Z'),
  ),
  stay(
    4,
    { start: '2020-03-05T08:30:00Z', end: '2020-03-05T08:30:59Z' },
    interval('2020-03-05T08:30:00Z', '2020-03-05T08:31:00Z'),
  ),
  stay(
    5,
    { start: '2020-03-05T08:30:15Z', end: '2020-03-05T08:30:15.250Z' },
    interval('2020-03-05T08:30:15Z', '2020-03-05T08:30:15.251Z'),
  ),
  stay(
    6,
    { start: '2020-03-04T22:00:00-05:00', end: '2020-03-05T10:00:00+05:00' },
    interval('2020-03-05T03:00:00Z', '2020-03-05T05:00:01Z'),
  ),
  stay(7, { start: '2020-03-05' }, interval('2020-03-05', '')),
  stay(8, { end: '2020-03-05' }, interval('', '2020-03-06')),
  stay(9, { start: '2020', end: '2020' }, interval('2020-01-01', '2021-01-01')),
  stay(10, { start: '2020-03', end: '2020-04' }, interval('2020-03-01', '2020-05-01')),
  stay(11, { start: '2019-12-31', end: '2020-03-04' }, interval('2019-12-31', '2020-03-05')),
  stay(12, { start: '2020-03-06', end: '2021-01-01' }, interval('2020-03-06', '2021-01-02')),
  stay(13, { start: '2018', end: '2018-06-30' }, interval('2018-01-01', '2018-07-01')),
  stay(14, { start: '2024-02-29' }, interval('2024-02-29', '')),
  stay(15, undefined),
];

const slot = (id: number, start: string, time: Interval): Timed => ({
  resource: {
    resourceType: 'Slot',
    id: `slot-${id}`,
    status: 'free',
    schedule: { reference: 'Schedule/none' },
    start,
    end: '2021-12-31T00:00:00Z',
  },
  time,
});

/** Slot.start: the type `instant`, a point in time whether its second has a fraction or not. */
export const SLOTS: readonly Timed[] = [
  '2021-06-15T09:30:20Z',
  '2021-06-15T09:30:20.000Z',
  '2021-06-15T09:30:20.999Z',
  '2021-06-15T09:30:21Z',
  '2021-06-15T09:30:19.999Z',
  '2021-06-15T09:29:59Z',
  '2021-06-15T09:31:00Z',
  '2021-06-14T23:59:59.999Z',
  '2021-06-15T00:00:00Z',
  '2021-06-16T00:00:00Z',
  '2021-06-30T23:59:59Z',
  '2021-07-01T00:00:00.000Z',
  '2021-05-31T23:59:59Z',
  '2020-12-31T23:59:59Z',
  '2021-01-01T00:00:00Z',
  '2022-01-01T00:00:00Z',
  '2021-06-15T11:30:20+02:00',
  '2021-06-14T19:30:20.500-14:00',
].map((start, at) => slot(at + 1, start, millisecondOf(start)));
