/**
 * $break-glass: in an emergency somebody sees more of one patient than otherwise, as far as their role says, and answers for it afterwards. Its
 * start is in one commit with the Task by which a privacy officer reviews it; each access, and the end, are told to the audit trail.
 * https://hl7.org/fhir/R4/security-labels.html#break-the-glass. Defined in profiles/operationdefinition-break-glass.json and
 * operationdefinition-break-glass-end.json.
 *
 * Choices: a request says that it is made through the broken glass, by the header Category or by the purpose of use of its token, so that what is
 * seen without need stays hidden and is not marked. Applications that act for themselves break none. Jobs that are asked for see what is seen without.
 */
import { BREAKING, GLASS_TIME, mayBreakGlass, type BrokenGlass } from '../../access/glasses.js';
import type { Permission } from '../../access/permission.js';
import { createView } from '../../access/view.js';
import { FhirError } from '../../fhir/error.js';
import type { JsonObject, Resource } from '../../fhir/resource.js';
import type { Principal } from '../../identity/principal.js';
import { newId } from '../../platform/ids.js';
import type { Context, Engine, OperationImplementation } from '../engine.js';
import type { Companion, Of, Outcome, RecordedPart, Result, Target } from '../interaction.js';
import { settledPermission } from '../reach.js';
import { jsonText } from './operation.js';
import { readGiven } from './parameters.js';

export const BREAK_GLASS = 'break-glass';
export const BREAK_GLASS_END = 'break-glass-end';
export const REVIEW_SYSTEM = 'urn:chartroom:task';
export const GLASS_REVIEW = 'btg-review';
const ACT_REASON = 'http://terminology.hl7.org/CodeSystem/v3-ActReason';
const SHORTEST_REASON = 20;
const LONGEST_REASON = 2000;
/** ms in which a privacy officer is to look at it. */
const REVIEW_TIME = 72 * 60 * 60_000;

export const breakGlass: OperationImplementation = { needsNothing: true, run: begin };
export const breakGlassEnd: OperationImplementation = { needsNothing: true, run: end };

async function begin(context: Context, ask: Of<'operation'>): Promise<Outcome> {
  const { engine, principal } = context;
  const { id: patient = '' } = ask;
  const reason = reasonGiven(engine, ask);
  checkMayBreak(context.principal, context.permission);
  await checkShown(context, patient);
  // Nobody tells of the end of what is over once another stands in its place.
  const before = (await engine.glasses.of(principal)) ?? (await engine.glasses.takeOver(principal));
  const now = engine.clock.now();
  const ends = now + GLASS_TIME;
  const until = new Date(ends).toISOString();
  const review = newId(now);
  const resource = reviewTask({ principal, patient, reason, now });
  const task: Companion = {
    kind: 'create',
    own: true,
    type: 'Task',
    id: review,
    body: { resource, decimals: undefined },
  };
  const result: Result = {
    status: 200,
    text: answerText([
      { name: 'patient', valueString: `Patient/${patient}` },
      { name: 'until', valueInstant: until },
      { name: 'review', valueString: `Task/${review}` },
    ]),
    patients: [patient],
  };
  const about = { ...result, subject: { type: 'Task', id: review, version: 1 } };
  const details = [
    { type: 'reason', value: reason },
    { type: 'until', value: until },
  ];
  return {
    result,
    recordedParts: [
      { target: ask, result: about, pattern: 'override-started', details },
      ...(before ? [endOfGlass(before)] : []),
    ],
    accompaniment: { companions: [{ owner: 'chartroom', ask: task }], messages: [], mustNotMatch: [] },
    complete: async () => {
      await engine.glasses.break(principal, { patient, until: ends, review });
      return result;
    },
  };
}

