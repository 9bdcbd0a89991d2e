/**
 * Date parameters on numbered populations: every prefix with every precision, on dateTime, instant, Period, Timing and
 * date. https://hl7.org/fhir/R4/search.html#date
 */
import { holdsTime, type Interval, interval, PREFIXES, type Prefix } from './intervals.js';
import { POPULATION } from './population.js';
import { BIRTHS, SLOTS, STAYS, type Timed, TIMES } from './population-dates.js';
import type { Group, Row } from './row.js';

/** A value to search for: its text as it stands in a query, and what it means. */
type Sought = readonly [text: string, time: Interval];
const sought = (text: string, from: string, to: string): Sought => [text, interval(from, to)];

const NOW = Date.now();

function rowsOf(
  title: string,
  query: string,
  stored: readonly Timed[],
  values: readonly Sought[],
  prefixes: readonly Prefix[] = PREFIXES,
) {
  return values.flatMap(([text, searched]) =>
    prefixes.map(
      (prefix): Row => ({
        name: `${title}: ${prefix || 'no prefix'} ${text}`,
        query: `${query}=${prefix}${text}`,
        expect: stored
          .filter(({ time }) => time && holdsTime(prefix, time, searched, NOW))
          .map(({ resource }) => resource.id),
      }),
    ),
  );
}

const TIME_VALUES = [
  sought('2013', '2013-01-01', '2014-01-01'),
  sought('2013-01', '2013-01-01', '2013-02-01'),
  sought('2013-01-14', '2013-01-14', '2013-01-15'),
  sought('2013-01-14T10:00Z', '2013-01-14T10:00:00Z', '2013-01-14T10:01:00Z'),
  sought('2013-01-14T10:00:30Z', '2013-01-14T10:00:30Z', '2013-01-14T10:00:31Z'),
  sought('2013-01-14T10:00:30.500Z', '2013-01-14T10:00:30.500Z', '2013-01-14T10:00:30.501Z'),
];

/** The same instants, told otherwise; days and seconds that not every year or minute has. */
const TIME_FORMS = [
  sought('2013-01-14T12:00:30%2B02:00', '2013-01-14T10:00:30Z', '2013-01-14T10:00:31Z'),
  sought('2013-01-14T12:00:30+02:00', '2013-01-14T10:00:30Z', '2013-01-14T10:00:31Z'),
  sought('2013-01-14T05:00:30-05:00', '2013-01-14T10:00:30Z', '2013-01-14T10:00:31Z'),
  sought('2013-01-14T10:00:30', '2013-01-14T10:00:30Z', '2013-01-14T10:00:31Z'),
  sought('2013-01-14T10:00:30.5Z', '2013-01-14T10:00:30.500Z', '2013-01-14T10:00:30.501Z'),
  sought('2012-02-29', '2012-02-29', '2012-03-01'),
  sought('2012-06-30T23:59:60Z', '2012-07-01T00:00:00Z', '2012-07-01T00:00:01Z'),
  sought('2012', '2012-01-01', '2013-01-01'),
  sought('1970', '1970-01-01', '1971-01-01'),
  sought('0001', '0001-01-01', '0002-01-01'),
  sought('9999', '9999-01-01', '+010000-01-01T00:00:00Z'),
];

const BIRTH_VALUES = [
  sought('1980', '1980-01-01', '1981-01-01'),
  sought('1980-05', '1980-05-01', '1980-06-01'),
  sought('1980-05-17', '1980-05-17', '1980-05-18'),
  sought('1980-05-17T12:00Z', '1980-05-17T12:00Z', '1980-05-17T12:01Z'),
];

const STAY_VALUES = [
  sought('2020', '2020-01-01', '2021-01-01'),
  sought('2020-03', '2020-03-01', '2020-04-01'),
  sought('2020-03-05', '2020-03-05', '2020-03-06'),
  sought('2020-03-05T08:30Z', '2020-03-05T08:30:00Z', '2020-03-05T08:31:00Z'),
  sought('2020-03-05T08:30:15Z', '2020-03-05T08:30:15Z', '2020-03-05T08:30:16Z'),
  sought('2020-03-05T08:30:15.250Z', '2020-03-05T08:30:15.250Z', '2020-03-05T08:30:15.251Z'),
];

const SLOT_VALUES = [
  sought('2021', '2021-01-01', '2022-01-01'),
  sought('2021-06', '2021-06-01', '2021-07-01'),
  sought('2021-06-15', '2021-06-15', '2021-06-16'),
  sought('2021-06-15T09:30Z', '2021-06-15T09:30:00Z', '2021-06-15T09:31:00Z'),
  sought('2021-06-15T09:30:20Z', '2021-06-15T09:30:20Z', '2021-06-15T09:30:21Z'),
  sought('2021-06-15T09:30:20.000Z', '2021-06-15T09:30:20.000Z', '2021-06-15T09:30:20.001Z'),
];

