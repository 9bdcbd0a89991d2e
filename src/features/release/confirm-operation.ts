/**
 * `Task/[id]/$release-confirm`: somebody else than who has chosen looks at each document, and says two identifiers of the patient that stand in it: an identifier
 * and the birth date or the name. The server compares them. Where the text of a page names somebody else, that is to be answered. Defined in
 * profiles/release/operationdefinition-release-confirm.json
 *
 * What is looked at is the text that a PDF, a text, RTF or HTML file has, and the page that the server makes of CDA and FHIR documents; of pictures, and
 * of what cannot be read, nothing (`looked-at` says which it was).
 */
import { FhirError } from '../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../fhir/resource.js';
import type { Context, OperationImplementation } from '../../interactions/engine.js';
import { jsonText } from '../../interactions/operations/operation.js';
import { badParameter, type GivenParameter, readGiven } from '../../interactions/operations/parameters.js';
import { readCurrent } from '../../interactions/read.js';
import {
  type ChosenDocument,
  chosenDocuments,
  type Confirmation,
  confirmedDocuments,
  isChosenBy,
  versionedName,
  withConfirmations,
} from './chosen.js';
import { readRequest } from './check-operation.js';
import { referenceKey } from './coverage.js';
import { bytesOfDocument, itemOfDocument } from './document-bytes.js';
import { type NamedOther, othersNamedIn, otherThanPatient, type ReadInDocument } from './named-patient.js';
import type { PackageGround } from './package-ground.js';
import { textOfItem } from './package/item-text.js';
import { QUALITY_REVIEW, requestState } from './request-task.js';
import { needsSecondLook } from './second-look.js';
import { classOfRequest } from './selection-now.js';

/** Documents of one request: each is read. */
const MOST_AT_ONCE = 20;
const LONGEST = 1000;

interface AskedConfirmation extends ReadInDocument {
  readonly chosen: ChosenDocument;
  readonly answer: string | undefined;
  readonly at: string;
}

interface LookedAt {
  readonly asked: AskedConfirmation;
  readonly hasText: boolean;
  readonly warnings: readonly NamedOther[];
}

export const releaseConfirmOperation = (ground: PackageGround): OperationImplementation => ({
  async run(context, ask) {
    const { bases, now } = ground;
    const { given } = readGiven(context.engine, ask);
    const { row, task, decimals } = await readRequest(context, ask.id!);
    if (requestState(task).code !== QUALITY_REVIEW)
      throw new FhirError('unprocessable', `Documents are confirmed in the state ${QUALITY_REVIEW}.`, {
        ...{ expression: 'Task.businessStatus', detail: 'nothing-chosen' },
      });
    if (isChosenBy(task, context.principal) && needsSecondLook(classOfRequest(ground, task), ask.id!, context.engine))
      throw new FhirError('unprocessable', 'Documents are confirmed by somebody else than who has chosen them.', {
        ...{ expression: 'Task.input', detail: 'same-person' },
      });
    const all = chosenDocuments(task, bases);
    const asked = confirmationsGiven(ground, given, all);
    refuseConfirmed(asked, confirmedDocuments(task));
    const patient = await patientOf(context, task, bases);
    const looked: LookedAt[] = [];
    for (const each of asked) {
      const differing = otherThanPatient(patient, each);
      if (differing.length > 0)
        throw new FhirError(
          'unprocessable',
          `What was read in the document is not what the patient has: ${differing.join(', ')}. Choose anew without it, or look again.`,
          { expression: each.at, detail: 'identifiers-differ' },
        );
      looked.push({ asked: each, ...(await lookInto(ground, context, each.chosen, patient)) });
    }
    const open = looked.find(({ warnings, asked: { answer } }) => warnings.length > 0 && answer === undefined);
    if (open)
      throw new FhirError(
        'unprocessable',
        `A page of the document seems to name another patient (${open.warnings.join(', ')}): look, and give an answer, or choose anew without it.`,
        { expression: open.asked.at, detail: 'other-patient-named' },
      );
    const made = looked.map(
      ({ asked: { chosen, answer } }): Confirmation => ({ document: versionedName(chosen), answer }),
    );
    const resource = withConfirmations(task, made, { principal: context.principal, at: new Date(now()).toISOString() });
    const ifMatch = [String(row.version)];
    const change = { kind: 'update', type: 'Task', id: ask.id!, ifMatch, body: { resource, decimals } } as const;
    const confirmed = confirmedDocuments(resource);
    const left = all.filter(each => !confirmed.has(versionedName(each))).length;
    const text = Buffer.from(JSON.stringify(confirmedTold(looked, left)));
    return {
      result: { status: 200, text, patients: row.patients },
      accompaniment: {
        companions: made.length > 0 ? [{ owner: 'release', ask: change }] : [],
        ...{ messages: [], mustNotMatch: [] },
      },
    };
  },
});

