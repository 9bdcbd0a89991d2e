/**
 * `[base]/$audit-anomalies`: looks at some time of the audit trail by rules (anomaly-rules.ts), and makes of each hit a Task for the privacy officer, whose focus is
 * an event to begin with, and a Communication that tells of it, in one commit with the answer. A hit is known by its rule, person, patient and day: whoever looks
 * again makes nothing twice. Defined in profiles/privacy/operationdefinition-audit-anomalies.json.
 */
import { FhirError } from '../../fhir/error.js';
import type { JsonObject } from '../../fhir/resource.js';
import type { Context, Engine, OperationImplementation } from '../../interactions/engine.js';
import type { Companion, Of, Outcome } from '../../interactions/interaction.js';
import { linkTo, questionOf } from '../../interactions/response/paging.js';
import { newId } from '../../platform/ids.js';
import { ANY_RESOURCE } from '../../search/query.js';
import { noTrail } from './answer.js';
import { bundleOfLines, type LineOfBundle } from './answer-bundle.js';
import { AnomalyFacts } from './anomaly-facts.js';
import {
  ANOMALY_RULES,
  type AnomalyRule,
  type Hit,
  type Judging,
  RULES_OF_ANOMALIES,
  type Thresholds,
} from './anomaly-rules.js';
import { SeenTrail } from './anomaly-seen.js';
import { anomalyNotice, idOfHit, sentenceOfHit, anomalyTask } from './anomaly-task.js';
import { ACCOUNTING } from './accounting-operation.js';
import { badQuestion, questionGiven, type QuestionAsked } from './asked.js';
import { QUESTIONS } from './questions.js';
import { PRIVACY_FEATURE } from './told-event.js';
import { eventsOfTrail, readsTrail } from './trail-reader.js';

export const ANOMALIES = 'audit-anomalies';
const DAY = 86_400_000;
/** Days before the time that is asked about, of which the usual is made. */
const DAYS_BEFORE = 30;
/** Days that are looked at together. */
export const MOST_DAYS = 31;
/** Hits of which Tasks are made in one commit; whoever asks again gets the next. */
export const MOST_TASKS = 200;

const THRESHOLDS: Thresholds = { factor: 3, patients: 20, burst: 5, minutes: 10, fromHour: 6, toHour: 20 };
const NAMES: Readonly<Record<keyof Thresholds, string>> = {
  factor: 'factor',
  patients: 'patients',
  burst: 'burst',
  minutes: 'minutes',
  fromHour: 'from-hour',
  toHour: 'to-hour',
};

export const anomaliesOperation: OperationImplementation = { needsNothing: true, run: lookForAnomalies };

async function lookForAnomalies(context: Context, ask: Of<'operation'>): Promise<Outcome> {
  if (!readsTrail(context)) throw noTrail();
  if (!seesReviews(context))
    throw new FhirError(
      'forbidden',
      'Known anomalies are Tasks with the label V, which this role or token does not see.',
      {
        detail: 'reviews-not-seen',
      },
    );
  const { engine } = context;
  const now = engine.clock.now();
  const asked = questionGiven(engine, ask, questionOf(ask.parameters));
  const [from, to] = daysAsked(asked, now);
  const rules = rulesAsked(asked);
  const thresholds = thresholdsAsked(asked);
  const seen = await seenTrail(context, rules, from, to);
  const judging: Judging = { seen, facts: new AnomalyFacts(context), thresholds, timeZone: engine.settings.timeZone };
  const hits = new Map<string, Hit>();
  const unjudged: LineOfBundle[] = [];
  for (const rule of rules) {
    const found = await RULES_OF_ANOMALIES[rule](judging);
    for (const hit of found.hits) {
      const id = idOfHit(hit);
      // The first stands for what happened again on the same day.
      if (!hits.has(id)) hits.set(id, hit);
    }
    if (found.unjudged !== undefined)
      unjudged.push({ key: rule, sentence: `${rule}: ${found.unjudged}`, cells: [rule, '', '', '', '', '', ''] });
  }
  const companions: Companion[] = [];
  const lines: LineOfBundle[] = [];
  let left = 0;
  for (const [id, hit] of hits) {
    const isNew = !(await context.view.read('Task', id));
    if (isNew && companions.length >= 2 * MOST_TASKS) {
      left += 1;
      continue;
    }
    if (isNew)
      companions.push(anomalyTask(hit, id, now, await whose(engine, judging, hit)), anomalyNotice(hit, id, now));
    lines.push(lineOf(hit, id, isNew));
  }
  if (left > 0)
    unjudged.push({
      key: 'left',
      sentence: `${left} more hits have no Task yet: ask again.`,
      cells: ['', '', '', '', '', '', ''],
    });
  const text = bundleOfLines({
    id: newId(now),
    made: now,
    link: [{ relation: 'self', url: linkTo(engine, `$${ANOMALIES}`, questionOf(ask.parameters)) }],
    columns: [...['rule', 'person', 'patient', 'day', 'event', 'task', 'new'].map(name => ({ name }))],
    lines: [...lines, ...unjudged],
  });
  const patients = [...new Set([...hits.values()].flatMap(({ patient }) => patient ?? []))];
  return {
    result: { status: 200, text, patients },
    accompaniment: {
      companions: companions.map(companion => ({ owner: PRIVACY_FEATURE, ask: companion })),
      messages: [],
      mustNotMatch: [],
    },
  };
}

