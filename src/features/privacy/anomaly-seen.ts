/**
 * What the rules of anomalies need of some time of the trail, collected in one walk, the newest event first: who came to whom on which day, who was denied when,
 * who broke a glass, exported, or was locked out. Bounded: the walk ends where too much would be held.
 */
import { FhirError } from '../../fhir/error.js';
import type { ToldEvent } from './told-event.js';

/** A person with a patient on a day. */
export interface Access {
  readonly person: string;
  readonly patient: string;
  readonly day: string;
  /** The first and the last of that day. */
  event: ToldEvent;
  readonly last: ToldEvent;
  count: number;
}

const MOST_HELD = 500_000;
const OVERRIDE_STARTED = 'Emergency Override Started';

export class SeenTrail {
  /** By person, patient and day: of the time that is asked about. */
  readonly accesses = new Map<string, Access>();
  /** Patients of each day by person, of the time before, too: `person` → day → ids. */
  readonly patientsADay = new Map<string, Map<string, Set<string>>>();
  /** Denied requests by person, the newest first. */
  readonly denied = new Map<string, ToldEvent[]>();
  readonly glasses: ToldEvent[] = [];
  readonly exports: ToldEvent[] = [];
  /** The newest event of each person. */
  readonly newest = new Map<string, ToldEvent>();
  /** The newest change of each user: `disabled`, `enabled`; with its time in ms. */
  readonly changes = new Map<string, { readonly at: number; readonly what: string }>();
  #held = 0;

  /** `isAsked`: it is of the time that is asked about, and not of that before. Throws `too-costly`. */
  see(event: ToldEvent, isAsked: boolean): void {
    const { person, why, role } = event;
    if (event.outcome === '0' && (why === 'disabled' || why === 'enabled')) this.#seeChange(event);
    if (isAsked) this.#seeAsked(event);
    // Users alone have roles.
    if (event.outcome !== '0' || role === '' || event.disclosure) return;
    for (const patient of event.patients) this.#seeAccess(event, person, patient, isAsked);
  }

  #seeAsked(event: ToldEvent): void {
    const { person, role, isDenied, action } = event;
    if (action === OVERRIDE_STARTED) this.glasses.push(event);
    if (event.outcome === '0' && /^\$?export$/i.test(action) && !event.disclosure) this.exports.push(event);
    if (isDenied) {
      const before = this.denied.get(person);
      if (before) before.push(event);
      else this.denied.set(person, [event]);
      this.#hold();
    }
    if (event.outcome === '0' && role !== '' && !this.newest.has(person)) this.newest.set(person, event);
  }

  #seeAccess(event: ToldEvent, person: string, patient: string, isAsked: boolean): void {
    const { day } = event;
    let days = this.patientsADay.get(person);
    if (!days) this.patientsADay.set(person, (days = new Map()));
    let patients = days.get(day);
    if (!patients) days.set(day, (patients = new Set()));
    if (!patients.has(patient)) this.#hold();
    patients.add(patient);
    if (!isAsked) return;
    const key = [person, patient, day].join('\u0000');
    const access = this.accesses.get(key);
    if (access) {
      access.count += 1;
      access.event = event;
      return;
    }
    this.accesses.set(key, { person, patient, day, event, last: event, count: 1 });
    this.#hold();
  }

  /** What became of an account stands in the event of who did it: the account is what it is about. */
  #seeChange({ at, why, named }: ToldEvent): void {
    for (const name of named) if (!this.changes.has(name)) this.changes.set(name, { at, what: why });
  }

  #hold(): void {
    this.#held += 1;
    if (this.#held > MOST_HELD)
      throw new FhirError(
        'too-costly',
        'Too much happened to look at it together: ask for a shorter time, with start and end.',
        {
          expression: 'Parameters.parameter',
        },
      );
  }
}
