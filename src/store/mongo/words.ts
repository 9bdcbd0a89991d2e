/**
 * Full text in MongoDB: collection `word`, one document per resource that says anything. Its words stand once each in
 * `w`, those of the narrative behind a mark, all others as they are; one index over (type, word) serves both parameters.
 *
 * Of a query the index answers one conjunct, the one with the fewest keys; the others filter. What a set of words cannot
 * tell (phrases) is left out, and a query of negations alone gets every resource of the types: then the answer is not
 * `sure`. Why not a text index of MongoDB: docs/adr/0006-full-text.md.
 */
import { createHash } from 'node:crypto';
import type { AnyBulkWriteOperation, Document, Filter as MongoFilter } from 'mongodb';
import type { Words } from '../../search/query.js';
import { type Among, VALUE_BOUNDARY, type ResourceText, containsWords } from '../../search/words.js';
import { decodeId } from '../codec.js';
import type { TextMatches, WordQuery } from '../store.js';
import type { Connected } from './connection.js';
import { oneOrIn, type QueryFilter } from './filter.js';
import { INDEX, type ResourceDocument, typeCode, type WordDocument } from './schema.js';

/** Before a word of the narrative; no letter, and of no meaning in a regular expression. */
const NARRATIVE_MARK = '_';

/** Undefined: it says nothing. */
export function wordDocument(_id: string, t: string, resourceText: ResourceText | undefined): WordDocument | undefined {
  if (!resourceText || resourceText.content.length === 0) return undefined;
  const words = new Set<string>();
  for (const word of resourceText.text) words.add(NARRATIVE_MARK + word);
  for (let i = resourceText.text.length; i < resourceText.content.length; i++) words.add(resourceText.content[i]!);
  words.delete(VALUE_BOUNDARY);
  words.delete(NARRATIVE_MARK + VALUE_BOUNDARY);
  return { _id, t, w: [...words] };
}

/** Kept with the resource: an update that leaves the words as they are writes none. */
export const wordsHash = ({ w }: WordDocument): string =>
  createHash('sha256').update(w.join(' ')).digest('base64url').slice(0, 16);

/** What makes the collection say of a resource what `document` does. */
export function writeWords(
  _id: string,
  document: WordDocument | undefined,
  isNew: boolean,
): AnyBulkWriteOperation<WordDocument>[] {
  if (!document) return isNew ? [] : [{ deleteOne: { filter: { _id } } }];
  if (isNew) return [{ insertOne: { document } }];
  const { t, w } = document;
  return [{ replaceOne: { filter: { _id }, replacement: { t, w }, upsert: true } }];
}

type Key = string | RegExp;

const wordKeys = (word: string, starts: boolean, among: Among): Key[] =>
  (among === 'text' ? [NARRATIVE_MARK + word] : [word, NARRATIVE_MARK + word]).map(key =>
    starts ? new RegExp(`^${key}`) : key,
  );

/** Words that a resource must have one of, if the query is to hold. */
interface LeadingWords {
  readonly keys: readonly Key[];
  /** The query says no more than this. */
  readonly whole: boolean;
}

/** All leads that there are: every conjunct is one. Empty: the query holds where there are no words at all. */
function leadingWords(words: Words, among: Among, negative = false): LeadingWords[] {
  switch (words.kind) {
    case 'word':
      return negative ? [] : [{ keys: wordKeys(words.word, words.starts === true, among), whole: true }];
    case 'phrase':
      return negative ? [] : words.words.map(word => ({ keys: wordKeys(word, false, among), whole: false }));
    case 'not':
      return leadingWords(words.of, among, !negative);
    case 'and':
    case 'or': {
      const each = words.of.map(one => leadingWords(one, among, negative));
      if ((words.kind === 'and') !== negative) return each.flat().map(lead => ({ ...lead, whole: false }));
      // One lead of every alternative; which is best, nobody knows: the longest word is the rarest, more often than not.
      const best = each.map(leads => leads.toSorted((a, b) => rarity(b) - rarity(a))[0]);
      if (best.some(lead => lead === undefined)) return [];
      return [{ keys: best.flatMap(lead => lead!.keys), whole: best.every(lead => lead!.whole) }];
    }
  }
}

