/**
 * `Task/[id]/$release-select`: what `$release-preview` says now is chosen to go out, in the versions that are there, with the hashes of their bytes and with
 * what is withheld of their pages. Who has chosen is kept, so that somebody else confirms it. Defined in profiles/release/operationdefinition-release-select.json
 *
 * It replaces the choice before, marks included: whoever names the version of the request that they have seen (If-Match) replaces no other one.
 * A mark belongs to the bytes on which it was drawn: on others it would hide something else. https://hl7.org/fhir/R4/http.html#concurrency
 */
import { FhirError } from '../../fhir/error.js';
import { parseReference } from '../../fhir/reference.js';
import { isObject, itemsOf, type Json, type JsonObject } from '../../fhir/resource.js';
import type { Context, OperationImplementation } from '../../interactions/engine.js';
import { jsonText } from '../../interactions/operations/operation.js';
import { badParameter, type GivenParameter, readGiven } from '../../interactions/operations/parameters.js';
import { checkPreconditions } from '../../interactions/update.js';
import type { PackageGround } from './package-ground.js';
import { pagesToMark } from './package/item-pages.js';
import { type PackageItem, PackageRefused, type PageRedaction, type RedactedArea } from './package/order.js';
import { PAPER } from './package-order.js';
import { type ChosenDocument, readArea, versionedName, withChosen } from './chosen.js';
import { checkedStill, readRequest } from './check-operation.js';
import { documentKey, referenceKey } from './coverage.js';
import { decisionsGiven, refuseUncovered, refuseUnknownDocuments, withDecisions } from './decisions.js';
import { bytesOfDocument, itemOfDocument } from './document-bytes.js';
import { QUALITY_REVIEW, requestState, SEARCHING, stateConcept } from './request-task.js';
import type { SelectedDocument } from './selection.js';
import { needsSecondLook } from './second-look.js';
import { classOfRequest, selectionNow } from './selection-now.js';
import { standingSet } from './standing.js';

const MOST_CHOSEN = 500;

export const releaseSelectOperation = (ground: PackageGround): OperationImplementation => ({
  async run(context, ask) {
    const { bases, now } = ground;
    const { given } = readGiven(context.engine, ask);
    const { row, task: before, decimals } = await readRequest(context, ask.id!);
    checkPreconditions(row, ask);
    const state = requestState(before).code;
    if (state !== SEARCHING && state !== QUALITY_REVIEW)
      throw new FhirError('unprocessable', `Documents are chosen in the states ${SEARCHING} and ${QUALITY_REVIEW}.`, {
        ...{ expression: 'Task.businessStatus', detail: 'not-searching' },
      });
    const decisions = decisionsGiven(context, given);
    const decided = withDecisions(before, decisions, bases);
    await checkedStill(ground, decided, context.view);
    const { selected, consent } = await selectionNow(ground, context, decided);
    refuseUnknownDocuments(decisions, selected);
    refuseUncovered(decisions, selected);
    const going = selected.filter(({ isIn }) => isIn);
    if (going.length === 0 || going.length > MOST_CHOSEN)
      throw new FhirError(
        'unprocessable',
        going.length === 0
          ? 'No document goes out: $release-preview tells why.'
          : `A release has ${MOST_CHOSEN} documents at most: ask for less at a time.`,
        { expression: 'Task.input', detail: going.length === 0 ? 'nothing-selected' : 'release-too-large' },
      );
    const chosen = await chosenOf({ ground, context, going, marks: marksGiven(ground, given) });
    const by = { principal: context.principal, at: new Date(now()).toISOString() };
    const { statusReason: _reason, ...rest } = withChosen(decided, chosen, by);
    const resource = { ...rest, status: 'in-progress', businessStatus: stateConcept(QUALITY_REVIEW) };
    const change = { kind: 'update', type: 'Task', id: ask.id!, ifMatch: [String(row.version)] } as const;
    const byAnother = needsSecondLook(classOfRequest(ground, before), ask.id!, context.engine);
    const text = Buffer.from(JSON.stringify(chosenTold(chosen, byAnother)));
    return {
      result: { status: 200, text, patients: row.patients },
      mustExist: standingSet(chosen, consent),
      accompaniment: {
        companions: [{ owner: 'release', ask: { ...change, body: { resource, decimals } } }],
        ...{ messages: [], mustNotMatch: [] },
      },
    };
  },
});

/** What is withheld of a page, as it is asked for. */
interface AskedMark {
  /** `DocumentReference/[id]`. */
  readonly document: string;
  /** The document as it was marked: its version, and the hash of its bytes in hexadecimal. Undefined: it was not said. */
  readonly version: string | undefined;
  readonly sha256: string | undefined;
  readonly page: number;
  readonly areas: readonly RedactedArea[] | 'all';
  readonly at: string;
}

/** Throws `invalid`. */
const marksGiven = ({ bases }: PackageGround, given: readonly GivenParameter[]): AskedMark[] =>
  given.flatMap(each => (each.name === 'redact' ? [markGiven(bases, each)] : []));

