/**
 * `[base]/$audit-anomalies`: looks at some time of the audit trail by rules (anomaly-rules.ts), and makes of each hit a Task for the privacy officer, whose focus is
 * an event to begin with, and a Communication that tells of it, in one commit with the answer. A hit is known by its rule, person, patient and day: whoever looks
 * again makes nothing twice. Defined in profiles/privacy/operationdefinition-audit-anomalies.json.
 */
import { createHash } from 'node:crypto';
import type { JsonObject, Resource } from '../../fhir/resource.js';
import type { Context, OperationImplementation } from '../../interactions/engine.js';
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
import { badQuestion, questionGiven, type QuestionAsked } from './asked.js';
import { eventsOfTrail, readsTrail } from './trail-reader.js';

export const ANOMALIES = 'audit-anomalies';
const DAY = 86_400_000;
/** Days before the time that is asked about, of which the usual is made. */
const DAYS_BEFORE = 30;
const MOST_DAYS = 31;
/** Hits of which Tasks are made in one commit; whoever asks again gets the next. */
const MOST_TASKS = 200;
/** ms in which a privacy officer is to look at it. */
const TIME_TO_REVIEW = 72 * 3_600_000;
const REVIEW_CODES = 'urn:chartroom:task';
const PRIVACY_REVIEW = 'privacy-review';

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
  const { engine } = context;
  const now = engine.clock.now();
  const asked = questionGiven(engine, ask, questionOf(ask.parameters));
  const [from, to] = daysAsked(asked, now);
  const rules = rulesAsked(asked);
  const seen = await seenTrail(context, from, to);
  const judging: Judging = {
    seen,
    facts: new AnomalyFacts(context),
    thresholds: thresholdsAsked(asked),
    fromDay: new Date(from).toISOString().slice(0, 10),
  };
  const hits: Hit[] = [];
  const unjudged: LineOfBundle[] = [];
  for (const rule of rules) {
    const found = await RULES_OF_ANOMALIES[rule](judging);
    for (const hit of found.hits) hits.push(hit);
    if (found.unjudged !== undefined)
      unjudged.push({ key: rule, sentence: `${rule}: ${found.unjudged}`, cells: [rule, '', '', '', '', '', ''] });
  }
  const companions: Companion[] = [];
  const lines: LineOfBundle[] = [];
  let left = 0;
  for (const hit of hits) {
    const id = idOfHit(hit);
    const isNew = !(await context.view.read('Task', id));
    if (isNew && companions.length >= 2 * MOST_TASKS) {
      left += 1;
      continue;
    }
    if (isNew) companions.push(taskOf(hit, id, now), communicationOf(hit, id, now));
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
  const patients = [...new Set(hits.flatMap(({ patient }) => patient ?? []))];
  return {
    result: { status: 200, text, patients },
    accompaniment: {
      companions: companions.map(companion => ({ owner: 'privacy', ask: companion })),
      messages: [],
      mustNotMatch: [],
    },
  };
}

/** ms: whole days. Default: the day before today. Throws `invalid`. */
function daysAsked({ from, to }: QuestionAsked, now: number): readonly [from: number, to: number] {
  const today = Math.floor(now / DAY) * DAY;
  const start = Math.floor((from ?? (to === undefined ? today - DAY : to - DAY + 1)) / DAY) * DAY;
  const end = Math.floor((to ?? (from === undefined ? today - 1 : now)) / DAY) * DAY + DAY - 1;
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
  return thresholds;
}

async function seenTrail(context: Context, from: number, to: number): Promise<SeenTrail> {
  const seen = new SeenTrail();
  for await (const event of eventsOfTrail(context, ANY_RESOURCE, { from: from - DAYS_BEFORE * DAY, to }))
    seen.see(event, event.at >= from);
  return seen;
}

/** The same of the same hit. */
function idOfHit({ rule, person, patient = '', day }: Hit): string {
  const digest = createHash('sha256').update([rule, person, patient, day].join('\u0000')).digest('hex');
  return `anomaly-${digest.slice(0, 40)}`;
}

const sentenceOf = ({ rule, person, patient, day, why }: Hit): string =>
  `${rule}: on ${day} ${person === '' ? 'somebody unknown' : person}${patient === undefined ? '' : ` with Patient/${patient}`}: ${why}.`;

const lineOf = (hit: Hit, id: string, isNew: boolean): LineOfBundle => ({
  key: id,
  sentence: sentenceOf(hit),
  cells: [hit.rule, hit.person, hit.patient ?? '', hit.day, `AuditEvent/${hit.event.id}`, `Task/${id}`, isNew],
});

/** Seen by those alone who look after privacy: neither by who is looked at, nor by the patient. */
const PROTECTED: JsonObject = {
  security: [
    { system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'V' },
    { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'NOPAT' },
  ],
};

const created = (type: string, id: string, resource: Resource): Companion => ({
  ...{ kind: 'create', own: true, type, id, body: { resource, decimals: undefined } },
});

function taskOf(hit: Hit, id: string, now: number): Companion {
  return created('Task', id, {
    resourceType: 'Task',
    meta: PROTECTED,
    status: 'requested',
    intent: 'order',
    priority: hit.rule === 'break-glass' ? 'urgent' : 'routine',
    code: { coding: [{ system: REVIEW_CODES, code: PRIVACY_REVIEW, display: 'Privacy review' }] },
    description: sentenceOf(hit),
    focus: { reference: `AuditEvent/${hit.event.id}` },
    ...(hit.patient === undefined ? {} : { for: { reference: `Patient/${hit.patient}` } }),
    authoredOn: new Date(now).toISOString(),
    reasonCode: { coding: [{ system: 'urn:chartroom:anomaly', code: hit.rule }] },
    restriction: { period: { end: new Date(now + TIME_TO_REVIEW).toISOString() } },
  });
}

function communicationOf(hit: Hit, task: string, now: number): Companion {
  const id = `${task}-c`;
  return created('Communication', id, {
    resourceType: 'Communication',
    meta: PROTECTED,
    status: 'completed',
    category: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/communication-category', code: 'alert' }] }],
    about: [{ reference: `Task/${task}` }, { reference: `AuditEvent/${hit.event.id}` }],
    sent: new Date(now).toISOString(),
    recipient: [{ display: 'Privacy officer' }],
    payload: [{ contentString: sentenceOf(hit) }],
  });
}
