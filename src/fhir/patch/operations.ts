/** What reading the operations of a patch has in common, whatever form they have. */
import { FhirError } from '../error.js';
import type { Node } from '../json/document.js';

/** Operations of one patch. */
const MAX_OPERATIONS = 1000;

export const malformedPatch = (why: string) => new FhirError('invalid', why, { detail: 'patch-malformed' });

/** The operations, before any of them is read. Throws `invalid` with `otherwise` for what is no array, `too-costly` for too many. */
export function operationsIn(list: Node | undefined, otherwise: string): readonly Node[] {
  if (!Array.isArray(list)) throw malformedPatch(otherwise);
  if (list.length > MAX_OPERATIONS)
    throw new FhirError('too-costly', `A patch may have ${MAX_OPERATIONS} operations: send fewer.`);
  return list;
}

/** The same error, saying which operation it is about. */
export function placed(error: unknown, operation: string, expression?: string): unknown {
  const [issue] = error instanceof FhirError ? error.issues : [];
  if (!(error instanceof FhirError) || !issue) return error;
  return new FhirError(error.kind, `${operation}: ${issue.text}`, {
    ...(issue.detail === undefined ? {} : { detail: issue.detail }),
    ...(expression === undefined ? {} : { expression }),
  });
}
