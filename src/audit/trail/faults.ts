/** What is wrong with the rows of deeds that a store keeps: all of them are read, and what they are found by is made anew. */
import { breathe } from '../../platform/pieces.js';
import { deedsIn, type DeedPlace, type Deeds, type KeptDeedRow } from '../../store/deeds.js';
import { countEvents, type KeptDeed } from './deed.js';
import { keysOfDeed } from './keys.js';
import { timeTold, type WalkedTrail } from './walk.js';

export interface TrailFault {
  readonly fault: 'altered' | 'unreadable' | 'misindexed';
  /** Of the first event of the row, as far as it can be read. */
  readonly name: string;
}

type Read = WalkedTrail['read'];

const ROWS_A_STEP = 64;
const KEYS_A_LOOK = 100;

export async function* trailFaults(deeds: Pick<Deeds, 'find'>, read: Read): AsyncGenerator<TrailFault> {
  let after: DeedPlace | undefined;
  for (;;) {
    const rows = await deeds.find({ limit: ROWS_A_STEP, oldestFirst: true, after });
    for (const row of rows) {
      await breathe();
      const fault = await faultOf(deeds, read, row);
      if (fault) yield fault;
    }
    const last = rows.at(-1);
    if (!last || rows.length < ROWS_A_STEP) return;
    after = [last.last, last.sequence];
  }
}

/** How many events a row counts for a deed. */
const eventsOfKept = ({ record, event }: KeptDeed): number =>
  record ? countEvents(record) : event === undefined ? 0 : 1;

async function faultOf(deeds: Pick<Deeds, 'find'>, read: Read, row: KeptDeedRow): Promise<TrailFault | undefined> {
  const name = `AuditEvent of ${timeTold(row.last)}`;
  let records: readonly KeptDeed[];
  try {
    const kept = await Promise.all(deedsIn(row.bytes).map(async deed => read(deed)));
    records = kept.filter(each => each !== undefined);
  } catch {
    return { fault: row.altered ? 'altered' : 'unreadable', name };
  }
  const first = records[0] ? `AuditEvent/${records[0].id}` : name;
  if (row.altered || row.events !== records.reduce((sum, kept) => sum + eventsOfKept(kept), 0))
    return { fault: 'altered', name: first };
  let keys: readonly number[];
  try {
    keys = [...new Set(records.flatMap(keysOfDeed))];
  } catch {
    // Whoever can write rows and their digests can leave out what every event has.
    return { fault: 'unreadable', name: first };
  }
  const { last, sequence } = row;
  const alone = { from: last, to: last, oldestFirst: true, after: [last, sequence - 1], limit: 1 } as const;
  // A statement has no room for as many keys as a row may have.
  for (let at = 0; at < keys.length; at += KEYS_A_LOOK) {
    const wanted = keys.slice(at, at + KEYS_A_LOOK).map(key => [key]);
    const [found] = await deeds.find({ ...alone, keys: wanted });
    if (found?.sequence !== sequence) return { fault: 'misindexed', name: first };
  }
  return undefined;
}
