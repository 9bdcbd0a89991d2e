/**
 * Words of the intake of scans: tags of documents that are on their way into the record, kinds of what a Task of theirs says, and rules of data quality with
 * their codes, which stay as they are (AHIMA, "Data Quality Management Model"). docs/records-desk.md
 */
import type { Issue } from '../../fhir/error.js';
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../fhir/resource.js';

/** Tags of a DocumentReference: the state of its Task. */
export const INTAKE_TAGS = 'urn:chartroom:intake';
/** The code of a Task of the process, and of its states (profiles/work/processes/scan-quality.json). */
export const SCAN_QUALITY = 'scan-quality';
export const SCAN_TASK = { system: 'urn:chartroom:task', code: SCAN_QUALITY } as const;
const SCAN_STATES = 'urn:chartroom:state';
export type ScanState = 'pending-index' | 'pending-qc' | 'rework' | 'final' | 'rejected' | 'rearranged';
export const OPEN_STATES = ['pending-index', 'pending-qc', 'rework'] as const satisfies readonly ScanState[];
/** `status` of a Task in each state. */
export const SCAN_STATUS: Readonly<Record<ScanState, string>> = {
  'pending-index': 'requested',
  'pending-qc': 'in-progress',
  rework: 'on-hold',
  final: 'completed',
  rejected: 'rejected',
  rearranged: 'cancelled',
};

/** Extensions of a Task: who has indexed the document, and whether a second person is asked for, and why. */
export const INDEXER_URL = 'urn:chartroom:indexer';
export const SECOND_PERSON_URL = 'urn:chartroom:second-person';
/** What a second person has found wrong, and who had indexed it; once for each time. */
export const INDEX_ERROR_URL = 'urn:chartroom:index-error';
/** Whose codes the inputs of a Task have which say what was found. */
export const QUALITY_RULES = 'urn:chartroom:data-quality';

/** `error`: a document is not indexed like that. `warning`: a second person looks. `information`: it is told. */
interface QualityRule {
  readonly severity: 'error' | 'warning' | 'information';
  readonly display: string;
}

export const DQ_RULES = {
  'DQ-patient-missing': { severity: 'error', display: 'Of which patient is it?' },
  'DQ-patient-unknown': { severity: 'error', display: 'There is no such patient here' },
  'DQ-patient-inactive': { severity: 'error', display: 'The patient is not active' },
  'DQ-patient-unconfirmed': { severity: 'error', display: 'Two identifiers of the patient are needed' },
  'DQ-patient-mismatch': { severity: 'error', display: 'An identifier is not that of the patient' },
  'DQ-encounter-missing': { severity: 'error', display: 'Of which encounter is it?' },
  'DQ-encounter-unknown': { severity: 'error', display: 'There is no such encounter here' },
  'DQ-encounter-of-other': { severity: 'error', display: 'The encounter is that of another patient' },
  'DQ-type-missing': { severity: 'error', display: 'What kind of document is it?' },
  'DQ-type-uncoded': { severity: 'warning', display: 'The type has no code of a code system' },
  'DQ-date-missing': { severity: 'error', display: 'Of which day is the service?' },
  'DQ-date-future': { severity: 'error', display: 'The service is in the future' },
  'DQ-date-before-birth': { severity: 'error', display: 'The service was before the patient was born' },
  'DQ-date-imprecise': { severity: 'warning', display: 'The date of the service names no day' },
  'DQ-date-outside-encounter': { severity: 'warning', display: 'The service was not during the encounter' },
  'DQ-author-missing': { severity: 'error', display: 'Who has written it?' },
  'DQ-author-unknown': { severity: 'warning', display: 'The author is nobody of this server' },
  'DQ-resolution-low': { severity: 'warning', display: 'A page has fewer than 200 dots an inch' },
  'DQ-page-blank': { severity: 'warning', display: 'A page is blank' },
  'DQ-page-skewed': { severity: 'warning', display: 'The lines of a page are not level' },
  'DQ-page-turned': { severity: 'warning', display: 'A page lies on its side' },
  'DQ-pages-missing': { severity: 'warning', display: 'There are fewer pages than were counted' },
  'DQ-pages-more': { severity: 'warning', display: 'There are more pages than were counted' },
  'DQ-pages-uncounted': { severity: 'warning', display: 'Its separator sheet announces no number of pages' },
  'DQ-unreadable': { severity: 'warning', display: 'Its pages cannot be read' },
  'DQ-not-looked-at': { severity: 'warning', display: 'Its pages were not looked at' },
  'DQ-sheet-missing': { severity: 'warning', display: 'No separator sheet was before its pages' },
  'DQ-sheet-unreadable': { severity: 'warning', display: 'The separator sheet before it cannot be read' },
  'DQ-sheet-unsure': { severity: 'warning', display: 'It was cut before a page that may be no separator sheet' },
  'DQ-sheet-mismatch': {
    severity: 'warning',
    display: 'The separator sheet is not of this server, or names nobody here or another patient than who sent it',
  },
  'DQ-came-in-anew': { severity: 'warning', display: 'It was taken back from a record, and came in anew' },
  'DQ-rearranged': { severity: 'warning', display: 'Its pages were arranged by somebody' },
  'DQ-sent-back': { severity: 'warning', display: 'A scan that it has pages of was sent back' },
  'DQ-duplicate': { severity: 'warning', display: 'The same bytes are here already' },
} as const satisfies Readonly<Record<string, QualityRule>>;

