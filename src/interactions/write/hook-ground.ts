/** What hooks may ask of what there is (hooks.ts): of the store as the principal sees it, and of what the same transaction writes. */
import { UNRESTRICTED } from '../../access/permission.js';
import { createView } from '../../access/view.js';
import type { Version } from '../../store/store.js';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import type { Resource } from '../../fhir/resource.js';
import type { Context, Engine } from '../engine.js';
import type { Interaction, Parameters } from '../interaction.js';
import { allowanceOf } from '../response/allowance.js';
import { openBlob } from '../response/text.js';
import { noteBytesRead } from './bytes-in-use.js';
import { findSought, readCriteria } from './conditional.js';
import type { HeldBinary, HookGround } from './hooks.js';

export const hookGround = (context: Context): HookGround => ({
  view: context.view,
  whole: (type, id) => createView(context.engine, UNRESTRICTED, undefined).read(type, id),
  find: (type, criteria, limit) => findAmong(context, type, criteria, limit),
  findWhole: (type, criteria, limit) => {
    const whole = { ...context, view: createView(context.engine, UNRESTRICTED, undefined) };
    return findAmong(whole, type, criteria, limit);
  },
  binary: id => binaryOf(context, id),
  room: bytes => allowanceOf(context).admit(bytes),
  commit: context.stamp,
  requestId: context.requestId,
  address: context.address,
});

const findAmong = async (
  context: Context,
  type: string,
  criteria: Parameters,
  limit: number,
): Promise<readonly Version[]> => findSought(context, await readCriteria(context, type, criteria), limit);

async function binaryOf(context: Context, id: string): Promise<HeldBinary | undefined> {
  const ask = context.beside?.('Binary', id);
  if (ask) return heldBeside(ask);
  const row = await context.view.read('Binary', id);
  if (!row?.text) return undefined;
  noteBytesRead(context, row);
  return heldInStore(context.engine, row);
}

/** Nothing is opened before somebody reads. */
function heldInStore({ store }: Engine, { text, blobs = [] }: Version): HeldBinary {
  const { resource } = parseJson(text!, STORED_JSON);
  const [link] = blobs;
  if (!link) return heldIn(resource);
  const read = async function* (): AsyncGenerator<Buffer> {
    yield* (await openBlob(store, link.hash)).bytes;
  };
  return { contentType: contentTypeIn(resource), size: link.size, sha256: link.hash, bytes: read() };
}

/** What an entry of the same transaction is about to write: a deletion and a patch hold nothing. */
function heldBeside(ask: Interaction): HeldBinary | undefined {
  if ((ask.kind !== 'create' && ask.kind !== 'update') || !('resource' in ask.body)) return undefined;
  return heldIn(ask.body.resource);
}

function heldIn(binary: Resource): HeldBinary {
  const { data } = binary;
  const bytes = Buffer.from(typeof data === 'string' ? data : '', 'base64');
  return { contentType: contentTypeIn(binary), size: bytes.length, bytes: once(bytes) };
}

const contentTypeIn = ({ contentType }: Resource): string => (typeof contentType === 'string' ? contentType : '');

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}
