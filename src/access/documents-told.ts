/**
 * What is told of documents: what became of them (Provenance.target, and what they were made of, entity), what is to be done with them (Task.focus), what
 * was sent (Communication.payload, about); and what is told of such a Task. It is seen by whoever sees each of these documents. It says who wrote a document, when it
 * came in and whom it is about, and by the hash of its bytes somebody would find out that they are here; it has no labels of its own, and no Consent is
 * about it. The server writes most of it by itself. What others write of documents is held the same way. docs/access.md
 */
import { parseJson, STORED_JSON } from '../fhir/json/json.js';
import { parseReference } from '../fhir/reference.js';
import { isObject, itemsOf, type Json, type Resource } from '../fhir/resource.js';
import { ANY_RESOURCE, any, type Where } from '../search/query.js';
import type { Version } from '../store/store.js';

export const DOCUMENT_TYPE = 'DocumentReference';
export const TASK_TYPE = 'Task';

const valuesIn = (items: Json | undefined, name: string): readonly (Json | undefined)[] =>
  itemsOf(items).map(each => (isObject(each) ? each[name] : undefined));

/** Where they name documents, and Tasks. */
const TOLD: Readonly<Record<string, (resource: Resource) => readonly (Json | undefined)[]>> = {
  Provenance: ({ target, entity }) => [...itemsOf(target), ...valuesIn(entity, 'what')],
  Task: ({ focus }) => [focus],
  Communication: ({ about, payload }) => [...itemsOf(about), ...valuesIn(payload, 'contentReference')],
};

export const tellsOfDocuments = (type: string): boolean => Object.hasOwn(TOLD, type);

/** Those of some types that tell of documents. */
export function tellingAmong(types: readonly string[]): Where {
  if (types.every(tellsOfDocuments)) return ANY_RESOURCE;
  return any(...types.filter(tellsOfDocuments).map((type): Where => ({ kind: 'of', type, where: ANY_RESOURCE })));
}

/** Any character may be written as an escape. */
const IN_TEXT = [`${DOCUMENT_TYPE}/`, `${TASK_TYPE}/`, '\\u', '\\/'];

export const mayTellOfDocuments = (text: Buffer | string): boolean => IN_TEXT.some(each => text.includes(each));

/** Ids of what a version tells of: documents, and Tasks; a Task of documents alone. */
function toldBy({ type, text }: Version, bases: readonly string[]): { documents: string[]; tasks: string[] } {
  const told: ReturnType<typeof toldBy> = { documents: [], tasks: [] };
  const read = TOLD[type];
  if (!read || !text || !mayTellOfDocuments(text)) return told;
  for (const each of read(parseJson(text, STORED_JSON).resource)) {
    const reference = isObject(each) ? each['reference'] : undefined;
    const place = typeof reference === 'string' ? parseReference(reference, bases) : undefined;
    if (place?.kind !== 'local') continue;
    if (place.type === DOCUMENT_TYPE) told.documents.push(place.id);
    else if (place.type === TASK_TYPE && type !== TASK_TYPE) told.tasks.push(place.id);
  }
  return told;
}

/** What a view asks of documents. */
interface ToldGround {
  readonly bases: readonly string[];
  /** The newest versions of Tasks that are not deleted, whoever sees them. */
  tasks(ids: readonly string[]): Promise<readonly Version[]>;
  /** Those of some documents that are seen, and are not deleted. */
  find(ids: readonly string[]): Promise<readonly string[]>;
  /** Whether a document is seen, or is not there: what is not there hides nothing. */
  sees(id: string): Promise<boolean>;
}

/** Resources that are looked for in one query. */
const AT_ONCE = 200;

/** Which documents are seen of which something is told: each is looked for once. */
export class DocumentsTold {
  readonly #asked: ToldGround;
  readonly #seen = new Map<string, boolean>();
  /** Documents by Tasks. */
  readonly #ofTasks = new Map<string, readonly string[]>();

  constructor(asked: ToldGround) {
    this.#asked = asked;
  }

  /** Looks for all documents together of which rows tell. */
  async lookFor(rows: readonly Version[]): Promise<void> {
    const told = rows.map(row => toldBy(row, this.#asked.bases));
    await this.#lookForTasks(told.flatMap(({ tasks }) => tasks));
    const ids = told.flatMap(each => this.#documentsIn(each)).filter(id => !this.#seen.has(id));
    for (const some of inChunks(ids)) for (const id of await this.#asked.find(some)) this.#seen.set(id, true);
  }

  /** Whether all of the documents are seen of which a row tells. */
  async seesAllOf(row: Version): Promise<boolean> {
    const told = toldBy(row, this.#asked.bases);
    await this.#lookForTasks(told.tasks);
    for (const id of this.#documentsIn(told)) {
      let isSeen = this.#seen.get(id);
      if (isSeen === undefined) this.#seen.set(id, (isSeen = await this.#asked.sees(id)));
      if (!isSeen) return false;
    }
    return true;
  }

  /** Tasks that are not there tell of nothing. */
  async #lookForTasks(ids: readonly string[]): Promise<void> {
    for (const some of inChunks(ids.filter(id => !this.#ofTasks.has(id)))) {
      for (const id of some) this.#ofTasks.set(id, []);
      for (const task of await this.#asked.tasks(some))
        this.#ofTasks.set(task.id, toldBy(task, this.#asked.bases).documents);
    }
  }

  #documentsIn({ documents, tasks }: ReturnType<typeof toldBy>): readonly string[] {
    return [...documents, ...tasks.flatMap(id => this.#ofTasks.get(id) ?? [])];
  }
}

/** Each once. */
function* inChunks(ids: readonly string[]): Generator<readonly string[]> {
  const distinct = [...new Set(ids)];
  for (let at = 0; at < distinct.length; at += AT_ONCE) yield distinct.slice(at, at + AT_ONCE);
}
