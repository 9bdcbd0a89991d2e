/**
 * What writing a resource of some type means to the server itself, beyond keeping it: one table, type → hook.
 */
import { asFhirError, FhirError } from '../../fhir/error.js';
import { isMediaType } from '../../fhir/media-type.js';
import type { Json, JsonObject, Resource } from '../../fhir/resource.js';
import type { Change, Message } from '../../store/store.js';
import type { Engine } from '../engine.js';
import { checkSource, markReceived } from './received.js';
import { checkParameter, SLOW_MS } from '../../conformance/search-parameter-registry.js';

interface Hook {
  /** Before it is stored, and after it was found to be valid R4. Throws FhirError. */
  check?(engine: Engine, resource: Resource, id: string): Promise<void>;
  /** What meta says beside version and time, instead of what the client sends. */
  meta?(meta: Json | undefined): JsonObject;
  /** Messages that are committed with the changes. */
  messages?(engine: Engine, changes: readonly Change[]): readonly Message[];
  /** When the changes are durable. Must not reject: nobody could take the write back. */
  committed?(engine: Engine, changes: readonly Change[]): Promise<void>;
}

const HOOKS: ReadonlyMap<string, Hook> = new Map<string, Hook>([
  [
    'AuditEvent',
    {
      check: async ({ settings }, resource) => checkSource(resource, settings.bases),
      meta: markReceived,
    },
  ],
  ['Binary', { check: async (_engine, resource) => checkContentType(resource) }],
  [
    'SearchParameter',
    {
      check: ({ registry }, resource, id) => checkParameter(registry, resource, id),
      messages: ({ registry }, changes) => registry.messages(changes),
      async committed({ registry, reindexer }, changes) {
        await registry.committed(changes);
        await reindexer.changed();
      },
    },
  ],
]);

/** The bytes are given out under this type, in a header. Throws `invalid`. */
function checkContentType({ contentType }: Resource): void {
  if (typeof contentType === 'string' && !isMediaType(contentType))
    throw new FhirError('invalid', 'Binary.contentType must be a media type, as in application/pdf.', {
      expression: 'Binary.contentType',
      detail: 'bad-media-type',
    });
}

export const check = async (engine: Engine, type: string, resource: Resource, id: string): Promise<void> =>
  HOOKS.get(type)?.check?.(engine, resource, id);

export const metaOf = (type: string, meta: Json | undefined): Json | undefined => HOOKS.get(type)?.meta?.(meta) ?? meta;

export function messagesOf(engine: Engine, changes: readonly Change[]): readonly Message[] {
  return byType(changes).flatMap(([hook, ofType]) => hook.messages?.(engine, ofType) ?? []);
}

/** `generation`: of the search parameters by which the changes were indexed; `since`: performance.now() at that time. */
export async function committed(
  engine: Engine,
  changes: readonly Change[],
  { generation, since }: { readonly generation: number; readonly since: number },
): Promise<void> {
  try {
    if (performance.now() - since > SLOW_MS) await engine.registry.current();
    // A parameter came into force between extraction and commit, and its reindex job may have passed already.
    if (engine.parameters.generation !== generation) await engine.reindexer.renew(changes);
  } catch (error) {
    engine.log.warn({ kind: asFhirError(error).kind }, 'A change could not be indexed by a new search parameter');
  }
  for (const [hook, ofType] of byType(changes)) await hook.committed?.(engine, ofType);
}

function byType(changes: readonly Change[]): [Hook, Change[]][] {
  const found = new Map<Hook, Change[]>();
  for (const change of changes) {
    const hook = HOOKS.get(change.type);
    if (hook) found.set(hook, [...(found.get(hook) ?? []), change]);
  }
  return [...found];
}
