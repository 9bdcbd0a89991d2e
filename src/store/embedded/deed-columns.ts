/** A row of deeds as a reader thread can give it: its bytes stand where those of a resource have their text (rows.ts). */
import { deedDigestHead, type KeptDeedRow } from '../deeds.js';
import { digestOf, isAltered } from '../digest.js';
import { blobBytes, type SqlRow } from './connection.js';

/** Of `deed d`. */
export const DEED_COLUMNS = 'd.last,d.sequence,d.events,hex(d.c),NULL,NULL,d.x';

export function toDeedRow([last, sequence, events, digest, , , x]: SqlRow): KeptDeedRow {
  const bytes = blobBytes(x)!;
  const row = { last: last as number, sequence: sequence as number, events: events as number, bytes };
  const kept = Buffer.from(digest as string, 'hex');
  return { ...row, altered: isAltered(kept, digestOf(deedDigestHead(row.last, row.events), bytes)) };
}
