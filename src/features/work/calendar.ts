/**
 * Days as an organisation counts them: in its time zone, with its holidays. A day is a text as in `2026-03-29`. Days begin where the zone says, so that
 * nothing is an hour early or late over daylight saving.
 */
import { Temporal } from 'temporal-polyfill';
import { ConfigError } from '../../platform/config.js';

/** `calendar`: every day counts, as in the terms of laws; `working`: neither Saturdays, Sundays nor holidays do. */
export type Counting = 'calendar' | 'working';

export interface WorkCalendar {
  /** The day at a time: ms since 1970. */
  dayAt(ms: number): string;
  /** So many days later, or earlier. Of working days it is always one. */
  addDays(day: string, days: number, counting: Counting): string;
  /** ms since 1970: when the day begins. */
  beginOf(day: string): number;
}

const SATURDAY = 6;

/** Throws an Error that says what a setting must be. `holidays`: days, and those of every year as in `12-25`, separated by commas. */
export function createCalendar(timeZone: string, holidays: string): WorkCalendar {
  const zone = checkedZone(timeZone);
  const free = new Set(
    holidays
      .split(',')
      .map(each => each.trim())
      .filter(each => each !== ''),
  );
  for (const each of free)
    if (!isDay(each.length === 5 ? `2000-${each}` : each))
      throw new ConfigError('CHARTROOM_HOLIDAYS has days as in 2026-12-24, and those of every year as in 12-25.');
  const isWorking = (day: Temporal.PlainDate): boolean => {
    const text = day.toString();
    return day.dayOfWeek < SATURDAY && !free.has(text) && !free.has(text.slice(5));
  };
  return {
    dayAt: ms =>
      Temporal.Instant.fromEpochMilliseconds(Math.floor(ms)).toZonedDateTimeISO(zone).toPlainDate().toString(),
    addDays(from, days, counting) {
      let day = Temporal.PlainDate.from(from);
      if (counting === 'calendar') return day.add({ days }).toString();
      const step = days < 0 ? -1 : 1;
      for (let left = Math.abs(days); left > 0 || !isWorking(day); ) {
        day = day.add({ days: step });
        if (left > 0 && isWorking(day)) left--;
      }
      return day.toString();
    },
    beginOf: day => Temporal.PlainDate.from(day).toZonedDateTime(zone).startOfDay().epochMilliseconds,
  };
}

function checkedZone(name: string): string {
  try {
    return Temporal.Now.zonedDateTimeISO(name).timeZoneId;
  } catch {
    throw new ConfigError('CHARTROOM_TIME_ZONE is the name of a time zone, as in America/New_York.');
  }
}

function isDay(text: string): boolean {
  try {
    return Temporal.PlainDate.from(text, { overflow: 'reject' }).toString() === text;
  } catch {
    return false;
  }
}

/** The last day that a date or dateTime of FHIR names: of a year or month the end of it. */
export function lastDayOf(text: string, calendar: WorkCalendar): string {
  if (text.length === 4) return `${text}-12-31`;
  if (text.length === 7) return `${text}-${String(Temporal.PlainYearMonth.from(text).daysInMonth).padStart(2, '0')}`;
  return text.length === 10 ? text : calendar.dayAt(Date.parse(text));
}
