/**
 * What was chosen to be released: versions of documents with the hashes of their bytes and what is withheld of their pages, by whom; and who has confirmed
 * each. All of it stands in inputs of the Task, which nothing but the operations of this feature writes (kept-hook.ts).
 */
import { createHash } from 'node:crypto';
import { parseReference } from '../../fhir/reference.js';
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../fhir/resource.js';
import type { Caller } from '../../interactions/engine.js';
import { whoAsked } from '../../interactions/operations/glass-records.js';
import { isSamePerson, personOf } from '../../interactions/person.js';
import type { PageRedaction, RedactedArea } from './package/order.js';
import {
  DELIVERY_OUTPUT,
  DISCLOSURE_OUTPUT,
  FROZEN_SET_OUTPUT,
  HREX_CODES,
  inputOf,
  inputsOfKind,
  INVOICE_OUTPUT,
  outputOf,
  outputsOfKind,
  PACKAGE_JOB_OUTPUT,
  PACKAGE_OUTPUT,
  TRACKING_SYSTEM,
} from './request-task.js';
import { LEFT_OUT_INPUT, TAKEN_IN_INPUT } from './selection.js';

/** Kinds of inputs: a document, who chose, and who confirmed one. */
const CHOSEN_INPUT = 'chosen';
const CHOSEN_BY_INPUT = 'chosen-by';
const CONFIRMED_INPUT = 'document-confirmed';
const KEPT_INPUTS = [CHOSEN_INPUT, CHOSEN_BY_INPUT, CONFIRMED_INPUT];
/** What a choice is made for: kinds of inputs that say what is asked for, by which right, and how it goes out. */
const ASKED_INPUTS = [
  ...['requester-class', 'period', 'encounter', 'format', 'delivery-method', 'delivery-address', 'authorization'],
  ...[LEFT_OUT_INPUT, TAKEN_IN_INPUT],
];

const KEPT_OUTPUTS = [
  ...[PACKAGE_JOB_OUTPUT, PACKAGE_OUTPUT, FROZEN_SET_OUTPUT],
  ...[DISCLOSURE_OUTPUT, DELIVERY_OUTPUT, INVOICE_OUTPUT],
];

const SHA256_URL = 'urn:chartroom:sha256';
const REDACTION_URL = 'urn:chartroom:redaction';
const WHO_URL = 'urn:chartroom:who';
const AT_URL = 'urn:chartroom:at';
const ANSWER_URL = 'urn:chartroom:answer';
const RELEASED_URL = 'urn:chartroom:released';
const JOB_URL = 'urn:chartroom:job';

export interface ChosenDocument {
  /** `DocumentReference/[id]`. */
  readonly document: string;
  readonly version: number;
  /** Of its bytes as they are given out, in hexadecimal. */
  readonly sha256: string;
  readonly redactions: readonly PageRedaction[];
}

export const versionedName = ({ document, version }: Pick<ChosenDocument, 'document' | 'version'>): string =>
  `${document}/_history/${version}`;

/** In the order in which they were chosen. */
export function chosenDocuments(task: Resource, bases: readonly string[]): readonly ChosenDocument[] {
  return inputsOfKind(task, CHOSEN_INPUT).flatMap(input => {
    const target = linkedTarget(input, bases);
    const sha256 = extensionOf(input, SHA256_URL)?.['valueString'];
    if (target?.kind !== 'local' || target.version === undefined || typeof sha256 !== 'string') return [];
    const redactions = itemsOf(input['extension']).flatMap(each => redactionIn(each));
    return [{ document: `${target.type}/${target.id}`, version: Number(target.version), sha256, redactions }];
  });
}

const chosenInput = (chosen: ChosenDocument): JsonObject => ({
  extension: [{ url: SHA256_URL, valueString: chosen.sha256 }, ...chosen.redactions.map(redactionExtension)],
  ...inputOf(CHOSEN_INPUT, { valueReference: { reference: versionedName(chosen) } }),
});

interface DoneBy {
  readonly principal: Caller['principal'];
  /** A FHIR instant. */
  readonly at: string;
}

/** The request with these, in place of what was chosen, confirmed and packed before; what was released stays. */
export function withChosen(task: Resource, chosen: readonly ChosenDocument[], { principal, at }: DoneBy): Resource {
  const by = {
    extension: [{ url: AT_URL, valueInstant: at }],
    ...inputOf(CHOSEN_BY_INPUT, { valueReference: knownAs(principal) }),
  };
  const kept = withoutKinds(task, KEPT_INPUTS);
  return withoutUnreleased({ ...task, input: [...kept, ...chosen.map(chosenInput), by] });
}

