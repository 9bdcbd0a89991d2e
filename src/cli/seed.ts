/** `chartroom seed`, and the demo data of a first start: seed/ goes through the same door as everything else. */
import { FhirError } from '../fhir/error.js';
import { MAX_DEPTH, parseJson } from '../fhir/json/json.js';
import { SYSTEM } from '../identity/principal.js';
import type { Caller, Engine } from '../interactions/engine.js';
import type { Interaction } from '../interactions/interaction.js';
import { perform } from '../interactions/perform.js';
import { newId } from '../platform/ids.js';
import type { Where } from '../search/query.js';
import { DEMO_FOLDER, type DemoItem, readDemoData } from './demo-data.js';
import type { Invocation } from './invocation.js';

/** Writes under way at once, so that the store can group them. */
const PARALLEL = 32;

export async function seed({ open }: Invocation): Promise<number> {
  const engine = await open();
  try {
    if (!(await takesDemo(engine)))
      throw new FhirError('conflict', 'The store holds resources already: demo data goes into an empty one only.');
    process.stdout.write(`Loaded ${await loadDemo(engine)} demo resources.\n`);
    return 0;
  } finally {
    await engine.store.close();
  }
}

/** Whether nobody has asked for anything yet: users and applications may have been made, which the audit trail has. */
export async function isUntouched({ kept, store }: Engine): Promise<boolean> {
  if ((await kept.sizes()).size > 0) return false;
  const where: Where = { kind: 'param', code: 'type', test: { kind: 'token', any: [{ code: 'rest' }] } };
  return (await store.find({ types: ['AuditEvent'], where, sort: [], limit: 1 })).rows.length === 0;
}

/**
 * The record that stands in the embedded store while demo data is loaded: a load that was broken off is gone on with. One process alone has that
 * store; a database may be served by others meanwhile, whose writes would be mixed with the rest of a load.
 */
const BEGUN = { kind: 'demo-data', id: 'begun' } as const;

const isOfOneProcess = ({ name }: Engine['store']): boolean => name === 'embedded';

/** Whether demo data may go into the store: nobody has asked for anything yet, or a load into the embedded one was broken off and nothing was served since. */
export async function takesDemo(engine: Engine): Promise<boolean> {
  if (await isUntouched(engine)) return true;
  return isOfOneProcess(engine.store) && (await engine.store.records.get(BEGUN.kind, BEGUN.id)) !== undefined;
}

/** Before anything is served: what others write from now on is not to be mixed with the rest of a load that was broken off. */
export async function endDemo({ store }: Engine): Promise<void> {
  if (isOfOneProcess(store)) await store.records.take(BEGUN.kind, BEGUN.id);
}

/**
 * `parallel`: writes under way at once. Returns how many resources were loaded; those that a load before has written stay as they are.
 */
export async function loadDemo(engine: Engine, parallel = PARALLEL): Promise<number> {
  if (isOfOneProcess(engine.store)) await engine.store.records.put({ ...BEGUN, value: '' });
  const context = systemContext(engine, 'demo data');
  let loaded = 0;
  const under = new Set<Promise<unknown>>();
  // Kept, because nobody may be waiting for the one that met it.
  let fatal: { readonly error: unknown } | undefined;
  for await (const item of readDemoData(DEMO_FOLDER)) {
    // A document is held against its bytes and what it replaces, which must be there.
    if (isDocument(item)) await Promise.all(under);
    const one = perform(context, interactionOf(item))
      .catch((error: unknown) => void (fatal ??= { error }))
      .finally(() => under.delete(one));
    under.add(one);
    loaded++;
    if (isDocument(item)) await one;
    else if (under.size >= parallel) await Promise.race(under);
    if (fatal) break;
  }
  await Promise.all(under);
  if (fatal) throw fatal.error;
  await endDemo(engine);
  return loaded;
}

const isDocument = (item: DemoItem): boolean =>
  'resource' in item && item.resource.resourceType === 'DocumentReference';

function interactionOf(item: DemoItem): Interaction {
  if ('resource' in item) {
    const body = parseJson(Buffer.from(JSON.stringify(item.resource)), { maxDepth: MAX_DEPTH });
    const { resourceType, id } = body.resource;
    return { kind: 'update', type: resourceType, id: typeof id === 'string' ? id : '', body };
  }
  const { id, contentType, bytes, securityContext } = item.binary;
  return {
    kind: 'update',
    type: 'Binary',
    id,
    body: {
      contentType,
      save: blobs => blobs.put(bytes),
      ...(securityContext === undefined ? {} : { securityContext }),
    },
  };
}

/** The context of work that nobody asked for over HTTP. */
export function systemContext(engine: Engine, reason: string): Caller {
  return { engine, principal: SYSTEM, requestId: newId(engine.clock.now()), address: '127.0.0.1', request: reason };
}
