/**
 * What keeps a process that others have passed over (horizon.ts), as it was stopped or cut off, from committing what it has stamped before:
 * its lease is looked at before a group is written and once more when all but the commit is done.
 */
import { FhirError } from '../../fhir/error.js';
import { toFhirError } from './errors.js';
import type { SharedHorizon } from './horizon.js';
import { answerMembers, conflict, type GroupMember, type GroupOutcome } from './queue.js';

export type Fence = Pick<SharedHorizon, 'holds' | 'renewed'>;

/** Thrown where a group must not be committed any more: nothing of it is kept. */
const LAPSED = new FhirError('conflict', 'Others have passed over this process.');
export const isLapsed = (error: unknown): boolean => error === LAPSED;
const outdated = (): FhirError => conflict('This took longer than others wait for. Try again.');

const isOutdated = ({ commit }: GroupMember): boolean => commit.stamp?.outdated === true;

/** Called last before what makes a group visible. */
export function checkFence(fence: Fence, members: readonly GroupMember[]): void {
  if (!fence.holds() || members.some(isOutdated)) throw LAPSED;
}

/** Writes a group without those that are outdated, which are refused. `write` may throw, and only throws, what `checkFence` does. */
export async function fenced(
  fence: Fence,
  members: readonly GroupMember[],
  write: (members: readonly GroupMember[]) => Promise<GroupOutcome>,
): Promise<GroupOutcome> {
  for (let left = members; ; )
    try {
      if (!fence.holds()) await fence.renewed();
      const late = left.filter(isOutdated);
      if (late.length > 0) answerMembers(late, new Map(late.map(member => [member, outdated()])));
      left = left.filter(member => !late.includes(member));
      return left.length > 0 ? await write(left) : { written: [] };
    } catch (thrown) {
      if (isLapsed(thrown)) continue;
      const error = toFhirError(thrown);
      answerMembers(left, new Map(left.map(member => [member, error])));
      return { written: [], ...(error.kind === 'unavailable' ? { away: error } : {}) };
    }
}