/** The three patients of the population who have a birth date. */
const PATIENTS: readonly Timed[] = [
  ['eve', interval('1980-05-17', '1980-05-18')] as const,
  ['evelyn', interval('1980-05-01', '1980-06-01')] as const,
  ['severin', interval('1980-01-01', '1981-01-01')] as const,
].map(([id, time]) => ({ resource: POPULATION.find(known => known.id === id)!, time }));

const two = (name: string, query: string, ...expect: readonly string[]): Row => ({
  name: `dates: ${name}`,
  query,
  expect,
});
const births = (...at: readonly number[]) => at.map(n => `birth-${n}`);

export const DATE_GROUPS: readonly Group[] = [
  { title: 'dates of every type', rows: rowsOf('date', 'Observation?code=time&date', TIMES, TIME_VALUES) },
  {
    title: 'dates told otherwise',
    rows: rowsOf('date told otherwise', 'Observation?code=time&date', TIMES, TIME_FORMS, [
      '',
      'ne',
      'ge',
      'le',
      'sa',
      'eb',
    ]),
  },
  { title: 'birth dates of persons', rows: rowsOf('birth date', 'Person?birthdate', BIRTHS, BIRTH_VALUES) },
  {
    title: 'birth dates of patients',
    rows: rowsOf('patient', 'Patient?birthdate', PATIENTS, BIRTH_VALUES.slice(0, 3)),
  },
  { title: 'periods', rows: rowsOf('period', 'Encounter?class=stay&date', STAYS, STAY_VALUES) },
  { title: 'instants', rows: rowsOf('instant', 'Slot?start', SLOTS, SLOT_VALUES) },
  {
    title: 'dates together',
    rows: [
      two('ge of a year finds days within it', 'Patient?birthdate=ge1980', 'eve', 'evelyn', 'severin'),
      two('le of a year finds days within it', 'Patient?birthdate=le1980', 'eve', 'evelyn', 'severin'),
      two('gt of a year finds none within it', 'Patient?birthdate=gt1980'),
      two('lt of a year finds none within it', 'Patient?birthdate=lt1980'),
      two('each alternative has its own prefix', 'Person?birthdate=ge2000-01-01,lt1979', ...births(14, 15)),
      two('alternatives with and without prefix', 'Person?birthdate=1981,eb1900', ...births(3, 13, 15)),
      two('two conditions are a window', 'Person?birthdate=ge1980-05&birthdate=le1980-05', ...births(1, 4, 7, 8, 9)),
      two(
        'two windows',
        'Person?birthdate=ge1980-05-16&birthdate=lt1980-05-18&birthdate=eb1980-05-19',
        ...births(7, 8),
      ),
      two(
        'a stored second is found by its second',
        'Slot?start=2021-06-15T09:30:20Z',
        'slot-1',
        'slot-2',
        'slot-3',
        'slot-17',
        'slot-18',
      ),
      two(
        'an instant is a point: what a clock in milliseconds says finds it',
        'Slot?start=2021-06-15T09:30:20.000Z',
        'slot-1',
        'slot-2',
        'slot-17',
      ),
      two(
        'an instant does not reach beyond its point',
        'Slot?_id=slot-1,slot-3&start=gt2021-06-15T09:30:20.000Z',
        'slot-3',
      ),
      two('an instant ends at its point', 'Slot?_id=slot-1,slot-3&start=le2021-06-15T09:30:20.000Z', 'slot-1'),
      two(
        'an instant in a filter',
        'Slot?_filter=start eq 2021-06-15T09:30:20.000Z and not (_id eq slot-2)',
        'slot-1',
        'slot-17',
      ),
      two(
        'a dateTime of second precision lasts its second, an instant beside it does not',
        'Observation?_id=time-14,time-28&date=gt2013-01-14T10:00:30.000Z&date=lt2013-01-14T10:00:30.001Z',
        'time-14',
      ),
      two(
        'of one parameter over both types only the instant is found by a point',
        'Observation?_id=time-14,time-28&date=2013-01-14T10:00:30.000Z',
        'time-28',
      ),
      two(
        'both are found by their second',
        'Observation?_id=time-14,time-28&date=2013-01-14T10:00:30Z',
        'time-14',
        'time-28',
      ),
      two('a condition on another parameter as well', 'Encounter?date=2020-03-05&length=2', 'stay-2'),
    ],
  },
];
