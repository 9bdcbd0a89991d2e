/** The events of the trail, as whoever searches asks for them. */
import { codesAsked } from '../../search/index-resource.js';
import { match } from '../../search/match.js';
import type { Where } from '../../search/query.js';
import { splitEventId } from './deed.js';
import type { RecordedEvent } from './events.js';
import { ALL_DEEDS, neededBy, type Needed, placesOfId } from './keys.js';
import { compareOnWay, isPassed, type Walk, walkTrail, type WalkedTrail, type Way } from './walk.js';

/** Ids that are looked for one by one. */
const MOST_IDS = 100;
const NEWEST_FIRST: Way = { oldestFirst: false };

export class TrailEvents {
  readonly #trail: WalkedTrail;
  readonly #queryTimeout: number;

  /** `queryTimeout`: ms that a search may take. */
  constructor(trail: WalkedTrail, queryTimeout: number) {
    this.#trail = trail;
    this.#queryTimeout = queryTimeout;
  }

  /** Those of rows with these keys, between these times. Throws `too-costly`. */
  walk(needed: Needed & Pick<Walk, 'asked'>, way: Way): AsyncGenerator<RecordedEvent> {
    return walkTrail(this.#trail, { ...needed, ...way, until: performance.now() + this.#queryTimeout });
  }

  /**
   * Those that match, newest first unless it is said otherwise. `also`: parameters whose entries are looked at beside those of the
   * condition. Throws `too-costly`.
   */
  async *matches(where: Where, way: Way = NEWEST_FIRST, also: readonly string[] = []): AsyncGenerator<RecordedEvent> {
    const ids = idsIn(where);
    const asked = also.length > 0 ? new Set([...codesAsked(where), ...also]) : codesAsked(where);
    if (!ids) {
      const needed = { ...neededBy(where), asked };
      for await (const event of this.walk(needed, way)) if (match(where, event)) yield event;
      return;
    }
    const found = await Promise.all(ids.map(id => this.find(id, asked)));
    const events = found.filter(event => event !== undefined && match(where, event)) as RecordedEvent[];
    for (const event of events.toSorted((a, b) => compareOnWay(way, a, b))) if (!isPassed(way, event)) yield event;
  }

  async find(id: string, asked: ReadonlySet<string> = new Set()): Promise<RecordedEvent | undefined> {
    for (const place of placesOfId(splitEventId(id).id))
      for await (const event of this.walk({ ...ALL_DEEDS, ...place, asked }, NEWEST_FIRST))
        if (event.id === id) return event;
    return undefined;
  }

  /** All, oldest first, however long it takes, but for those of rows that cannot be read (faults.ts tells of these). */
  all(behind?: Way['behind']): AsyncGenerator<RecordedEvent> {
    return this.onward(ALL_DEEDS, behind);
  }

  /** The same of some. */
  onward(needed: Needed, behind?: Way['behind']): AsyncGenerator<RecordedEvent> {
    return walkTrail(this.#trail, { ...needed, oldestFirst: true, behind, until: Infinity, passesDamage: true });
  }
}

/** The few ids of which a match has one; undefined: it may have any. */
function idsIn(where: Where): readonly string[] | undefined {
  if (where.kind === 'all') return where.of.map(idsIn).find(ids => ids !== undefined);
  if (where.kind !== 'param' || where.code !== '_id' || where.test.kind !== 'token') return undefined;
  const ids = new Set(where.test.any.flatMap(({ code }) => code ?? []));
  return ids.size === where.test.any.length && ids.size <= MOST_IDS ? [...ids] : undefined;
}
