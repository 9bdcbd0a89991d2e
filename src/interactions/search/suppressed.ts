/**
 * That a broken glass would show more, where the settings let it be told: https://hl7.org/fhir/R4/security.html#AccessDenied. Only those are told who may
 * break it, of a search that names one patient and asks for nothing else, and only that there is something: neither what, nor how much.
 */
import { mayBreakGlass } from '../../access/glasses.js';
import { createView } from '../../access/view.js';
import type { Issue } from '../../fhir/error.js';
import type { Where } from '../../search/query.js';
import type { Separated } from '../../search/separate.js';
import type { Context } from '../engine.js';
import { settledPermission } from '../reach.js';

const SUPPRESSED: Issue = {
  severity: 'information',
  code: 'suppressed',
  text: 'Additional information may be available using the Break-The-Glass Protocol.',
  detail: 'suppressed',
  coding: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason', code: 'ETREAT' },
};

/** Whether a condition says whose something is, and nothing else. */
function namesAlone(where: Where): boolean {
  switch (where.kind) {
    case 'all':
    case 'any':
      return where.of.every(namesAlone);
    case 'of':
      return namesAlone(where.where);
    case 'param':
      return (
        where.test.kind === 'reference' &&
        where.test.to.kind === 'local' &&
        (where.test.to.type ?? 'Patient') === 'Patient'
      );
    default:
      return false;
  }
}

/** `patients`: whom the search names. What a store does not answer by itself is not told of. */
export async function suppressedIssues(
  context: Context,
  { types, where, rest }: Separated & { readonly types: readonly string[] },
  patients: readonly string[],
): Promise<readonly Issue[]> {
  const { engine, principal, permission, view } = context;
  const [patient, ...others] = new Set(patients);
  if (engine.settings.suppressed !== 'tell' || rest || patient === undefined || others.length > 0) return [];
  // What has a code or a date is what it is: whoever asked for one would learn whether it is there.
  if (!namesAlone(where)) return [];
  if (principal.glass !== undefined || !mayBreakGlass(principal, permission)) return [];
  const decision = engine.decide(
    { ...principal, glass: patient },
    { type: types.length === 1 ? types[0] : undefined, needs: 's' },
  );
  if (!decision.allow) return [];
  const { reach, masks } = await settledPermission(context, decision.permission);
  const through = createView(engine, reach.s, masks);
  const [seen, more] = await Promise.all([view, through].map(each => each.count({ types, where })));
  return more!.count > seen!.count ? [SUPPRESSED] : [];
}
