/** Everything that is wrong with a submission, told together. */
import { FhirError, type Issue, issueOfKind } from '../../../fhir/error.js';
import { ERROR_SYSTEM, type MhdErrorCode } from './vocabulary.js';

/** Faults that are told: who has more has understood nothing yet. */
const MOST = 50;

export class SubmissionFaults {
  readonly #issues: Issue[] = [];
  readonly #root: string;

  /** `root`: what an expression begins with that is about no entry. */
  constructor(root = 'Bundle') {
    this.#root = root;
  }

  /** `detail`: our own name of the fault; `ihe`: that of XDS. `path`: below Bundle.entry[at]. */
  add(at: number | undefined, path: string, detail: string, ihe: MhdErrorCode, text: string): void {
    const entry = at === undefined ? this.#root : `Bundle.entry[${at}]`;
    const expression = path === '' ? entry : `${entry}.${path}`;
    const coding = { system: ERROR_SYSTEM, code: ihe };
    this.#issues.push(issueOfKind('unprocessable', { detail, coding, expression, text }));
  }

  /** Faults of one resource, found elsewhere: their expressions begin with its type. */
  take(at: number, issues: readonly Issue[], iheOf: (detail: string) => MhdErrorCode): void {
    for (const { expression = '', detail = '', text } of issues)
      this.add(at, expression.replace(/^[A-Z]\w*/, 'resource'), detail, iheOf(detail), text);
  }

  /** Throws `unprocessable` where there are some. */
  refuse(): void {
    if (this.#issues.length === 0) return;
    const left = this.#issues.length - MOST;
    const more = issueOfKind('unprocessable', { detail: 'more-faults', text: `There are ${left} more faults.` });
    const issues = left > 0 ? [...this.#issues.slice(0, MOST), more] : this.#issues;
    throw new FhirError('unprocessable', 'This breaks rules of IHE MHD.', { issues });
  }
}
