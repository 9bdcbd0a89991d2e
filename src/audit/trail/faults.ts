/** What is wrong with the rows of deeds that a store keeps: all of them are read, and what they are found by is made anew. */
import { breathe } from '../../platform/pieces.js';
import { deedsIn, type DeedPlace, type Deeds, type KeptDeeds } from '../../store/deeds.js';
import type { KeptDeed } from './deed.js';
import { keysOfDeed } from './keys.js';

export interface TrailFault {
  readonly fault: 'altered' | 'unreadable' | 'misindexed';
  /** Of the first event of the row, as far as it can be read. */
  readonly name: string;
}

type Read = (bytes: Uint8Array) => KeptDeed | Promise<KeptDeed>;

const ROWS_A_STEP = 64;

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

async function faultOf(deeds: Pick<Deeds, 'find'>, read: Read, row: KeptDeeds): Promise<TrailFault | undefined> {
  const name = `AuditEvent of ${new Date(row.last).toISOString()}`;
  let records: readonly KeptDeed[];
  try {
    records = await Promise.all(deedsIn(row.bytes).map(async deed => read(deed)));
  } catch {
    return { fault: row.altered ? 'altered' : 'unreadable', name };
  }
  const first = records[0] ? `AuditEvent/${records[0].id}` : name;
  if (row.altered) return { fault: 'altered', name: first };
  const keys = [...new Set(records.flatMap(keysOfDeed))];
  const found = await deeds.find({ keys: keys.map(key => [key]), from: row.last, to: row.last, limit: ROWS_A_STEP });
  return found.some(({ sequence }) => sequence === row.sequence) ? undefined : { fault: 'misindexed', name: first };
}