const withoutKinds = (task: Resource, kinds: readonly string[]): readonly Json[] => {
  const gone = new Set<Json>(kinds.flatMap(kind => inputsOfKind(task, kind)));
  return itemsOf(task['input']).filter(each => !gone.has(each));
};

/** Outputs that name packages that nobody got, and what froze them. */
export const unreleasedOutputs = (task: Resource): readonly JsonObject[] =>
  [PACKAGE_OUTPUT, FROZEN_SET_OUTPUT].flatMap(kind => outputsOfKind(task, kind)).filter(each => !isReleased(each));

/** Id of the job that makes the package, under which its bytes are stored. */
export function packageJobOf(task: Resource): string | undefined {
  const value = outputsOfKind(task, PACKAGE_JOB_OUTPUT).at(-1)?.['valueId'];
  return typeof value === 'string' ? value : undefined;
}

/** The job that has made a package, on the output that names it. */
export const jobExtension = (job: string): JsonObject => ({ url: JOB_URL, valueId: job });
export function jobOfOutput(output: JsonObject): string | undefined {
  const value = extensionOf(output, JOB_URL)?.['valueId'];
  return typeof value === 'string' ? value : undefined;
}

/** The request without these of its outputs. */
function withoutOutputs(task: Resource, gone: readonly Json[]): Resource {
  const { output, ...rest } = task;
  const left = itemsOf(output).filter(each => !gone.includes(each));
  return { ...rest, ...(left.length > 0 ? { output: left } : {}) };
}

/** The request, with the job that makes its package now. */
export function withPackageJob(task: Resource, job: string): Resource {
  const others = itemsOf(withoutPackageJob(task)['output']);
  return { ...task, output: [...others, outputOf(PACKAGE_JOB_OUTPUT, { valueId: job })] };
}

/** The request, of which no package is being made. */
export const withoutPackageJob = (task: Resource): Resource =>
  withoutOutputs(task, outputsOfKind(task, PACKAGE_JOB_OUTPUT));

/** Without packages that nobody got, made or being made. */
export const withoutUnreleased = (task: Resource): Resource =>
  withoutOutputs(task, [...unreleasedOutputs(task), ...outputsOfKind(task, PACKAGE_JOB_OUTPUT)]);

export const isReleased = (output: JsonObject): boolean => extensionOf(output, RELEASED_URL) !== undefined;

/** What was made and not released, marked as released. */
export function asReleased(task: Resource, at: string): Resource {
  const made = new Set<Json>(unreleasedOutputs(task));
  const output = itemsOf(task['output']).map(each =>
    isObject(each) && made.has(each) ? markedReleased(each, at) : each,
  );
  return { ...task, output };
}

const markedReleased = ({ extension, ...rest }: JsonObject, at: string): JsonObject => ({
  extension: [...itemsOf(extension), { url: RELEASED_URL, valueInstant: at }],
  ...rest,
});

/** Whether somebody has this done already, as far as it is known who they are. */
export const isChosenBy = (task: Resource, principal: Caller['principal']): boolean => {
  const [by] = inputsOfKind(task, CHOSEN_BY_INPUT);
  return isSamePerson(by?.['valueReference'], principal);
};

/** Names of the versions that somebody has confirmed. */
export const confirmedDocuments = (task: Resource): ReadonlySet<string> =>
  new Set(
    inputsOfKind(task, CONFIRMED_INPUT).flatMap(({ valueReference }) =>
      isObject(valueReference) && typeof valueReference['reference'] === 'string' ? [valueReference['reference']] : [],
    ),
  );

export interface Confirmation {
  /** With its version. */
  readonly document: string;
  /** What was answered where the document seems to name somebody else. */
  readonly answer: string | undefined;
}

export const withConfirmations = (
  task: Resource,
  made: readonly Confirmation[],
  { principal, at }: DoneBy,
): Resource => ({
  ...task,
  input: [
    ...itemsOf(task['input']),
    ...made.map(({ document, answer }) => ({
      extension: [
        { url: WHO_URL, valueReference: knownAs(principal) },
        { url: AT_URL, valueInstant: at },
        ...(answer === undefined ? [] : [{ url: ANSWER_URL, valueString: answer }]),
      ],
      ...inputOf(CONFIRMED_INPUT, { valueReference: { reference: document } }),
    })),
  ],
});

