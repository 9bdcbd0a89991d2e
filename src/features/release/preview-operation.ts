/**
 * `Task/[id]/$release-preview`: each document of the patient of a request, in or out, with every reason against it; what staff leave out or take in, with their reason, is
 * kept in the Task as long as records are looked for. Nothing is given out by it. Defined in profiles/release/operationdefinition-release-preview.json
 */
import { FhirError } from '../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import { parseReference } from '../../fhir/reference.js';
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../fhir/resource.js';
import type { Context, OperationImplementation } from '../../interactions/engine.js';
import { jsonText } from '../../interactions/operations/operation.js';
import { badParameter, type GivenParameter, readGiven } from '../../interactions/operations/parameters.js';
import { findSought, readCriteria } from '../../interactions/write/conditional.js';
import { breathe } from '../../platform/pieces.js';
import { wordsFor } from './authorization-rules.js';
import { SEARCHING, type CheckGround, consentThatHolds, LETTER_LANGUAGE, readRequest } from './check-operation.js';
import { documentKey, referenceKey } from './coverage.js';
import type { ReasonWords } from './reasons.js';
import { inputOf, inputsOfKind, requestState } from './request-task.js';
import {
  DECISION_REASON_URL,
  staffDecisions,
  LEFT_OUT_INPUT,
  type SelectedDocument,
  selectDocuments,
  TAKEN_IN_INPUT,
} from './selection.js';

export interface PreviewGround extends CheckGround {
  readonly reasons: ReasonWords;
}

const MOST_DOCUMENTS = 2000;
const LONGEST = 1000;
const REASON_CODES = 'urn:chartroom:release-reason';
/** Parameter → kind of input. */
const DECISIONS: Readonly<Record<string, string>> = { 'leave-out': LEFT_OUT_INPUT, 'take-in': TAKEN_IN_INPUT };

export const releasePreviewOperation = (ground: PreviewGround): OperationImplementation => ({
  async run(context, ask) {
    const { given } = readGiven(context.engine, ask);
    const { row, task: before, decimals } = await readRequest(context, ask.id!);
    const language = given.find(({ name }) => name === 'language');
    if (language && !LETTER_LANGUAGE.test(jsonText(language.value)))
      throw badParameter('language is a code as in BCP 47.', language.at);
    const patient = referenceKey(before['for'], ground.bases);
    if (!patient?.startsWith('Patient/'))
      throw new FhirError('unprocessable', 'It is not known yet whose records are asked for.', {
        ...{ expression: 'Task.for', detail: 'no-patient' },
      });
    const decisions = decisionsGiven(context, given);
    if (decisions.length > 0 && requestState(before).code !== SEARCHING)
      throw new FhirError('unprocessable', `What is given out is decided in the state ${SEARCHING}.`, {
        ...{ expression: 'Task.businessStatus', detail: 'not-searching' },
      });
    const task = withDecisions(before, decisions, ground.bases);
    const documents = await documentsSeen(context, patient, task, ground.bases);
    refuseUnknownDocuments(decisions, documents);
    const of = ground.classes.get(requesterClassOf(task)) ?? UNKNOWN_CLASS;
    const consent = await consentThatHolds(ground, task, context.view);
    const selected = selectDocuments({ of, task, consent, documents, bases: ground.bases });
    refuseUncovered(decisions, selected);
    const ifMatch = [String(row.version)];
    const change = { kind: 'update', type: 'Task', id: ask.id!, ifMatch, body: { resource: task, decimals } } as const;
    const words = language === undefined ? 'en' : jsonText(language.value);
    const told = previewTold(ground, { selected, words, why: staffDecisions(task, ground.bases) });
    const text = Buffer.from(JSON.stringify(told));
    return {
      result: { status: 200, text, patients: row.patients },
      accompaniment: {
        companions: decisions.length > 0 ? [{ owner: 'release', ask: change }] : [],
        ...{ messages: [], mustNotMatch: [] },
      },
    };
  },
});

const requesterClassOf = (task: Resource): string => jsonText(inputsOfKind(task, 'requester-class')[0]?.['valueCode']);
/** A request of a class that nobody knows has no right of its own. */
const UNKNOWN_CLASS = { needs: 'authorization', minimumNecessary: true, withoutConsent: [] } as const;

interface StaffDecision {
  /** Undefined: nothing is decided any more. */
  readonly kind: string | undefined;
  /** `DocumentReference/[id]`. */
  readonly document: string;
  readonly reason: string;
  readonly at: string;
}

