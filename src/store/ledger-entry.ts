/** What a ledger says of itself, as deeds in its streams (seals.ts): no event, and found by nothing. What it may say: audit/ledger/entry.ts. */
import { createHash } from 'node:crypto';
import { newUnaskedId } from '../platform/ids.js';
import { DeedWriter, YEAR_ONE } from './deed-bytes.js';
import type { Deed, DeedShape } from './deeds.js';

const ID_BYTES = 6;

/** The shape with this text. */
export const shapeOfText = (text: string): DeedShape => ({
  id: createHash('sha256').update(text).digest().readUIntBE(0, ID_BYTES),
  text,
});

export const LEDGER_SHAPE = shapeOfText(JSON.stringify('ledger'));

/** `entry`: a JSON object. `at`: ms since 1970. */
export const deedOfEntry = (entry: string, at: number): Deed => ({
  ...{ at, events: 0, shape: LEDGER_SHAPE, keys: [] },
  bytes: new DeedWriter()
    .number(LEDGER_SHAPE.id)
    .number(at - YEAR_ONE)
    .text(newUnaskedId(at))
    .text(entry)
    .taken(),
});
