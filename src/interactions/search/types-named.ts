/** Which resource types an answer is of: `_type`, what the caller may not see, and the audit trail, which is passed over. */
import { scopesNeeded } from '../../access/scopes.js';
import { FhirError } from '../../fhir/error.js';
import { didYouMean } from '../../platform/nearest.js';
import type { Context, Engine } from '../engine.js';

/** Grows with every look, so that an answer which holds it would never be the same twice. */
export const TRAIL = 'AuditEvent';

/** Types that values of `_type` name, each once. Throws `invalid` for what is none, `forbidden` for one that may not be seen. */
export function typesNamed(
  { definitions }: Pick<Engine, 'definitions'>,
  values: readonly string[],
  view: Pick<Context['view'], 'shows'>,
  principal?: Context['principal'],
): readonly string[] {
  const named = values.flatMap(value => value.split(','));
  const unknown = named.find(name => !definitions.resourceTypes.includes(name));
  if (unknown !== undefined)
    throw new FhirError(
      'invalid',
      `_type must name R4 resource types, separated by commas.${didYouMean(unknown, definitions.resourceTypes)}`,
      { expression: 'http._type', detail: 'bad-parameter-value' },
    );
  // Leaving one out in silence would say that there is nothing of it.
  if (!named.every(name => view.shows(name)))
    throw new FhirError('forbidden', 'This role may not see all types that _type names.', {
      expression: 'http._type',
      scope: scopesNeeded(principal, named, 's'),
    });
  return [...new Set(named)];
}