export type QualityCode = keyof typeof DQ_RULES;

/** What was found of a document. */
export interface DqFinding {
  readonly code: QualityCode;
  /** Where, in the document. */
  readonly expression: string;
  /** What it is about: a member of an input of the Task, as `{ valuePositiveInt: 2 }`. */
  readonly value?: JsonObject;
}

const ISSUE_CODES = { error: 'business-rule', warning: 'business-rule', information: 'informational' } as const;

export const issueOfFinding = ({ code, expression }: DqFinding): Issue => {
  const { severity, display } = DQ_RULES[code];
  return { severity, code: ISSUE_CODES[severity], detail: code, text: `${display}.`, expression };
};

export const isFaulty = ({ code }: DqFinding): boolean => DQ_RULES[code].severity === 'error';

/** As an input of the Task. */
export const findingInput = ({ code, value = { valueBoolean: true } }: DqFinding): JsonObject => ({
  type: { coding: [{ system: QUALITY_RULES, code, display: DQ_RULES[code].display }] },
  ...value,
});

const codeIn = (concept: Json | undefined, system: string): string | undefined => {
  const own = (isObject(concept) ? itemsOf(concept['coding']) : []).find(
    each => isObject(each) && each['system'] === system,
  );
  return isObject(own) && typeof own['code'] === 'string' ? own['code'] : undefined;
};

export const isFindingInput = (input: Json): boolean =>
  isObject(input) && codeIn(input['type'], QUALITY_RULES) !== undefined;

/** What was found of a document, as its Task says it; what has none of our codes is left out. */
export const findingsOf = ({ input }: Resource): DqFinding[] =>
  itemsOf(input)
    .filter(isObject)
    .flatMap(({ type, ...value }) => {
      const code = codeIn(type, QUALITY_RULES);
      return isQualityCode(code) ? [{ code, expression: '', value }] : [];
    });

const isQualityCode = (code: string | undefined): code is QualityCode =>
  code !== undefined && Object.hasOwn(DQ_RULES, code);

export const isScanTask = (task: Resource | undefined): task is Resource =>
  task?.resourceType === 'Task' && codeIn(task['code'], SCAN_TASK.system) === SCAN_QUALITY;

/** The state of such a Task, as the work kernel says it; '': none. */
export const scanStateOf = ({ businessStatus }: Resource): string => codeIn(businessStatus, SCAN_STATES) ?? '';

export const scanStateConcept = (code: ScanState): JsonObject => ({ coding: [{ system: SCAN_STATES, code }] });

/** The value of an extension of ours. */
export function extensionValue({ extension }: Resource, url: string, member: string): Json | undefined {
  const own = itemsOf(extension).find(each => isObject(each) && each['url'] === url);
  return isObject(own) ? own[member] : undefined;
}

/** Criteria for the Tasks of the process about a document, in these states. */
export const tasksAbout = (document: string, states: readonly ScanState[]) =>
  [
    ['focus', `DocumentReference/${document}`],
    ['code', `${SCAN_TASK.system}|${SCAN_QUALITY}`],
    ['business-status', states.map(state => `${SCAN_STATES}|${state}`).join(',')],
  ] as const;

/** Criteria for the Tasks of a batch. */
export const tasksOfBatch = (batch: string) =>
  [
    ['based-on', `List/${batch}`],
    ['code', `${SCAN_TASK.system}|${SCAN_QUALITY}`],
  ] as const;
