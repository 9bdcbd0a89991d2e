/** What writing a resource of some types means to the server itself; features come after it (hooks.ts). */
import type { Reindexer } from '../../conformance/reindex-job.js';
import { checkParameter, type Registry } from '../../conformance/search-parameter-registry.js';
import { FhirError } from '../../fhir/error.js';
import { isMediaType } from '../../fhir/media-type.js';
import type { Resource } from '../../fhir/resource.js';
import type { Hook, OwnedHook } from './hooks.js';
import { checkSource, markReceived } from './received.js';

/** What indexes stored resources by custom search parameters. */
export interface CustomIndexing {
  readonly registry: Registry;
  readonly reindexer: Reindexer;
}

/** The hooks of the server itself. `bases`: addresses under which it is reached. They wait as long as the store lets them. */
export function ownHooks({ registry, reindexer }: CustomIndexing, bases: readonly string[]): readonly OwnedHook[] {
  const hooks: readonly Hook[] = [
    { types: ['AuditEvent'], check: ({ resource }) => resource && checkSource(resource, bases), meta: markReceived },
    { types: ['Binary'], check: ({ resource }) => resource && checkContentType(resource) },
    {
      types: ['SearchParameter'],
      check: async ({ resource, id }) => resource && checkParameter(registry, resource, id),
      messages: changes => registry.messages(changes),
      async committed(changes) {
        await registry.committed(changes);
        await reindexer.changed();
      },
    },
  ];
  return hooks.map(hook => ({ owner: 'chartroom', hook: { patience: Infinity, ...hook } }));
}

/** The bytes are given out under this type, in a header. Throws `invalid`. */
function checkContentType({ contentType }: Resource): void {
  if (typeof contentType === 'string' && !isMediaType(contentType))
    throw new FhirError('invalid', 'Binary.contentType must be a media type, as in application/pdf.', {
      expression: 'Binary.contentType',
      detail: 'bad-media-type',
    });
}
