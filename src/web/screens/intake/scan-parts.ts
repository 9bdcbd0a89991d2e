/** What the Task of a scan says of itself. */
import type { Task } from 'fhir/r4';
import { OVER } from '../../tasks/task-table.js';

export const SCAN_CODE = 'urn:chartroom:task|scan-quality';

export const isScanTask = ({ code }: Task): boolean =>
  code?.coding?.some(each => `${each.system ?? ''}|${each.code ?? ''}` === SCAN_CODE) === true;

/** Empty: it has none. */
export const stateOfScan = ({ businessStatus }: Task): string =>
  businessStatus?.coding?.find(({ system }) => system === 'urn:chartroom:state')?.code ?? '';

/** The id of the document that it is about. */
export const documentOfScan = ({ focus }: Task): string | undefined =>
  /(?:^|\/)DocumentReference\/([\w.-]+)$/.exec(focus?.reference ?? '')?.[1];

/** The id of whose it is, once that is known. */
export const patientOfScan = ({ for: whose }: Task): string | undefined =>
  /(?:^|\/)Patient\/([\w.-]+)$/.exec(whose?.reference ?? '')?.[1];

/** Of Tasks of scans that wait for somebody, the oldest first. */
export const WAITING_SCANS = { 'status:not': OVER, _sort: 'authored-on' } as const;

const FINDINGS = 'urn:chartroom:data-quality';

/** What was noticed when it came in, in words, with the page that it is about. */
export const findingsIn = ({ input = [] }: Task): readonly { readonly text: string; readonly page?: number }[] =>
  input.flatMap(({ type, valuePositiveInt }) => {
    const found = type.coding?.find(({ system }) => system === FINDINGS);
    const text = found?.display ?? found?.code;
    return text === undefined ? [] : [{ text, ...(valuePositiveInt === undefined ? {} : { page: valuePositiveInt }) }];
  });
