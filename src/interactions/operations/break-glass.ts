/**
 * $break-glass: in an emergency somebody sees more of one patient than otherwise, as far as their role says, and answers for it afterwards. Its
 * start is in one commit with the Task by which a privacy officer reviews it, and the Communication that tells whoever leads the care of the patient
 * (glass-records.ts); each access, and the end, are told to the audit trail.
 * https://hl7.org/fhir/R4/security-labels.html#break-the-glass. Defined in profiles/operationdefinition-break-glass.json and
 * operationdefinition-break-glass-end.json.
 *
 * Choices: a request says that it is made through the broken glass, by the header Category or by the purpose of use of its token, so that what is
 * seen without need stays hidden and is not marked. Applications that act for themselves break none. Jobs that are asked for see what is seen without.
 */
import { GLASS_TIME, mayBreakGlass, type TellEnd } from '../../access/glasses.js';
import type { Permission } from '../../access/permission.js';
import { createView } from '../../access/view.js';
import { FhirError } from '../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import type { JsonObject, Resource } from '../../fhir/resource.js';
import type { Principal } from '../../identity/principal.js';
import { newId } from '../../platform/ids.js';
import type { Caller, Context, Engine, OperationImplementation } from '../engine.js';
import type { Companion, Of, Outcome, Result } from '../interaction.js';
import { settledPermission } from '../reach.js';
import { recordDone } from '../recording.js';
import { careLeadsOf, type GlassBreak, levelOfPatient, noticeToCare, reviewTask } from './glass-records.js';
import { jsonText } from './operation.js';
import { readGiven } from './parameters.js';

export const BREAK_GLASS = 'break-glass';
export const BREAK_GLASS_END = 'break-glass-end';
/** Bytes of a Patient that is looked into for who leads their care. */
const MOST_LOOKED_INTO = 1024 * 1024;
const SHORTEST_REASON = 20;
const LONGEST_REASON = 2000;

export const breakGlass: OperationImplementation = { needsNothing: true, run: begin };
export const breakGlassEnd: OperationImplementation = { needsNothing: true, run: end };

async function begin(context: Context, ask: Of<'operation'>): Promise<Outcome> {
  const { engine, principal } = context;
  const { id: patient = '' } = ask;
  const reason = reasonGiven(engine, ask);
  checkMayBreak(context.principal, context.permission);
  const shown = await shownPatient(context, patient);
  const now = engine.clock.now();
  const ends = now + GLASS_TIME;
  const until = new Date(ends).toISOString();
  const [review, notice] = [newId(now), newId(now)];
  const [level, leads] = [levelOfPatient(shown), careLeadsOf(shown)];
  const broken: GlassBreak = { principal, patient, reason, now, review, level, leads };
  const companions = [created(reviewTask(broken), review), created(noticeToCare(broken), notice)];
  const result: Result = {
    status: 200,
    text: answerText([
      { name: 'patient', valueString: `Patient/${patient}` },
      { name: 'until', valueInstant: until },
      { name: 'review', valueString: `Task/${review}` },
      { name: 'notice', valueString: `Communication/${notice}` },
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
    recordedParts: [{ target: ask, result: about, pattern: 'override-started', details }],
    accompaniment: {
      companions: companions.map(each => ({ owner: 'chartroom', ask: each })),
      messages: [],
      mustNotMatch: [],
    },
    complete: async () => {
      await engine.glasses.break(principal, { patient, until: ends, review }, endTeller(context));
      return result;
    },
  };
}

async function end(context: Context, ask: Of<'operation'>): Promise<Outcome> {
  const { engine, principal } = context;
  readGiven(engine, ask);
  const held = await engine.glasses.held(principal);
  if (!held || held.isOver || held.glass.patient !== ask.id) throw glassIsWhole();
  const at = new Date(engine.clock.now()).toISOString();
  const result: Result = {
    status: 200,
    text: answerText([{ name: 'ended', valueInstant: at }]),
    patients: [held.glass.patient],
  };
  return {
    result,
    // Whoever ends it tells it: of two calls at once, or beside the end of its time, that is one.
    recordedParts: [],
    complete: async () => {
      if (await engine.glasses.end(held, endTeller(context))) return result;
      throw glassIsWhole();
    },
  };
}

const glassIsWhole = (): FhirError =>
  new FhirError('not-found', 'The glass is whole: nothing is to be ended.', { detail: 'glass-not-broken' });

/** Tells the audit trail of the end of one, as something that the caller did. */
export const endTeller =
  (caller: Caller): TellEnd =>
  ({ patient, review }) =>
    recordDone(
      caller,
      { kind: 'operation', operation: BREAK_GLASS_END, type: 'Patient', id: patient },
      {
        result: { status: 200, patients: [patient], subject: { type: 'Task', id: review, version: 1 } },
        pattern: 'override-stopped',
      },
    );

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

const created = (resource: Resource, id: string): Companion => ({
  kind: 'create',
  own: true,
  type: resource.resourceType,
  id,
  body: { resource, decimals: undefined },
});

/** As the broken glass shows them. Throws `not-found` for a patient whom it would not show either. */
async function shownPatient(context: Context, patient: string): Promise<Resource | undefined> {
  const { engine, principal } = context;
  const decision = engine.decide({ ...principal, glass: patient }, { type: 'Patient', needs: 'r' });
  if (decision.allow) {
    const { reach, masks } = await settledPermission(context, decision.permission);
    const row = await createView(engine, reach.r, masks).read('Patient', patient, undefined, MOST_LOOKED_INTO);
    if (row?.text) return parseJson(row.text, STORED_JSON).resource;
    if (row?.withheld !== undefined) return undefined;
  }
  throw new FhirError('not-found', 'There is no such patient.');
}
