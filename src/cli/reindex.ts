/** `chartroom reindex`: extracts every resource's index entries and words anew, in the store's own order, beside readers and writers. */
import { asFhirError, FhirError } from '../fhir/error.js';
import type { Engine } from '../interactions/engine.js';
import { indexStored } from '../search/index-resource.js';
import type { Renewed } from '../store/store.js';
import type { Invocation } from './invocation.js';
import { showProgress } from './progress.js';

const BATCH = 500;

export async function reindex({ open, options, progress }: Invocation): Promise<number> {
  const engine = await open();
  try {
    const type = options['type'];
    if (typeof type === 'string' && !engine.definitions.resourceTypes.includes(type))
      throw new FhirError('invalid', '--type must name an R4 resource type.');
    const sizes = await engine.kept.sizes();
    const whole = typeof type === 'string' ? (sizes.get(type) ?? 0) : [...sizes.values()].reduce((a, b) => a + b, 0);
    const reached = { done: 0 };
    const hide = showProgress(
      () => ({ share: reached.done / Math.max(whole, 1), count: reached.done, what: 'resources' }),
      progress,
    );
    await reindexAll(engine, typeof type === 'string' ? { type } : {}, reached).finally(hide);
    if (type === undefined) {
      await engine.store.markReindexed();
      // Beside servers on the same database their own job goes on.
      await engine.reindexer.allDone().catch((error: unknown) => {
        if (asFhirError(error).kind !== 'unavailable') throw error;
      });
    }
    process.stdout.write(`Indexed ${reached.done} resources anew.\n`);
    return 0;
  } finally {
    await engine.store.close();
  }
}

/** Counts the resources that were indexed; one that changes meanwhile is indexed by its own write. */
async function reindexAll(engine: Engine, scope: { readonly type?: string }, reached: { done: number }): Promise<void> {
  const { store, kept } = engine;
  let batch: Renewed[] = [];
  for await (const { row } of kept.scan(scope)) {
    batch.push(indexStored(engine, row));
    if (batch.length < BATCH) continue;
    reached.done += await store.reindex(batch);
    batch = [];
  }
  reached.done += await store.reindex(batch);
}
