/**
 * What staff decide of single documents of a request, with their reason: left out, or taken in beyond what was asked for. Decisions are inputs of the
 * Task; what is taken in goes out, or nobody takes it in.
 */
import { FhirError } from '../../fhir/error.js';
import { parseReference } from '../../fhir/reference.js';
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../fhir/resource.js';
import type { Context } from '../../interactions/engine.js';
import { badParameter, type GivenParameter } from '../../interactions/operations/parameters.js';
import { documentKey, referenceKey } from './coverage.js';
import { inputOf, inputsOfKind } from './request-task.js';
import { DECISION_REASON_URL, LEFT_OUT_INPUT, type SelectedDocument, TAKEN_IN_INPUT } from './selection.js';

const LONGEST = 1000;
/** Parameter → kind of input. */
const DECISIONS: Readonly<Record<string, string>> = { 'leave-out': LEFT_OUT_INPUT, 'take-in': TAKEN_IN_INPUT };

export interface StaffDecision {
  /** Undefined: nothing is decided any more. */
  readonly kind: string | undefined;
  /** `DocumentReference/[id]`. */
  readonly document: string;
  readonly reason: string;
  readonly at: string;
}

/** Throws `invalid`. */
export function decisionsGiven({ engine }: Context, given: readonly GivenParameter[]): StaffDecision[] {
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
export function withDecisions(task: Resource, decisions: readonly StaffDecision[], bases: readonly string[]): Resource {
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

/** Throws `unprocessable`. */
export function refuseUnknownDocuments(
  decisions: readonly StaffDecision[],
  selected: readonly SelectedDocument[],
): void {
  const known = new Set(selected.map(({ document }) => documentKey(document)));
  const unknown = decisions.find(({ kind, document }) => kind !== undefined && !known.has(document));
  if (unknown)
    throw new FhirError('unprocessable', 'There is no such document.', {
      ...{ expression: unknown.at, detail: 'unknown-document' },
    });
}

/** What is taken in goes out, or nobody takes it in. */
export function refuseUncovered(decisions: readonly StaffDecision[], selected: readonly SelectedDocument[]): void {
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
