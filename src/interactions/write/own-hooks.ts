/** What writing a resource of some types means to the server itself; features come after it (hooks.ts). */
import { isMeasureOfBytes } from '../../access/binaries.js';
import type { Consents } from '../../access/consents.js';
import { withHighestOfEntries } from '../../access/labels.js';
import type { Reindexer } from '../../conformance/reindex-job.js';
import { checkParameter, type Registry } from '../../conformance/search-parameter-registry.js';
import { FhirError } from '../../fhir/error.js';
import { isMediaType } from '../../fhir/media-type.js';
import { parseReference } from '../../fhir/reference.js';
import { isObject, type Resource } from '../../fhir/resource.js';
import type { LiveTables } from '../../live/live-tables.js';
import type { Change } from '../../store/store.js';
import { glassReviewHook } from './glass-review.js';
import type { Hook, OwnedHook } from './hooks.js';
import { checkSource, markReceived } from './received.js';

/** What indexes stored resources by custom search parameters, and tells every process of them; and Consents in force. */
export interface CustomIndexing {
  readonly live: LiveTables;
  readonly registry: Registry;
  readonly reindexer: Reindexer;
  readonly consents: Consents;
}

/** The hooks of the server itself. `bases`: addresses under which it is reached. They wait as long as the store lets them. */
export function ownHooks(
  { live, registry, reindexer, consents }: CustomIndexing,
  bases: readonly string[],
): readonly OwnedHook[] {
  const hooks: readonly Hook[] = [
    ...[...live.types].map(([type, tables]) => tellTables(live, type, tables)),
    {
      types: ['AuditEvent'],
      check: ({ resource }) => resource && checkSource(resource, bases),
      meta: (meta, _, by) => markReceived(meta, by),
    },
    glassReviewHook,
    { types: ['Consent'], check: ({ resource, id }) => resource && checkConsent(consents, resource, id) },
    { types: ['Bundle'], meta: withHighestOfEntries },
    { types: ['Binary'], check: ({ resource }) => resource && checkBinary(resource, bases) },
    {
      types: ['SearchParameter'],
      check: async ({ resource, id }) => resource && checkParameter(registry, resource, id),
      committed: () => reindexer.changed(),
    },
  ];
  return hooks.map(hook => ({ owner: 'chartroom', hook: { patience: Infinity, ...hook } }));
}

/** What changes of this type goes to the tables that are made of it. */
const tellTables = (live: LiveTables, type: string, tables: readonly string[]): Hook => ({
  types: [type],
  messages: changes => tables.flatMap(table => live.messages(table, idsIn(changes))),
  async committed(changes) {
    for (const table of tables) await live.committed(table, idsIn(changes));
  },
});
const idsIn = (changes: readonly Change[]): readonly string[] => changes.map(({ id }) => id);

/** It must be understood, as it is in force at once. Throws `unprocessable`. */
function checkConsent(consents: Consents, resource: Resource, id: string): void {
  const { faults } = consents.read(resource, id);
  if (faults.length > 0)
    throw new FhirError(
      'unprocessable',
      'An active Consent about privacy is enforced here, and this one cannot be: say it otherwise, or give it another status.',
      {
        issues: faults.map(({ expression, text }) => ({
          severity: 'error',
          code: 'not-supported',
          expression,
          text: `${text[0]!.toUpperCase()}${text.slice(1)}.`,
          detail: 'consent-not-understood',
        })),
      },
    );
}

/**
 * The bytes are given out under its type, in a header; who may read what its securityContext names may read them. Throws `invalid`,
 * `unprocessable`.
 */
function checkBinary({ contentType, securityContext }: Resource, bases: readonly string[]): void {
  if (typeof contentType === 'string' && !isMediaType(contentType))
    throw new FhirError('invalid', 'Binary.contentType must be a media type, as in application/pdf.', {
      expression: 'Binary.contentType',
      detail: 'bad-media-type',
    });
  const reference = isObject(securityContext) ? securityContext['reference'] : undefined;
  const target = typeof reference === 'string' ? parseReference(reference, bases) : undefined;
  if (target?.kind === 'local' && !isMeasureOfBytes(target.type))
    throw new FhirError('unprocessable', `${target.type} does not tell who may read bytes: name what they belong to.`, {
      expression: 'Binary.securityContext',
      detail: 'bad-security-context',
    });
}
