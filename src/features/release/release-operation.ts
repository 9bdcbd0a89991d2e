/**
 * `Task/[id]/$release`: what was chosen, confirmed and packed goes out. Everything that lets it go is asked again, of what is there when it is committed: what
 * permits it, the rules for each document, its version, and the package. The state of the request and the event of the disclosure are one commit. Defined in
 * profiles/release/operationdefinition-release.json. https://www.ecfr.gov/current/title-45/section-164.528
 */
import { FhirError } from '../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import { isObject, itemsOf, type Json, type Resource } from '../../fhir/resource.js';
import type { Context, OperationImplementation } from '../../interactions/engine.js';
import { jsonText } from '../../interactions/operations/operation.js';
import { badParameter, readGiven } from '../../interactions/operations/parameters.js';
import { readCurrent } from '../../interactions/read.js';
import type { Disclosure, DisclosureParty } from '../../interactions/tell.js';
import { newId } from '../../platform/ids.js';
import {
  asReleased,
  type ChosenDocument,
  chosenDocuments,
  confirmedDocuments,
  isReleased,
  sha256In,
  linkedTarget,
  versionedName,
} from './chosen.js';
import { type CheckGround, checkedStill, readRequest } from './check-operation.js';
import { documentKey } from './coverage.js';
import {
  ACT_REASON_CODES,
  DISCLOSURE_OUTPUT,
  FROZEN_SET_OUTPUT,
  inputValues,
  outputOf,
  outputsOfKind,
  PACKAGE_OUTPUT,
  READY,
  RELEASED,
  requestState,
  stateConcept,
} from './request-task.js';
import type { SelectedDocument } from './selection.js';
import { classOfRequest, selectionNow, type SelectionNow } from './selection-now.js';
import { standingSet, standingResource, type Standings } from './standing.js';
import { binaryNamed } from './unreleased.js';

export const releaseOperation = (ground: CheckGround): OperationImplementation => ({
  async run(context, ask) {
    const { bases } = ground;
    const { given } = readGiven(context.engine, ask);
    const { row, task, decimals } = await readRequest(context, ask.id!);
    const state = requestState(task).code;
    if (state !== READY)
      throw new FhirError(
        'unprocessable',
        `A request is released in the state ${READY}: $release-select, $release-confirm and $release-package lead there.`,
        { expression: 'Task.businessStatus', detail: state === RELEASED ? 'released-already' : 'not-ready' },
      );
    await checkedStill(ground, task, context.view);
    const chosen = chosenDocuments(task, bases);
    const now = await selectionNow(ground, context, task);
    refuseOutdated(chosen, now.selected);
    refuseUnconfirmed(task, chosen);
    const packed = await packageStanding(context, task, bases);
    const at = context.stamp.now();
    const id = newId(at);
    const suspended = given.find(({ name }) => name === 'suspended-until');
    const disclosure: Disclosure = {
      ...disclosureOf(ground, context, { id: ask.id!, task, chosen, now }),
      suspendedUntil: suspended && jsonText(suspended.value),
    };
    if (suspended && !classOfRequest(ground, task).accounted)
      throw badParameter('Only a disclosure that an accounting tells of is suspended.', suspended.at);
    const released = asReleased(task, new Date(at).toISOString());
    const output = [
      ...itemsOf(released['output']),
      outputOf(DISCLOSURE_OUTPUT, { valueReference: { reference: `AuditEvent/${id}` } }),
    ];
    const resource = { ...released, businessStatus: stateConcept(RELEASED), output };
    const ifMatch = [String(row.version)];
    const change = { kind: 'update', type: 'Task', id: ask.id!, ifMatch, body: { resource, decimals } } as const;
    const result = { status: 200, patients: row.patients };
    return {
      result,
      recordedParts: [
        { target: ask, result },
        { target: ask, result, disclosed: { id, disclosure } },
      ],
      mustExist: [...standingSet(chosen, now.consent), ...packed],
      accompaniment: {
        companions: [{ owner: 'release', ask: change }],
        ...{ messages: [], mustNotMatch: [] },
      },
      complete: async () => ({ ...result, text: (await readCurrent(context, 'Task', ask.id!)).text! }),
    };
  },
});

