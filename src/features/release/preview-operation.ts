/**
 * `Task/[id]/$release-preview`: each document of the patient of a request, in or out, with every reason against it; what staff leave out or take in, with their reason, is
 * kept in the Task as long as records are looked for. Nothing is given out by it. Defined in profiles/release/operationdefinition-release-preview.json
 */
import { FhirError } from '../../fhir/error.js';
import { isObject, type Json, type JsonObject } from '../../fhir/resource.js';
import type { OperationImplementation } from '../../interactions/engine.js';
import { jsonText } from '../../interactions/operations/operation.js';
import { badParameter, readGiven } from '../../interactions/operations/parameters.js';
import { wordsFor } from './authorization-rules.js';
import { type CheckGround, LETTER_LANGUAGE, readRequest } from './check-operation.js';
import { documentKey } from './coverage.js';
import { decisionsGiven, refuseUncovered, refuseUnknownDocuments, withDecisions } from './decisions.js';
import type { ReasonWords } from './reasons.js';
import { requestState, SEARCHING } from './request-task.js';
import { type SelectedDocument, staffDecisions } from './selection.js';
import { selectionNow } from './selection-now.js';

export interface PreviewGround extends CheckGround {
  readonly reasons: ReasonWords;
}

const REASON_CODES = 'urn:chartroom:release-reason';

export const releasePreviewOperation = (ground: PreviewGround): OperationImplementation => ({
  async run(context, ask) {
    const { given } = readGiven(context.engine, ask);
    const { row, task: before, decimals } = await readRequest(context, ask.id!);
    const language = given.find(({ name }) => name === 'language');
    if (language && !LETTER_LANGUAGE.test(jsonText(language.value)))
      throw badParameter('language is a code as in BCP 47.', language.at);
    const decisions = decisionsGiven(context, given);
    if (decisions.length > 0 && requestState(before).code !== SEARCHING)
      throw new FhirError('unprocessable', `What is given out is decided in the state ${SEARCHING}.`, {
        ...{ expression: 'Task.businessStatus', detail: 'not-searching' },
      });
    const task = withDecisions(before, decisions, ground.bases);
    const { selected } = await selectionNow(ground, context, task);
    refuseUnknownDocuments(decisions, selected);
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
