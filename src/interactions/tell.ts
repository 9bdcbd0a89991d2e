/**
 * What is no interaction, and must be in the audit trail all the same: sign-ins, tokens, changes of users and applications. Whoever causes it
 * waits until it is durable; where it cannot be kept, they are told `unavailable`.
 */
import type { Disclosure } from '../audit/disclosure.js';
import type { Happening } from '../identity/happening.js';
import { newId } from '../platform/ids.js';
import { deedOfDisclosure, deedOfHappening, type ToldBy } from './deeds-beside.js';
import { commitDeeds } from './recording.js';

/** Features know nothing of the audit trail itself. */
export { type Disclosure, type DisclosureParty, readDisclosure } from '../audit/disclosure.js';

export const tellHappening = (told: ToldBy, happening: Happening): Promise<void> =>
  commitDeeds(told.engine, stamp => [deedOfHappening(told, happening, stamp.now())]);

/**
 * Tells that something of a patient was given to others, or came from them: whatever exports, sends, notifies or releases calls this, once for
 * each patient. Resolves with the id of its event when that is durable.
 */
export async function tellDisclosure(
  told: Pick<ToldBy, 'engine' | 'requestId'>,
  disclosure: Disclosure,
): Promise<string> {
  const id = newId(told.engine.clock.now());
  await commitDeeds(told.engine, stamp => [deedOfDisclosure(told, { id, disclosure }, stamp.now())]);
  return id;
}