/** Throws `unprocessable`. */
function refuseConfirmed(asked: readonly AskedConfirmation[], confirmed: ReadonlySet<string>): void {
  const again = asked.find(({ chosen }) => confirmed.has(versionedName(chosen)));
  if (again)
    throw new FhirError('unprocessable', 'Somebody has confirmed this document already.', {
      ...{ expression: again.at, detail: 'confirmed-already' },
    });
}

/** Throws `invalid`, and `unprocessable` for what was not chosen. */
function confirmationsGiven(
  { bases }: PackageGround,
  given: readonly GivenParameter[],
  all: readonly ChosenDocument[],
): AskedConfirmation[] {
  const wanted = given.filter(({ name }) => name === 'document');
  if (wanted.length > MOST_AT_ONCE)
    throw badParameter(`${MOST_AT_ONCE} documents at most are confirmed at a time.`, wanted[MOST_AT_ONCE]!.at);
  const asked = wanted.map(({ value, at }) => {
    const parts = itemsOf(isObject(value) ? value['part'] : undefined).filter(isObject);
    const part = (called: string, member: string): Json | undefined =>
      parts.find(each => each['name'] === called)?.[member];
    const text = (called: string, member = 'valueString'): string | undefined => {
      const found = part(called, member);
      if (found === undefined) return undefined;
      const trimmed = jsonText(found).trim();
      if (trimmed === '' || trimmed.length > LONGEST)
        throw badParameter(`${called} has ${LONGEST} characters at most, and not none.`, at);
      return trimmed;
    };
    const key = referenceKey(part('document', 'valueReference'), bases);
    const chosen = all.find(each => each.document === key);
    if (!chosen)
      throw new FhirError('unprocessable', 'This document was not chosen to go out.', {
        ...{ expression: at, detail: 'unknown-document' },
      });
    const [identifier, birthDate, name] = [text('identifier'), text('birth-date', 'valueDate'), text('name')];
    if (identifier === undefined || (birthDate === undefined && name === undefined))
      throw badParameter('Two identifiers are needed: identifier, and birth-date or name.', at);
    return { chosen, identifier, birthDate, name, answer: text('answer'), at };
  });
  const twice = asked.find(({ chosen }, at) => asked.findIndex(each => each.chosen === chosen) !== at);
  if (twice) throw badParameter('This document is named twice.', twice.at);
  return asked;
}

async function patientOf(context: Context, task: Resource, bases: readonly string[]): Promise<Resource> {
  const key = referenceKey(task['for'], bases) ?? '';
  const row = await readCurrent(context, 'Patient', key.slice('Patient/'.length));
  return parseJson(row.text!, STORED_JSON).resource;
}

/** What its text says of somebody else, where it has one that can be read. */
async function lookInto(
  { bases, pool }: PackageGround,
  context: Context,
  chosen: ChosenDocument,
  patient: Resource,
): Promise<Omit<LookedAt, 'asked'>> {
  const [type = '', id = ''] = chosen.document.split('/');
  const row = await context.view.read(type, id, chosen.version);
  const document = row?.text && parseJson(row.text, STORED_JSON).resource;
  const bytes = document ? await bytesOfDocument(context, document, bases) : undefined;
  if (!document || bytes?.content.hash !== chosen.sha256)
    throw new FhirError('unprocessable', 'A document is not what it was when it was chosen: choose anew.', {
      ...{ expression: 'Task.input', detail: 'document-changed' },
    });
  const item = itemOfDocument(context, { id: versionedName(chosen), document, bytes, notices: [], redactions: [] });
  const text = await textOfItem(item, pool());
  return { hasText: text !== undefined, warnings: text === undefined ? [] : othersNamedIn(text, patient) };
}

const confirmedTold = (looked: readonly LookedAt[], left: number): JsonObject => ({
  resourceType: 'Parameters',
  parameter: [
    { name: 'left', valueUnsignedInt: left },
    ...looked.map(({ asked: { chosen }, hasText, warnings }) => ({
      name: 'document',
      part: [
        { name: 'document', valueReference: { reference: versionedName(chosen) } },
        { name: 'looked-at', valueCode: hasText ? 'text' : 'nothing' },
        ...warnings.map(code => ({ name: 'warning', valueCode: code })),
      ],
    })),
  ],
});
