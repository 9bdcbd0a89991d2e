/**
 * Rules by which what happened deserves a look of the privacy officer. A hit is no verdict: it names one event to begin with, and why. Each is of a rule, a person,
 * a patient and a day, by which it is known when the same time is looked at again.
 */
import { Temporal } from 'temporal-polyfill';
import { formatInstant } from '../../fhir/datetime.js';
import { breathe } from '../../platform/pieces.js';
import type { AnomalyFacts } from './anomaly-facts.js';
import type { Access, SeenEvent, SeenTrail } from './anomaly-seen.js';

export interface Thresholds {
  /** How many times as many patients a day as the median of the days before. */
  readonly factor: number;
  /** Fewer patients a day than these are never too many. */
  readonly patients: number;
  /** So many denials in so many minutes. */
  readonly burst: number;
  readonly minutes: number;
  /** Working hours, Monday to Friday: from the first up to, not with, the last; where that is the smaller one, over midnight. */
  readonly fromHour: number;
  readonly toHour: number;
}

export interface Hit {
  readonly rule: AnomalyRule;
  readonly person: string;
  readonly patient: string | undefined;
  readonly day: string;
  readonly event: SeenEvent;
  readonly why: string;
}

export const ANOMALY_RULES = [
  'remarkable-patient',
  'same-name-or-address',
  'many-patients',
  'no-relationship',
  'break-glass',
  'denied-burst',
  'off-hours-export',
  'disabled-user',
  'gone-patient',
] as const;
export type AnomalyRule = (typeof ANOMALY_RULES)[number];

/** What was found, and what could not be judged, in a sentence. */
export interface RuleFindings {
  readonly hits: readonly Hit[];
  readonly unjudged?: string;
}

export interface Judging {
  readonly seen: SeenTrail;
  readonly facts: AnomalyFacts;
  readonly thresholds: Thresholds;
  /** In which the organisation works. */
  readonly timeZone: string;
}

type Rule = (judging: Judging) => RuleFindings | Promise<RuleFindings>;

/** `patient`: where it is about one. */
const hitOf = (rule: AnomalyRule, event: SeenEvent, why: string, patient?: string): Hit => ({
  ...{ rule, person: event.person, patient, day: event.day, event, why },
});

/** A rule about each access, by what is known of the patient. */
async function ofAccesses(
  { seen }: Judging,
  rule: AnomalyRule,
  why: (access: Access) => Promise<string | undefined>,
): Promise<Hit[]> {
  const hits: Hit[] = [];
  for (const access of seen.accesses) {
    await breathe();
    const said = await why(access);
    if (said !== undefined) hits.push(hitOf(rule, access.last, said, access.patient));
  }
  return hits;
}

const shared = (one: readonly string[], other: readonly string[]): boolean => one.some(each => other.includes(each));

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

/** Users whom no Practitioner is known for. */
async function strangersOf({ seen, facts }: Judging): Promise<ReadonlySet<string>> {
  const strangers = new Set<string>();
  for (const { person } of seen.accesses) if (!(await facts.staff(person))) strangers.add(person);
  return strangers;
}

const unjudgedFor = (strangers: ReadonlySet<string>): string | undefined =>
  strangers.size === 0
    ? undefined
    : `Not judged for ${strangers.size} user${strangers.size === 1 ? '' : 's'}: no Practitioner has their name as an identifier.`;

const SATURDAY = 6;

function isWorkingHour({ hour, dayOfWeek }: Temporal.ZonedDateTime, { fromHour, toHour }: Thresholds): boolean {
  const [begun, over] = [hour >= fromHour, hour >= toHour];
  return dayOfWeek < SATURDAY && (fromHour < toHour ? begun && !over : begun || !over);
}

const withUnjudged = (hits: readonly Hit[], unjudged: string | undefined): RuleFindings =>
  unjudged === undefined ? { hits } : { hits, unjudged };

