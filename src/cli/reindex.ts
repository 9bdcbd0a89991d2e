/** `chartroom reindex`: extracts every resource's index entries and words anew, in the store's own order, beside readers and writers. */
import { asFhirError, FhirError } from '../fhir/error.js';
import type { Engine } from '../interactions/interaction.js';
import { indexAnew } from '../interactions/prepare.js';
import type { Renewed } from '../store/store.js';
import type { Invocation } from './invocation.js';

const BATCH = 500;

export async function reindex({ open, options }: Invocation): Promise<number> {
  const engine = await open();
  try {
    const type = options['type'];
    if (typeof type === 'string' && !engine.definitions.resourceTypes.includes(type))
      throw new FhirError('invalid', '--type must name an R4 resource type.');
    const done = await reindexAll(engine, typeof type === 'string' ? { type } : {});
    if (type === undefined) {
      await engine.store.markReindexed();
      // Beside servers on the same database their own job goes on.
      await engine.reindexer.allDone().catch((error: unknown) => {
        if (asFhirError(error).kind !== 'unavailable') throw error;
      });
    }
    process.stdout.write(`Indexed ${done} resources anew.\n`);
    return 0;
  } finally {
    await engine.store.close();
  }
}

/** Returns how many resources were indexed; one that changes meanwhile is indexed by its own write. */
async function reindexAll(engine: Engine, scope: { readonly type?: string }): Promise<number> {
  const { store } = engine;
  let batch: Renewed[] = [];
  let done = 0;
  for await (const { row } of store.scan(scope)) {
    batch.push(indexAnew(engine, row));
    if (batch.length < BATCH) continue;
    done += await store.reindex(batch);
    batch = [];
  }
  return done + (await store.reindex(batch));
}