/** Throws `invalid`. */
function decisionsGiven({ engine }: Context, given: readonly GivenParameter[]): StaffDecision[] {
  const found = given.flatMap(({ name, value, at }): StaffDecision[] => {
    const documentOf = (reference: Json | undefined): string => {
      const text = isObject(reference) ? reference['reference'] : undefined;
      const target = typeof text === 'string' ? parseReference(text, engine.settings.bases) : undefined;
      if (target?.kind === 'local' && target.type === 'DocumentReference') return `${target.type}/${target.id}`;
      throw badParameter(`${name} names no DocumentReference of this server.`, at);
    };
    if (name === 'undo') return [{ kind: undefined, document: documentOf(value), reason: '', at }];
    const kind = DECISIONS[name];
    if (kind === undefined) return [];
    const parts = itemsOf(isObject(value) ? value['part'] : undefined).filter(isObject);
    const part = (called: string): JsonObject | undefined => {
      const [one, another] = parts.filter(each => each['name'] === called);
      if (another) throw badParameter(`${name} has the part ${called} once.`, at);
      return one;
    };
    const unknown = parts.find(each => each['name'] !== 'document' && each['name'] !== 'reason');
    if (unknown) throw badParameter(`${name} has the parts document and reason.`, at);
    const reason = part('reason')?.['valueString'];
    if (typeof reason !== 'string' || reason.trim() === '' || reason.length > LONGEST)
      throw badParameter(`${name} needs a reason of ${LONGEST} characters at most.`, at);
    return [{ kind, document: documentOf(part('document')?.['valueReference']), reason: reason.trim(), at }];
  });
  const twice = found.find(({ document }, at) => found.findIndex(each => each.document === document) !== at);
  if (twice) throw badParameter('Of a document one thing is decided at a time.', twice.at);
  return found;
}

/** The Task with these, in place of what was decided of the same documents. */
function withDecisions(task: Resource, decisions: readonly StaffDecision[], bases: readonly string[]): Resource {
  if (decisions.length === 0) return task;
  const decided = new Set(decisions.map(({ document }) => document));
  const former = new Set(
    [LEFT_OUT_INPUT, TAKEN_IN_INPUT]
      .flatMap(kind => inputsOfKind(task, kind))
      .filter(input => decided.has(referenceKey(input['valueReference'], bases) ?? '')),
  );
  const kept = itemsOf(task['input']).filter(input => !isObject(input) || !former.has(input));
  const made = decisions.flatMap(({ kind, document, reason }) =>
    kind === undefined
      ? []
      : [
          {
            extension: [{ url: DECISION_REASON_URL, valueString: reason }],
            ...inputOf(kind, { valueReference: { reference: document } }),
          },
        ],
  );
  return { ...task, input: [...kept, ...made] };
}

/** What is to be seen of the patient, and what was decided of besides. Throws `too-costly`. */
async function documentsSeen(
  context: Context,
  patient: string,
  task: Resource,
  bases: readonly string[],
): Promise<Resource[]> {
  const sought = await readCriteria(context, 'DocumentReference', [['patient', patient]]);
  const rows = await findSought(context, sought, MOST_DOCUMENTS + 1);
  if (rows.length > MOST_DOCUMENTS)
    throw new FhirError('too-costly', `A release is chosen from ${MOST_DOCUMENTS} documents at most.`, {
      detail: 'release-too-large',
    });
  const texts = new Map(rows.map(({ id, text }) => [id, text!]));
  for (const key of staffDecisions(task, bases).keys()) {
    const id = key.slice('DocumentReference/'.length);
    const row = texts.has(id) ? undefined : await context.view.read('DocumentReference', id);
    if (row?.text) texts.set(id, row.text);
  }
  const documents: Resource[] = [];
  for (const text of texts.values()) {
    await breathe();
    documents.push(parseJson(text, STORED_JSON).resource);
  }
  return documents;
}

function refuseUnknownDocuments(decisions: readonly StaffDecision[], documents: readonly Resource[]): void {
  const known = new Set(documents.map(documentKey));
  const unknown = decisions.find(({ kind, document }) => kind !== undefined && !known.has(document));
  if (unknown)
    throw new FhirError('unprocessable', 'There is no such document.', {
      ...{ expression: unknown.at, detail: 'unknown-document' },
    });
}

/** What is taken in goes out, or nobody takes it in. */
function refuseUncovered(decisions: readonly StaffDecision[], selected: readonly SelectedDocument[]): void {
  for (const { kind, document, at } of decisions) {
    const found = selected.find(each => documentKey(each.document) === document);
    if (kind !== TAKEN_IN_INPUT || !found || found.isIn) continue;
    throw new FhirError(
      'unprocessable',
      `What permits this release does not cover the document: ${found.reasons.join(', ')}.`,
      { expression: at, detail: 'document-not-covered' },
    );
  }
}

interface PreviewShown {
  readonly selected: readonly SelectedDocument[];
  readonly words: string;
  /** By document. */
  readonly why: ReadonlyMap<string, string>;
}

function previewTold({ reasons: told }: PreviewGround, { selected, words, why }: PreviewShown): JsonObject {
  const documents = selected.map(({ document, isIn, reasons }): Json => {
    const self = documentKey(document);
    const { meta } = document;
    const version = isObject(meta) ? jsonText(meta['versionId']) : '';
    const decision = why.get(self);
    return {
      name: 'document',
      part: [
        { name: 'document', valueReference: { reference: `${self}/_history/${version}` } },
        { name: 'verdict', valueCode: isIn ? 'in' : 'out' },
        ...reasons.map(code => ({
          name: 'reason',
          valueCoding: { system: REASON_CODES, code, display: wordsFor(told.get(code)!, words) },
        })),
        ...(decision === undefined ? [] : [{ name: 'decision', valueString: decision }]),
      ],
    };
  });
  const isIn = selected.filter(each => each.isIn).length;
  return {
    resourceType: 'Parameters',
    parameter: [
      { name: 'in', valueUnsignedInt: isIn },
      { name: 'out', valueUnsignedInt: selected.length - isIn },
      ...documents,
    ],
  };
}