export const RULES_OF_ANOMALIES: Readonly<Record<AnomalyRule, Rule>> = {
  'remarkable-patient': async judging => ({
    hits: await ofAccesses(judging, 'remarkable-patient', async ({ patient }) => {
      const remarkable = (await judging.facts.patient(patient))?.remarkable;
      return remarkable && `the patient is marked ${remarkable}`;
    }),
  }),

  'same-name-or-address': async judging => {
    const { facts } = judging;
    const hits = await ofAccesses(judging, 'same-name-or-address', async ({ person, patient }) => {
      const [staff, whom] = [await facts.staff(person), await facts.patient(patient)];
      if (!staff || !whom) return undefined;
      if (shared(staff.addresses, whom.addresses)) return 'the patient lives at the address of the user';
      return shared(staff.families, whom.families) ? 'the patient has the family name of the user' : undefined;
    });
    return withUnjudged(hits, unjudgedFor(await strangersOf(judging)));
  },

  'many-patients': ({ seen, thresholds }) => {
    const hits: Hit[] = [];
    let without = 0;
    for (const { person, patients, first } of seen.days) {
      if (patients < thresholds.patients) continue;
      const usual = seen.usual.get(person);
      if (!usual) without += 1;
      else if (patients > thresholds.factor * median(usual))
        hits.push(hitOf('many-patients', first, `${patients} patients in a day, where ${median(usual)} are usual`));
    }
    const unjudged = `Not judged for ${without} day${without === 1 ? '' : 's'} of users who did nothing in the 30 days before.`;
    return withUnjudged(hits, without === 0 ? undefined : unjudged);
  },

  'no-relationship': async judging => {
    const { facts } = judging;
    const hits = await ofAccesses(judging, 'no-relationship', async ({ person, patient }) => {
      const staff = await facts.staff(person);
      if (!staff || (await facts.isRelated(staff, patient))) return undefined;
      return 'no encounter, appointment, care team or task joins user and patient';
    });
    return withUnjudged(hits, unjudgedFor(await strangersOf(judging)));
  },

  'break-glass': ({ seen }) => ({
    hits: seen.glasses.map(event => hitOf('break-glass', event, 'the glass was broken', event.patient)),
  }),

  'denied-burst': ({ seen, thresholds: { burst, minutes } }) => {
    const hits: Hit[] = [];
    for (const events of seen.denied.values()) {
      // The newest first: each with the one that came `burst - 1` before it.
      const days = new Set<string>();
      for (const [at, event] of events.entries()) {
        const first = events[at + burst - 1];
        if (!first || event.at - first.at > minutes * 60_000 || days.has(first.day)) continue;
        days.add(first.day);
        hits.push(hitOf('denied-burst', first, `${burst} requests or more were denied within ${minutes} minutes`));
      }
    }
    return { hits };
  },

  'off-hours-export': ({ seen, thresholds, timeZone }) => ({
    hits: seen.exports.flatMap(event => {
      const there = Temporal.Instant.fromEpochMilliseconds(event.at).toZonedDateTimeISO(timeZone);
      if (isWorkingHour(there, thresholds)) return [];
      const time = there.toPlainTime().toString({ smallestUnit: 'minute' });
      return hitOf('off-hours-export', event, `an export at ${time} (${timeZone}), outside of working hours`);
    }),
  }),

  'disabled-user': ({ seen }) => {
    const hits: Hit[] = [];
    for (const [name, { at, what }] of seen.changes) {
      const last = seen.newest.get(name);
      if (what === 'disabled' && last && last.at > at)
        hits.push(hitOf('disabled-user', last, `the user was disabled at ${formatInstant(at)}`));
    }
    return { hits };
  },

  'gone-patient': async judging => ({
    hits: await ofAccesses(judging, 'gone-patient', async ({ patient, last }) => {
      const gone = (await judging.facts.patient(patient))?.gone;
      return gone && last.at > gone.from ? `the patient is ${gone.what}` : undefined;
    }),
  }),
};