/** Whether each Task that was made of a hit is seen: one that is not would pass for a new hit, and be made again in vain. */
const seesReviews = ({ view, permission: { masks } }: Context): boolean =>
  (masks === undefined || masks.most === 'V') && view.shows('Task') && !view.showsPartOf('Task');

/** A reference to the patient of a hit; where there is none any more, by the address that they had, so that nothing is left dangling. */
async function whose(engine: Engine, { facts }: Judging, { patient }: Hit): Promise<JsonObject | undefined> {
  if (patient === undefined) return undefined;
  const reference = `Patient/${patient}`;
  if (await facts.patient(patient)) return { reference };
  return { type: 'Patient', identifier: { system: 'urn:ietf:rfc:3986', value: linkTo(engine, reference, []) } };
}

/** ms: whole days. Default: the day before today. Throws `invalid`. */
function daysAsked({ from, to }: QuestionAsked, now: number): readonly [from: number, to: number] {
  const today = Math.floor(now / DAY) * DAY;
  const start = Math.floor((from ?? (to === undefined ? today - DAY : to - DAY + 1)) / DAY) * DAY;
  const end = Math.floor((to ?? (from === undefined ? today - 1 : now)) / DAY) * DAY + DAY - 1;
  if (end < start) throw badQuestion('start is later than now: give days that have begun.');
  if (end - start >= MOST_DAYS * DAY)
    throw badQuestion(`Anomalies are looked for in ${MOST_DAYS} days at most: give start and end.`);
  return [start, end];
}

function rulesAsked({ of }: QuestionAsked): readonly AnomalyRule[] {
  const given = of('rule');
  if (given === undefined) return ANOMALY_RULES;
  const rules = given.split(',').map(name => ANOMALY_RULES.find(rule => rule === name));
  if (rules.includes(undefined)) throw badQuestion(`rule is one or more, by commas, of ${ANOMALY_RULES.join(', ')}.`);
  return rules.flatMap(rule => rule ?? []);
}

function thresholdsAsked({ of }: QuestionAsked): Thresholds {
  const entries = Object.entries(THRESHOLDS).map(([key, otherwise]) => {
    const given = of(NAMES[key as keyof Thresholds]);
    return [key, given === undefined ? otherwise : Number(given)] as const;
  });
  const thresholds = Object.fromEntries(entries) as unknown as Thresholds;
  if (thresholds.fromHour > 24 || thresholds.toHour > 24) throw badQuestion('Hours are from 0 to 24.');
  if (thresholds.fromHour === thresholds.toHour)
    throw badQuestion(
      'from-hour and to-hour are the same: no hour, or every one, would be a working hour. All are from 0 to 24.',
    );
  return thresholds;
}

/** Rules that look at the days before. */
const LOOKING_BACK: ReadonlySet<AnomalyRule> = new Set(['many-patients', 'disabled-user']);
const ASKING: ReadonlySet<string> = new Set([...Object.keys(QUESTIONS), ACCOUNTING, ANOMALIES].map(code => `$${code}`));

async function seenTrail(
  context: Context,
  rules: readonly AnomalyRule[],
  from: number,
  to: number,
): Promise<SeenTrail> {
  const seen = new SeenTrail(ASKING);
  const before = rules.some(rule => LOOKING_BACK.has(rule)) ? DAYS_BEFORE * DAY : 0;
  for await (const event of eventsOfTrail(context, ANY_RESOURCE, { from: from - before, to }))
    seen.see(event, event.at >= from);
  seen.end();
  return seen;
}

const lineOf = (hit: Hit, id: string, isNew: boolean): LineOfBundle => ({
  key: id,
  sentence: sentenceOfHit(hit),
  cells: [hit.rule, hit.person, hit.patient ?? '', hit.day, `AuditEvent/${hit.event.id}`, `Task/${id}`, isNew],
});
