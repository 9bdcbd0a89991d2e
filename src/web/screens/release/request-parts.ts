/** What a request for records says of itself: the codes of its Task, its state and its inputs. */
import type { Task, TaskInput } from 'fhir/r4';

export const RELEASE_CODE = 'urn:chartroom:task|release-of-information';
const STATES = 'urn:chartroom:state';

const codesOf = (concept: Task['code']): readonly string[] =>
  (concept?.coding ?? []).map(({ system = '', code = '' }) => `${system}|${code}`);

export const isRecordsRequest = ({ code }: Task): boolean => codesOf(code).includes(RELEASE_CODE);

/** Empty: it has none. */
export const stateOfRequest = ({ businessStatus }: Task): string =>
  businessStatus?.coding?.find(({ system }) => system === STATES)?.code ?? '';

export const inputsOf = ({ input = [] }: Task, kind: string): readonly TaskInput[] =>
  input.filter(({ type }) => type.coding?.some(({ code }) => code === kind) === true);

/** The id of the patient whose records are asked for, where that is known. */
export const patientOfRequest = ({ for: whose }: Task): string | undefined =>
  /(?:^|\/)Patient\/([\w.-]+)$/.exec(whose?.reference ?? '')?.[1];