/** Length of the shortest key; a beginning is less than a word. */
const rarity = ({ keys }: LeadingWords): number =>
  Math.min(...keys.map(key => (typeof key === 'string' ? key.length : key.source.length / 2)));

/** Passes at least what holds; undefined: it would pass everything. */
interface PostFilter {
  readonly filter?: QueryFilter;
  readonly exact: boolean;
}

/** Under a double $nor, where no test competes with the lead for the index. */
const hidden = (of: readonly QueryFilter[]): QueryFilter => ({ $nor: [{ $nor: of }] });

function postFilterOf(words: Words, among: Among, negative = false): PostFilter {
  switch (words.kind) {
    case 'word': {
      const has = { w: { $in: wordKeys(words.word, words.starts === true, among) } };
      return { filter: negative ? { $nor: [has] } : hidden([has]), exact: true };
    }
    case 'phrase':
      if (negative) return { exact: false };
      return {
        filter: { $and: words.words.map(word => hidden([{ w: { $in: wordKeys(word, false, among) } }])) },
        exact: false,
      };
    case 'not':
      return postFilterOf(words.of, among, !negative);
    case 'and':
    case 'or': {
      const each = words.of.map(one => postFilterOf(one, among, negative));
      const exact = each.every(one => one.exact);
      const filters = each.flatMap(({ filter }) => (filter ? [filter] : []));
      if ((words.kind === 'and') !== negative)
        return filters.length > 0 ? { filter: { $and: filters }, exact } : { exact };
      return filters.length === each.length ? { filter: hidden(filters), exact } : { exact };
    }
  }
}

/** Leads whose keys are counted, and how far. */
const MAX_COUNTED_LEADS = 4;
const COUNT_CAP = 1000;

export interface WordFind {
  readonly filter: QueryFilter;
  readonly hint: string;
  readonly sure: boolean;
}

/** `count`: about how many keys these are. */
export async function compileWords(
  { types, among, words }: WordQuery,
  count: (filter: QueryFilter) => Promise<number>,
): Promise<WordFind | undefined> {
  if (containsWords(words, [])) return undefined;
  const t = oneOrIn(types.map(typeCode));
  const leads = leadingWords(words, among)
    .toSorted((a, b) => rarity(b) - rarity(a))
    .slice(0, MAX_COUNTED_LEADS);
  const counts = leads.length > 1 ? await Promise.all(leads.map(({ keys }) => count({ t, w: { $in: keys } }))) : [0];
  const lead = leads[counts.indexOf(Math.min(...counts))]!;
  const sieve = lead.whole ? { exact: true } : postFilterOf(words, among);
  return {
    filter: { t, w: { $in: lead.keys }, ...(sieve.filter ? { $and: [sieve.filter] } : {}) },
    hint: INDEX.words,
    sure: sieve.exact,
  };
}

export async function findTexts(
  all: Connected,
  query: WordQuery,
  limit: number,
  maxTimeMS: number,
): Promise<TextMatches> {
  const { db, word, resource } = all;
  const count = async (filter: QueryFilter): Promise<number> => {
    const counted = await db.command({ count: 'word', query: filter, hint: INDEX.words, limit: COUNT_CAP, maxTimeMS });
    return Number(counted['n']);
  };
  const found = await compileWords(query, count);
  const options = { limit: limit + 1, batchSize: limit + 2, projection: { _id: 1 }, maxTimeMS } as const;
  const rows: Document[] = found
    ? await word.find(found.filter as MongoFilter<WordDocument>, { ...options, hint: found.hint }).toArray()
    : await resource
        .find({ t: oneOrIn(query.types.map(typeCode)), z: null } as unknown as MongoFilter<ResourceDocument>, {
          ...options,
          hint: INDEX.arrival,
        })
        .toArray();
  return {
    found: rows.slice(0, limit).map(({ _id }) => decodeId(_id as unknown as string)),
    complete: rows.length <= limit,
    sure: found?.sure ?? false,
  };
}
