/**
 * The text of a scan goes with the bytes that it was read from, where these are written beside the document (a Binary that is purged, put anew behind that, or put
 * into the place of bytes of a retracted scan): nobody finds words that stand on no page. Other bytes of a scan that is in force are refused elsewhere (`binary-in-use`).
 */
import { scanOfText } from '../../../fhir/content/machine-read.js';
import { parseJson, STORED_JSON } from '../../../fhir/json/json.js';
import type { Companion } from '../../../interactions/interaction.js';
import { type FeatureHook, type HookedWrite, isPurge } from '../../../interactions/write/hooks.js';
import { textIdOf } from './machine-text.js';

/** Documents that name one Binary. */
const MOST_NAMING = 100;

export const replacedBytesHook = (bases: readonly string[]): FeatureHook => ({
  types: ['Binary'],
  async prepare(write) {
    // What gets an id of the server's own has bytes of nothing that was read; what goes with a document goes with its text, too.
    if (write.interaction === 'create' || write.agent !== undefined) return undefined;
    const naming = await write.find('DocumentReference', [['attachment', `Binary/${write.id}`]], MOST_NAMING);
    const companions: Companion[] = [];
    for (const { id, text } of naming) {
      if (!text || write.beside('DocumentReference', id)) continue;
      const { status } = parseJson(text, STORED_JSON).resource;
      const isKept = write.before?.text !== undefined && !isPurge(write) && status !== 'entered-in-error';
      const companion = isKept ? undefined : await withOtherBytes(bases, write, id);
      if (companion) companions.push(companion);
    }
    return companions.length > 0 ? { companions } : undefined;
  },
});

/** What becomes of the text of a scan. */
async function withOtherBytes(
  bases: readonly string[],
  write: HookedWrite,
  scan: string,
): Promise<Companion | undefined> {
  const address = { type: 'DocumentReference', id: textIdOf(scan) } as const;
  const row = await write.whole(address.type, address.id);
  const isText = row?.text !== undefined && scanOfText(parseJson(row.text, STORED_JSON).resource, bases) === scan;
  if (!isText || write.beside(address.type, address.id)) return undefined;
  if (!isPurge(write)) return { ...address, kind: 'delete' };
  return { ...address, kind: 'operation', operation: 'purge', own: true, safe: false, parameters: [], lenient: false };
}
