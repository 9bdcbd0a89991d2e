/**
 * What makes a value set or code system one that should not be relied on: it is withdrawn, deprecated or retired, or less settled than
 * what refers to it. https://hl7.org/fhir/R4/extension-structuredefinition-standards-status.html
 */
import { STANDARDS_STATUS } from './code-system.js';
import { extensionText, type ResourceHead } from './resources.js';

export type DoubtfulStatus = 'withdrawn' | 'deprecated' | 'retired' | 'experimental' | 'draft';

type Judged = Pick<ResourceHead, 'status' | 'experimental' | 'extension'>;

/** `from`: what refers to it. */
export function doubtfulStatus(head: Judged, from: Judged): DoubtfulStatus | undefined {
  const standards = extensionText(head.extension, STANDARDS_STATUS);
  if (standards === 'deprecated' || standards === 'withdrawn') return standards;
  if (head.status === 'retired') return 'retired';
  if (head.experimental === true && from.experimental !== true) return 'experimental';
  return isDraft(head) && !isDraft(from) ? 'draft' : undefined;
}

const isDraft = ({ status, extension }: Judged): boolean =>
  status === 'draft' || extensionText(extension, STANDARDS_STATUS) === 'draft';