function markGiven(bases: readonly string[], { value, at }: GivenParameter): AskedMark {
  const parts = itemsOf(isObject(value) ? value['part'] : undefined).filter(isObject);
  const values = (called: string, member: string): Json[] =>
    parts.flatMap(each => (each['name'] === called && each[member] !== undefined ? [each[member]] : []));
  const reference = values('document', 'valueReference')[0];
  const document = referenceKey(reference, bases);
  const page = Number(values('page', 'valuePositiveInt')[0]);
  if (!document?.startsWith('DocumentReference/') || !Number.isSafeInteger(page) || page < 1)
    throw badParameter('redact names a document and a page of it, from 1.', at);
  const sha256 = parts.some(each => each['name'] === 'sha256')
    ? hashGiven(values('sha256', 'valueString'), at)
    : undefined;
  const areas = values('area', 'valueString').map(each => {
    const area = readArea(jsonText(each));
    if (!area) throw badParameter('area is x, y, width and height, as fractions of the page: 0.1 0.2 0.5 0.05.', at);
    return area;
  });
  const version = versionIn(reference, bases);
  return { document, version, sha256, page, areas: areas.length > 0 ? areas : 'all', at };
}

function versionIn(reference: Json | undefined, bases: readonly string[]): string | undefined {
  const text = isObject(reference) ? reference['reference'] : undefined;
  const target = typeof text === 'string' ? parseReference(text, bases) : undefined;
  return target?.kind === 'local' ? target.version : undefined;
}

function hashGiven([hash, ...more]: readonly Json[], at: string): string {
  const text = typeof hash === 'string' ? hash.toLowerCase() : '';
  if (more.length === 0 && /^[0-9a-f]{64}$/.test(text)) return text;
  throw badParameter('sha256 is the SHA-256 of the bytes that were marked, in hexadecimal, once.', at);
}

interface ChoosingAsked {
  readonly ground: PackageGround;
  readonly context: Context;
  readonly going: readonly SelectedDocument[];
  readonly marks: readonly AskedMark[];
}

/** Throws `unprocessable` where a document has no bytes here, or a mark is on no page of what goes out. */
async function chosenOf({ ground, context, going, marks }: ChoosingAsked): Promise<readonly ChosenDocument[]> {
  const known = new Set(going.map(({ document }) => documentKey(document)));
  const stray = marks.find(({ document }) => !known.has(document));
  if (stray)
    throw new FhirError('unprocessable', 'Something is withheld of a document that does not go out.', {
      ...{ expression: stray.at, detail: 'unknown-document' },
    });
  const chosen: ChosenDocument[] = [];
  for (const { document } of going) {
    const self = documentKey(document);
    const version = Number(jsonText(isObject(document['meta']) ? document['meta']['versionId'] : undefined));
    const bytes = await bytesOfDocument(context, document, ground.bases);
    if (!bytes)
      throw new FhirError(
        'unprocessable',
        `${self} has no bytes that can be given out: leave it out, or put it together first.`,
        { expression: 'Task.input', detail: 'no-bytes' },
      );
    const id = versionedName({ document: self, version });
    const item = itemOfDocument(context, { id, document, bytes, notices: [], redactions: [] });
    const own = marks.filter(each => each.document === self);
    refuseOutdated(own, version, bytes.content.hash);
    const redactions = own.length > 0 ? await redactionsOf(ground, item, own) : [];
    chosen.push({ document: self, version, sha256: bytes.content.hash, redactions });
  }
  return chosen;
}

/** The bytes decide where both are said: a version may be another by what is said of the document alone. Throws `unprocessable`. */
function refuseOutdated(marks: readonly AskedMark[], version: number, sha256: string): void {
  const outdated = marks.find(mark =>
    mark.sha256 === undefined ? mark.version !== undefined && mark.version !== String(version) : mark.sha256 !== sha256,
  );
  if (outdated)
    throw new FhirError(
      'unprocessable',
      `${outdated.document} is another one since it was marked (it has version ${version} now): look at it, and draw its marks anew.`,
      { expression: outdated.at, detail: 'marked-before' },
    );
}

/** Marks, held to the pages as the server draws them. */
async function redactionsOf(
  { pool }: PackageGround,
  item: PackageItem,
  marks: readonly AskedMark[],
): Promise<readonly PageRedaction[]> {
  const refuse = (at: string, detail: string, text: string): FhirError =>
    new FhirError('unprocessable', text, { expression: at, detail });
  try {
    const found = await pagesToMark(item, { pool: pool(), paper: PAPER });
    if (typeof found === 'string')
      throw refuse(marks[0]!.at, 'cannot-redact', `Nothing can be withheld of it in part (${found}): leave it out.`);
    const { pages, rendering } = found;
    return marks.map(({ page, areas, at }) => {
      const paper = pages[page - 1];
      if (!paper) throw refuse(at, 'no-such-page', `It has ${pages.length} pages.`);
      const { width, height } = paper;
      return { page, width, height, ...(rendering === undefined ? {} : { rendering }), areas };
    });
  } catch (error) {
    if (!(error instanceof PackageRefused)) throw error;
    throw refuse(marks[0]!.at, 'document-changed', 'Its bytes are others than before: ask again.');
  }
}

const chosenTold = (chosen: readonly ChosenDocument[], byAnother: boolean): JsonObject => ({
  resourceType: 'Parameters',
  parameter: [
    { name: 'count', valueUnsignedInt: chosen.length },
    { name: 'second-person', valueBoolean: byAnother },
    ...chosen.map(each => ({
      name: 'document',
      part: [
        { name: 'document', valueReference: { reference: versionedName(each) } },
        { name: 'sha256', valueString: each.sha256 },
        ...each.redactions.map(({ page }) => ({ name: 'redacted-page', valuePositiveInt: page })),
      ],
    })),
  ],
});