/** What nothing but the operations of this feature may change in a Task. */
export const keptParts = (task: Resource | undefined): readonly Json[] =>
  task === undefined
    ? []
    : [
        ...KEPT_INPUTS.flatMap(kind => inputsOfKind(task, kind)),
        ...KEPT_OUTPUTS.flatMap(kind => outputsOfKind(task, kind)),
      ];

/** What was asked for, of which documents are chosen: it stays as long as their choice does. */
export const askedParts = (task: Resource): readonly Json[] => [
  ...ASKED_INPUTS.flatMap(kind => inputsOfKind(task, kind)),
  ...inputsOfKind(task, 'data-code', HREX_CODES),
  task['reasonCode'] ?? null,
  ...itemsOf(task['identifier']).filter(each => isObject(each) && each['system'] === TRACKING_SYSTEM),
];

/** Of all that a package is made of: the choice with what is withheld, who has made it when, and what was asked for. In hexadecimal. */
export const digestOfChoice = (task: Resource): string => {
  const parts = [CHOSEN_INPUT, CHOSEN_BY_INPUT].map(kind => inputsOfKind(task, kind));
  return createHash('sha256')
    .update(JSON.stringify([...parts, askedParts(task)]))
    .digest('hex');
};

/** Somebody by the resource that they are and by their name, where both are known: some of their tokens may say one of them alone. */
const knownAs = (principal: Caller['principal']): JsonObject =>
  principal.name === undefined
    ? personOf(principal)
    : { ...personOf(principal), identifier: whoAsked(principal), display: principal.name };

const extensionOf = ({ extension }: JsonObject, url: string): JsonObject | undefined =>
  itemsOf(extension)
    .filter(isObject)
    .find(each => each['url'] === url);

export const sha256In = (element: JsonObject): string | undefined => {
  const value = extensionOf(element, SHA256_URL)?.['valueString'];
  return typeof value === 'string' ? value : undefined;
};
export const sha256Extension = (sha256: string): JsonObject => ({ url: SHA256_URL, valueString: sha256 });

/** What the reference of an input or output leads to. */
export const linkedTarget = ({ valueReference }: JsonObject, bases: readonly string[]) =>
  isObject(valueReference) && typeof valueReference['reference'] === 'string'
    ? parseReference(valueReference['reference'], bases)
    : undefined;

/** Its areas are fractions of the page, as `x y width height`. */
const redactionExtension = ({ page, width, height, rendering, areas }: PageRedaction): JsonObject => ({
  url: REDACTION_URL,
  extension: [
    { url: 'page', valuePositiveInt: page },
    { url: 'width', valueDecimal: width },
    { url: 'height', valueDecimal: height },
    ...(rendering === undefined ? [] : [{ url: 'rendering', valueString: rendering }]),
    ...(areas === 'all'
      ? [{ url: 'whole', valueBoolean: true }]
      : areas.map(({ x, y, width: w, height: h }) => ({ url: 'area', valueString: [x, y, w, h].join(' ') }))),
  ],
});

function redactionIn(extension: Json): PageRedaction[] {
  if (!isObject(extension) || extension['url'] !== REDACTION_URL) return [];
  const parts = itemsOf(extension['extension']).filter(isObject);
  const part = (url: string, member: string): Json | undefined => parts.find(each => each['url'] === url)?.[member];
  const rendering = part('rendering', 'valueString');
  return [
    {
      page: Number(part('page', 'valuePositiveInt')),
      width: Number(part('width', 'valueDecimal')),
      height: Number(part('height', 'valueDecimal')),
      ...(typeof rendering === 'string' ? { rendering } : {}),
      areas: part('whole', 'valueBoolean') === true ? 'all' : parts.flatMap(each => areaIn(each)),
    },
  ];
}

function areaIn({ url, valueString }: JsonObject): RedactedArea[] {
  if (url !== 'area' || typeof valueString !== 'string') return [];
  const area = readArea(valueString);
  return area ? [area] : [];
}

/** `x y width height`, each a fraction of the page; undefined: it is none. */
export function readArea(text: string): RedactedArea | undefined {
  const numbers = text.trim().split(/\s+/).map(Number);
  const [x = NaN, y = NaN, width = NaN, height = NaN] = numbers;
  const isFraction = (value: number): boolean => value >= 0 && value <= 1;
  const isArea = numbers.length === 4 && numbers.every(isFraction) && width > 0 && height > 0;
  return isArea ? { x, y, width, height } : undefined;
}
