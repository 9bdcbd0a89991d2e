/**
 * How much time has passed for sure: what is removed once is gone, so a clock that is ahead (a machine that starts in 2040) must not make all of the
 * trail old. The store knows up to when the clock was believed. A clock that is no more than a day ahead of that is believed again; of
 * one that is further ahead twice the time counts that went by in running processes, so that a server that was off for long catches up, and one
 * whose clock is wrong loses no more than that before somebody sets it.
 */
import type { Store } from '../../store/store.js';
import { lastNote, textNote } from './kept-notes.js';

const DAY = 24 * 3_600_000;
/** ms since 1970. */
const PASSED_TIME = 'time-passed';
const CATCHES_UP = 2;

export interface TimeAsked {
  /** What the clock says, ms since 1970. */
  readonly now: number;
  /** What it said when the process began: where nothing is known yet, the newest deed of before then is. */
  readonly started: number;
  /** ms for which this process has run since it asked last, or since it began; what a clock says has no part in it. */
  readonly ran: number;
}

/** The time as far as it is believed, ms since 1970, noted in the store; `isAhead`: the clock is not. Asked by one process at a time. */
export async function passedTime(
  { deeds }: Pick<Store, 'deeds'>,
  { now, started, ran }: TimeAsked,
): Promise<{ readonly time: number; readonly isAhead: boolean }> {
  const kept = await lastNote(deeds.notes, PASSED_TIME);
  const known = kept === undefined ? (await deeds.find({ to: started - 1, limit: 1 }))[0]?.last : Number(kept);
  // There is nothing yet that could be old.
  const since = known ?? now;
  const isAhead = now - since > DAY;
  const time = isAhead ? since + Math.max(0, ran) * CATCHES_UP : now;
  // A clock that was set back goes on from where it was believed.
  await deeds.notes.keep([textNote(PASSED_TIME, String(Math.max(since, time)))]);
  return { time, isAhead };
}
