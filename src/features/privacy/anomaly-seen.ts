/**
 * What the rules of anomalies need of some time of the trail, collected in one walk, the newest event first: who came to whom on which day, who was denied when,
 * who broke a glass, exported, or was locked out. Bounded: the walk ends where too much would be held.
 *
 * Not counted is what follows from looking for anomalies itself, or the next look would find the one before: what the server does behind the traffic, questions
 * to the trail, and what a privacy officer does with Tasks and events.
 */
import { FhirError } from '../../fhir/error.js';
import type { ToldEvent } from './told-event.js';

/** What is held of an event. `patient`: the first of those that it is about. */
export interface SeenEvent extends Pick<ToldEvent, 'id' | 'at' | 'day' | 'person'> {
  readonly patient: string | undefined;
}

/** A person with a patient on a day. */
export interface Access {
  readonly person: string;
  readonly patient: string;
  readonly day: string;
  /** Of that day. */
  readonly last: SeenEvent;
}

/** A person on a day. */
export interface PersonDay {
  readonly person: string;
  readonly day: string;
  /** How many. */
  readonly patients: number;
  /** Of that day. */
  readonly first: SeenEvent;
}

/** Some 200 bytes each. */
const MOST_HELD = 300_000;
const OVERRIDE_STARTED = 'Emergency Override Started';
const OFFICER = 'privacy-officer';
const OF_REVIEWS: ReadonlySet<string> = new Set(['AuditEvent', 'Communication', 'Task']);
/** A search or a history of these, with its parameters. */
const OF_REVIEW = /^GET (?:[^?\s]*\/)?(?:AuditEvent|Communication|Task)(?:\/_history)?(?:\?(.*))?$/;
/** By which more is shown than was searched for, or may be: a page is of a question that its address does not say. */
const SHOWS_MORE = /^_(?:(?:rev)?include(?::|$)|page$)/;

/** `questions`: operations that ask the trail, as events name them (`$who-saw`). */
export class SeenTrail {
  /** Of the time that is asked about. */
  readonly accesses: Access[] = [];
  readonly days: PersonDay[] = [];
  /** How many patients each person came to on each day of the time before. */
  readonly usual = new Map<string, number[]>();
  /** Denied requests by person, the newest first. */
  readonly denied = new Map<string, SeenEvent[]>();
  readonly glasses: SeenEvent[] = [];
  readonly exports: SeenEvent[] = [];
  /** The newest event of each person. */
  readonly newest = new Map<string, SeenEvent>();
  /** The newest change of each user: `disabled`, `enabled`; with its time in ms. */
  readonly changes = new Map<string, { readonly at: number; readonly what: string }>();
  readonly #questions: ReadonlySet<string>;
  readonly #most: number;
  /** Patients of the day under way, by person, with the first event of the day. */
  #today = new Map<string, { readonly patients: Set<string>; first: SeenEvent }>();
  #day = '';
  #isAsked = false;
  #held = 0;

  /** `most`: how much is held. */
  constructor(questions: ReadonlySet<string>, most = MOST_HELD) {
    this.#questions = questions;
    this.#most = most;
  }

  /** `isAsked`: it is of the time that is asked about, and not of that before; a day is of one of them. Throws `too-costly`. */
  see(event: ToldEvent, isAsked: boolean): void {
    const { why, role, day } = event;
    if (day !== this.#day) this.#endDay();
    this.#day = day;
    this.#isAsked = isAsked;
    if (event.outcome === '0' && (why === 'disabled' || why === 'enabled')) this.#seeChange(event);
    const seen: SeenEvent = {
      ...{ id: event.id, at: event.at, day, person: event.person, patient: event.patients[0] },
    };
    if (isAsked) this.#seeAsked(event, seen);
    // Users alone have roles.
    if (event.outcome !== '0' || role === '' || event.disclosure || this.#isReview(event)) return;
    for (const patient of event.patients) this.#seeAccess(seen, patient);
  }

  /** There are no more events. */
  end(): void {
    this.#endDay();
  }

  /** Of requests those alone are known to show nothing else that are told whole; what is done by an id says none. */
  #isReview({ isOwn, role, action, types, request, isWholeRequest }: ToldEvent): boolean {
    if (isOwn || this.#questions.has(action)) return true;
    if (role !== OFFICER || !isWholeRequest) return false;
    const about = types.filter(type => type !== 'Patient');
    if (!about.every(type => OF_REVIEWS.has(type))) return false;
    if (request === '') return about.length > 0;
    const asked = OF_REVIEW.exec(request);
    return asked !== null && ![...new URLSearchParams(asked[1] ?? '').keys()].some(name => SHOWS_MORE.test(name));
  }

  #seeAsked(event: ToldEvent, seen: SeenEvent): void {
    const { person, role, isDenied, action } = event;
    if (action === OVERRIDE_STARTED) this.#hold(this.glasses, seen);
    if (event.outcome === '0' && /^\$?export$/i.test(action) && !event.disclosure) this.#hold(this.exports, seen);
    if (isDenied) {
      const before = this.denied.get(person);
      if (before) this.#hold(before, seen);
      else this.denied.set(person, [seen]);
    }
    if (event.outcome === '0' && role !== '' && !this.newest.has(person)) this.newest.set(person, seen);
  }

  #seeAccess(seen: SeenEvent, patient: string): void {
    const { person, day } = seen;
    let today = this.#today.get(person);
    if (!today) this.#today.set(person, (today = { patients: new Set(), first: seen }));
    today.first = seen;
    if (today.patients.has(patient)) return;
    today.patients.add(patient);
    if (this.#isAsked) this.#hold(this.accesses, { person, patient, day, last: seen });
    else this.#count();
  }

  #endDay(): void {
    for (const [person, { patients, first }] of this.#today) {
      this.#count();
      if (this.#isAsked) this.days.push({ person, day: this.#day, patients: patients.size, first });
      // Of the time before it stays how many they were.
      else this.#held -= patients.size;
      if (this.#isAsked) continue;
      if (this.usual.has(person)) this.usual.get(person)!.push(patients.size);
      else this.usual.set(person, [patients.size]);
    }
    this.#today = new Map();
  }

  /** What became of an account stands in the event of who did it: the account is what it is about. */
  #seeChange({ at, why, named }: ToldEvent): void {
    for (const name of named) if (!this.changes.has(name)) this.changes.set(name, { at, what: why });
  }

  #hold<T>(among: T[], one: T): void {
    among.push(one);
    this.#count();
  }

  #count(): void {
    this.#held += 1;
    if (this.#held > this.#most)
      throw new FhirError(
        'too-costly',
        'Too much happened to look at it together: ask for a shorter time, with start and end.',
        {
          expression: 'Parameters.parameter',
        },
      );
  }
}
