/**
 * What is seen where something else is: the text of a scan where the scan is (machine-texts.ts), what is told of documents where they are (documents-told.ts).
 * No query says which that is, so that rows are looked at.
 */
import { any, NO_RESOURCE, type Where } from '../search/query.js';
import { withIds } from '../search/separate.js';
import type { StoreReads, Version } from '../store/store.js';
import {
  DOCUMENT_TYPE,
  DocumentsTold,
  mayTellOfDocuments,
  TASK_TYPE,
  tellingAmong,
  tellsOfDocuments,
} from './documents-told.js';
import { hasMachineTexts, MACHINE_TEXTS, mayBeMachineText, scanOfVersion, TEXTS_OF } from './machine-texts.js';

/** The view that asks. */
export interface RestingGround {
  readonly store: Pick<StoreReads, 'read' | 'count' | 'find'>;
  readonly bases: readonly string[];
  /** Whether elements may be hidden. */
  readonly masks: boolean;
  /** Whether documents may be. */
  hidesDocuments(): boolean;
  /** Those of some documents that are seen, and are not deleted. */
  findDocuments(ids: readonly string[]): Promise<readonly string[]>;
  /** Whether the newest version of a resource is seen. */
  isVisible(row: Version): Promise<boolean>;
  /** Whether all elements of it are. */
  isWhole(row: Version): boolean;
}

export class RestsOnOthers {
  readonly #ground: RestingGround;
  readonly #told: DocumentsTold;

  constructor(ground: RestingGround) {
    const { bases, store } = ground;
    this.#ground = ground;
    this.#told = new DocumentsTold({
      bases,
      tasks: async ids => {
        const { rows } = await store.find({ types: [TASK_TYPE], where: withIds(ids), sort: [], limit: ids.length });
        return rows;
      },
      find: ids => ground.findDocuments(ids),
      sees: async id => {
        const document = await store.read(DOCUMENT_TYPE, id);
        return !document || ground.isVisible(document);
      },
    });
  }

  /** Whether there may be texts of scans among these types that are hidden with their scans. */
  hidesTexts(types: readonly string[]): boolean {
    return types.includes(TEXTS_OF) && (this.#ground.masks || this.#ground.hidesDocuments());
  }

  /** Whether something of these types may be hidden because it tells of hidden documents. */
  hidesTold(types: readonly string[]): boolean {
    return types.some(tellsOfDocuments) && this.#ground.hidesDocuments();
  }

  /** Whether one of them may. */
  hidesSome(types: readonly string[]): boolean {
    return this.hidesTexts(types) || this.hidesTold(types);
  }

  /** The same, as far as texts tell. */
  mayHide(types: readonly string[], text: Buffer | string): boolean {
    return (this.hidesTexts(types) && mayBeMachineText(text)) || (this.hidesTold(types) && mayTellOfDocuments(text));
  }

  /** Those of some types that must be looked at. */
  async lookedAt(types: readonly string[]): Promise<Where> {
    const hidesTexts = this.hidesTexts(types) && (await hasMachineTexts(this.#ground.store));
    const hidesTold = this.hidesTold(types);
    if (!hidesTexts && !hidesTold) return NO_RESOURCE;
    return any(...(hidesTexts ? [MACHINE_TEXTS] : []), ...(hidesTold ? [tellingAmong(types)] : []));
  }

  /** Looks for all together that rows rest on. */
  async lookFor(rows: readonly Version[]): Promise<void> {
    const telling = rows.filter(({ type }) => this.hidesTold([type]));
    if (telling.length > 0) await this.#told.lookFor(telling);
  }

  /** Whether all is seen that a row rests on. */
  async allows(row: Version): Promise<boolean> {
    if (this.hidesTold([row.type]) && !(await this.#told.seesAllOf(row))) return false;
    return !this.hidesTexts([row.type]) || this.#seesScanOf(row);
  }

  /** Whether all of the scan is seen whose text it is; true of what is none. */
  async #seesScanOf(row: Version): Promise<boolean> {
    const { bases, store } = this.#ground;
    const id = scanOfVersion(row, bases);
    if (id === undefined) return true;
    const scan = id === '' ? undefined : await store.read(TEXTS_OF, id);
    if (!scan || scanOfVersion(scan, bases) !== undefined) return false;
    return (await this.#ground.isVisible(scan)) && this.#ground.isWhole(scan);
  }
}
