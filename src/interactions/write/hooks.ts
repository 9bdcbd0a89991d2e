/**
 * What writing a resource of some type means to the server itself, beyond keeping it: one table, type → hook, composed for an
 * engine by main.ts, so that features can add to it.
 */
import type { Reindexer } from '../../conformance/reindex-job.js';
import { asFhirError, FhirError } from '../../fhir/error.js';
import { isMediaType } from '../../fhir/media-type.js';
import type { Json, JsonObject, Resource } from '../../fhir/resource.js';
import type { Log } from '../../platform/log.js';
import type { SearchParameters } from '../../search/parameters.js';
import type { Change, OutboxMessage } from '../../store/store.js';
import { checkSource, markReceived } from './received.js';
import { checkParameter, type Registry, SLOW_MS } from '../../conformance/search-parameter-registry.js';

export interface Hook {
  /** Before it is stored, and after it was found to be valid R4. Throws FhirError. */
  check?(resource: Resource, id: string): Promise<void>;
  /** What meta says beside version and time, instead of what the client sends. */
  meta?(meta: Json | undefined): JsonObject;
  /** Messages that are committed with the changes. */
  messages?(changes: readonly Change[]): readonly OutboxMessage[];
  /** When the changes are durable. Must not reject: nobody could take the write back. */
  committed?(changes: readonly Change[]): Promise<void>;
}

/** By resource type. */
export type Hooks = ReadonlyMap<string, Hook>;

/** What indexes stored resources by custom search parameters. */
interface CustomIndexing {
  readonly registry: Registry;
  readonly reindexer: Reindexer;
}

/** The hooks of the server itself. `bases`: addresses under which it is reached. */
export const createHooks = ({ registry, reindexer }: CustomIndexing, bases: readonly string[]): Hooks =>
  new Map<string, Hook>([
    ['AuditEvent', { check: async resource => checkSource(resource, bases), meta: markReceived }],
    ['Binary', { check: async resource => checkContentType(resource) }],
    [
      'SearchParameter',
      {
        check: (resource, id) => checkParameter(registry, resource, id),
        messages: changes => registry.messages(changes),
        async committed(changes) {
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

export function messagesOf(hooks: Hooks, changes: readonly Change[]): readonly OutboxMessage[] {
  return byHook(hooks, changes).flatMap(([hook, ofType]) => hook.messages?.(ofType) ?? []);
}

/**
 * Tells hooks that changes are durable, and indexes the changes by search parameters that came into force meanwhile.
 * `generation`: of the search parameters by which the changes were indexed; `since`: performance.now() at that time.
 */
export async function afterCommit(
  engine: CustomIndexing & { readonly hooks: Hooks; readonly parameters: SearchParameters; readonly log: Log },
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
  for (const [hook, ofType] of byHook(engine.hooks, changes)) await hook.committed?.(ofType);
}

function byHook(hooks: Hooks, changes: readonly Change[]): [Hook, Change[]][] {
  const found = new Map<Hook, Change[]>();
  for (const change of changes) {
    const hook = hooks.get(change.type);
    if (hook) found.set(hook, [...(found.get(hook) ?? []), change]);
  }
  return [...found];
}