async function end({ engine, principal }: Context, ask: Of<'operation'>): Promise<Outcome> {
  readGiven(engine, ask);
  const glass = await engine.glasses.of(principal);
  if (!glass || glass.patient !== ask.id)
    throw new FhirError('not-found', 'The glass is whole: nothing is to be ended.', { detail: 'glass-not-broken' });
  const at = new Date(engine.clock.now()).toISOString();
  const result: Result = {
    status: 200,
    text: answerText([{ name: 'ended', valueInstant: at }]),
    patients: [glass.patient],
  };
  return {
    result,
    recordedParts: [endOfGlass(glass)],
    complete: async () => {
      await engine.glasses.end(principal);
      return result;
    },
  };
}

/** What is recorded of the end of one. */
export const endOfGlass = ({ patient, review }: BrokenGlass): RecordedPart & { readonly target: Target } => ({
  target: { kind: 'operation', operation: BREAK_GLASS_END, type: 'Patient', id: patient },
  result: { status: 200, patients: [patient], subject: { type: 'Task', id: review, version: 1 } },
  pattern: 'override-stopped',
});

const answerText = (parameter: readonly JsonObject[]): Buffer =>
  Buffer.from(JSON.stringify({ resourceType: 'Parameters', parameter }));

function reasonGiven(engine: Engine, ask: Of<'operation'>): string {
  const [{ value, at } = { value: '', at: 'Parameters.parameter' }] = readGiven(engine, ask).given;
  const reason = jsonText(value).trim().replaceAll(/\s+/g, ' ');
  const { length } = reason;
  if (length >= SHORTEST_REASON && length <= LONGEST_REASON) return reason;
  throw new FhirError(
    'invalid',
    `Whoever breaks the glass says why, in ${SHORTEST_REASON} characters or more, and ${LONGEST_REASON} at most.`,
    { expression: at, detail: 'reason-too-short' },
  );
}

/** Throws `forbidden`, before anything is looked at. `permission`: undefined where the operation is not allowed. */
export function checkMayBreak(principal: Principal, permission: Permission | undefined): void {
  if (!mayBreakGlass(principal, permission))
    throw new FhirError('forbidden', 'This role may not break the glass, and no application may by itself.', {
      detail: 'may-not-break-glass',
    });
}

/** Throws `not-found` for a patient whom the broken glass would not show either. */
async function checkShown(context: Context, patient: string): Promise<void> {
  const { engine, principal } = context;
  const decision = engine.decide({ ...principal, glass: patient }, { type: 'Patient', needs: 'r' });
  if (decision.allow) {
    const { reach, masks } = await settledPermission(context, decision.permission);
    const row = await createView(engine, reach.r, masks).read('Patient', patient, undefined, 0);
    if (row && (row.text !== undefined || row.withheld !== undefined)) return;
  }
  throw new FhirError('not-found', 'There is no such patient.');
}

interface Reviewed {
  readonly principal: Principal;
  readonly patient: string;
  readonly reason: string;
  /** ms since 1970. */
  readonly now: number;
}

/** For whoever looks after privacy. */
const reviewTask = ({ principal, patient, reason, now }: Reviewed): Resource => ({
  resourceType: 'Task',
  status: 'requested',
  intent: 'order',
  priority: 'urgent',
  code: { coding: [{ system: REVIEW_SYSTEM, code: GLASS_REVIEW, display: 'Review of a broken glass' }] },
  description: 'The glass was broken for this patient. Look whether there was an emergency, and what was looked at.',
  for: { reference: `Patient/${patient}` },
  authoredOn: new Date(now).toISOString(),
  requester: { identifier: whoAsked(principal) },
  reasonCode: { coding: [{ system: ACT_REASON, code: BREAKING }], text: reason },
  restriction: { period: { end: new Date(now + REVIEW_TIME).toISOString() } },
});

/** As the audit trail names them. */
export const whoAsked = ({ name = '', issuer, subject }: Principal): JsonObject =>
  issuer !== undefined && subject !== undefined ? { system: issuer, value: subject } : { value: name };