/** What was chosen is what is there, and goes out still. Throws `unprocessable` with what is against it. */
function refuseOutdated(chosen: readonly ChosenDocument[], selected: readonly SelectedDocument[]): void {
  const there = new Map(selected.map(each => [documentKey(each.document), each]));
  const faults = chosen.flatMap(({ document, version }) => {
    const found = there.get(document);
    if (!found) return [`${document} (gone)`];
    if (!found.isIn) return [`${document} (${found.reasons.join(', ')})`];
    return standingResource(found.document).version === version ? [] : [`${document} (another version)`];
  });
  if (chosen.length > 0 && faults.length === 0) return;
  throw new FhirError(
    'unprocessable',
    `What was chosen does not go out any more: ${faults.slice(0, 20).join('; ')}. Reopen the request and choose anew.`,
    { expression: 'Task.input', detail: 'selection-outdated' },
  );
}

function refuseUnconfirmed(task: Resource, chosen: readonly ChosenDocument[]): void {
  const confirmed = confirmedDocuments(task);
  if (chosen.every(each => confirmed.has(versionedName(each)))) return;
  throw new FhirError('unprocessable', 'Nobody has confirmed some of what was chosen: $release-confirm.', {
    ...{ expression: 'Task.input', detail: 'not-confirmed' },
  });
}

/** The package, what tells of it and what freezes it, as they were made. Throws `unprocessable`. */
async function packageStanding(context: Context, task: Resource, bases: readonly string[]): Promise<Standings> {
  const packed = outputsOfKind(task, PACKAGE_OUTPUT).findLast(each => !isReleased(each));
  const frozen = outputsOfKind(task, FROZEN_SET_OUTPUT).findLast(each => !isReleased(each));
  const [document, list] = [packed, frozen].map(each => (each ? linkedTarget(each, bases) : undefined));
  const changed = new FhirError(
    'unprocessable',
    'The package is not what was made: make it again by $release-package.',
    {
      ...{ expression: 'Task.output', detail: 'package-changed' },
    },
  );
  if (!packed || document?.kind !== 'local' || list?.kind !== 'local') throw changed;
  const rows = await Promise.all([
    context.view.read(document.type, document.id),
    context.view.read(list.type, list.id),
  ]);
  const [told, set] = rows.map(row => (row?.text ? parseJson(row.text, STORED_JSON).resource : undefined));
  const binary = told && binaryNamed(told, bases);
  const bytes = binary === undefined ? undefined : await context.view.read('Binary', binary);
  const isMade =
    bytes?.blobs?.[0]?.hash === sha256In(packed) && set !== undefined && standingResource(set).version === 1;
  if (!told || !set || !bytes || !isMade) throw changed;
  return [standingResource(told), standingResource(set), { type: 'Binary', id: bytes.id, version: bytes.version }];
}

interface DisclosureAsked {
  readonly id: string;
  readonly task: Resource;
  readonly chosen: readonly ChosenDocument[];
  readonly now: SelectionNow;
}

/** To whom, why, by which paragraph, what, and who has allowed it. */
function disclosureOf(
  ground: CheckGround,
  { principal }: Context,
  { id, task, chosen, now }: DisclosureAsked,
): Disclosure {
  const { requester, reasonCode } = task;
  const codings = isObject(reasonCode) ? itemsOf(reasonCode['coding']).filter(isObject) : [];
  const purpose = codings.find(({ system }) => system === ACT_REASON_CODES)?.['code'];
  const where = [...inputValues(task, 'delivery-address'), ...inputValues(task, 'delivery-method')][0];
  const { fhirUser, name } = principal;
  return {
    ...{ direction: 'given', patient: now.patient.slice('Patient/'.length), purpose: jsonText(purpose) },
    basis: classOfRequest(ground, task).paragraph,
    other: { ...partyOf(requester), address: jsonText(where) },
    data: chosen.map(versionedName),
    custodian: name === undefined ? undefined : { name, reference: fhirUser },
    authorizer: now.consent && partyOf(itemsOf(now.consent['performer'])[0] ?? now.consent['patient']),
    request: `Task/${id}`,
  };
}

function partyOf(reference: Json | undefined): DisclosureParty {
  const { display, reference: at } = isObject(reference) ? reference : {};
  const named = typeof at === 'string' ? at : undefined;
  return { name: typeof display === 'string' ? display : (named ?? 'not named'), reference: named };
}
