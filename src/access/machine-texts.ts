/**
 * Who may see the text that a machine has read from a scan: whoever sees the scan, and all of it. Whatever a Consent, a role or a label hides of
 * the scan (its date, its author, that it is this one), its words are hidden with it. The text is not asked about itself alone: it says less than its
 * scan does, so that a condition might hold of one and not of the other. docs/records-desk.md
 */
import { isMachineText, MACHINE_TEXT_TAGS, scanOfText, TEXT_CODE } from '../fhir/content/machine-read.js';
import { parseJson, STORED_JSON } from '../fhir/json/json.js';
import type { Where } from '../search/query.js';
import type { StoreReads, Version } from '../store/store.js';

export const TEXTS_OF = 'DocumentReference';

/** All machine-read texts. */
export const MACHINE_TEXTS: Where = {
  kind: 'param',
  code: '_tag',
  test: { kind: 'token', any: [{ system: MACHINE_TEXT_TAGS, code: TEXT_CODE }] },
};

export const WITHOUT_MACHINE_TEXTS: Where = { kind: 'not', of: MACHINE_TEXTS };

/** Whether there may be one among these texts: the server alone writes them, so that the tag stands in them as it is. */
export const mayBeMachineText = (text: Buffer | string): boolean => text.includes(MACHINE_TEXT_TAGS);

/** The id of the scan whose text a version is, '' for one that names none; undefined: it is no such text. */
export function scanOfVersion({ type, text }: Version, bases: readonly string[]): string | undefined {
  if (type !== TEXTS_OF || !text || !mayBeMachineText(text)) return undefined;
  const { resource } = parseJson(text, STORED_JSON);
  return isMachineText(resource) ? (scanOfText(resource, bases) ?? '') : undefined;
}

/** ms that a store without such texts is taken to have none; once there was one, there are. */
const KNOWN_FOR = 1000;

const known = new WeakMap<object, number>();

/** One is written here. */
export const noteMachineText = (store: object): void => void known.set(store, Infinity);

/** Whether a store has such texts. */
export async function hasMachineTexts(store: Pick<StoreReads, 'count'>): Promise<boolean> {
  const until = known.get(store) ?? -Infinity;
  if (until === Infinity) return true;
  const now = performance.now();
  if (now < until) return false;
  const has = (await store.count({ types: [TEXTS_OF], where: MACHINE_TEXTS }, 1)).count > 0;
  if (known.get(store) !== Infinity) known.set(store, has ? Infinity : now + KNOWN_FOR);
  return has;
}
