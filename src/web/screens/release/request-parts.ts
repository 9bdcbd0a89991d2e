/** What a request for records says of itself: the codes of its Task, its state, its inputs and its outputs. */
import type { Reference, Task, TaskInput, TaskOutput } from 'fhir/r4';

export const RELEASE_CODE = 'urn:chartroom:task|release-of-information';
const STATES = 'urn:chartroom:state';
/** Extensions of what was chosen, and of what has gone out. */
export const REDACTION = 'urn:chartroom:redaction';
export const SHA256 = 'urn:chartroom:sha256';
const RELEASED = 'urn:chartroom:released';

const codesOf = (concept: Task['code']): readonly string[] =>
  (concept?.coding ?? []).map(({ system = '', code = '' }) => `${system}|${code}`);

export const isRecordsRequest = ({ code }: Task): boolean => codesOf(code).includes(RELEASE_CODE);

/** Empty: it has none. */
export const stateOfRequest = ({ businessStatus }: Task): string =>
  businessStatus?.coding?.find(({ system }) => system === STATES)?.code ?? '';

const ofKind =
  (kind: string) =>
  ({ type }: TaskInput | TaskOutput): boolean =>
    type.coding?.some(({ code }) => code === kind) === true;

export const inputsOf = ({ input = [] }: Task, kind: string): readonly TaskInput[] => input.filter(ofKind(kind));

export const hasOutput = ({ output = [] }: Task, kind: string): boolean => output.some(ofKind(kind));

/** The id of the patient whose records are asked for, where that is known. */
export const patientOfRequest = ({ for: whose }: Task): string | undefined =>
  /(?:^|\/)Patient\/([\w.-]+)$/.exec(whose?.reference ?? '')?.[1];

export const idIn = (reference: Reference | undefined, type: string): string | undefined =>
  new RegExp(`(?:^|/)${type}/([\\w.-]+)`).exec(reference?.reference ?? '')?.[1];

/** A document that was chosen to go out. */
export interface ChosenInput {
  readonly id: string;
  /** Pages of which something is withheld. */
  readonly withheld: number;
  /** By somebody else than who has chosen it. */
  readonly isConfirmed: boolean;
}

/** In the order in which they were chosen. */
export function chosenIn(task: Task): readonly ChosenInput[] {
  const confirmed = new Set(
    inputsOf(task, 'document-confirmed').map(({ valueReference }) => valueReference?.reference ?? ''),
  );
  return inputsOf(task, 'chosen').flatMap(({ valueReference, extension = [] }) => {
    const id = idIn(valueReference, 'DocumentReference');
    if (id === undefined) return [];
    const withheld = extension.filter(({ url }) => url === REDACTION).length;
    return [{ id, withheld, isConfirmed: confirmed.has(valueReference?.reference ?? '') }];
  });
}

export interface PackageOutput {
  /** Ids of the DocumentReference, and of the List of what is in it. */
  readonly document: string;
  readonly list: string | undefined;
  /** Whether it has gone out. */
  readonly isReleased: boolean;
}

/** The last one that was made: that counts. */
export function packageIn({ output = [] }: Task): PackageOutput | undefined {
  const last = output.findLast(ofKind('package'));
  const document = idIn(last?.valueReference, 'DocumentReference');
  if (document === undefined) return undefined;
  const list = idIn(output.findLast(ofKind('frozen-set'))?.valueReference, 'List');
  return { document, list, isReleased: last?.extension?.some(({ url }) => url === RELEASED) === true };
}
