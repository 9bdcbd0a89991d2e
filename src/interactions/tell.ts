/**
 * What is no interaction, and must be in the audit trail all the same: sign-ins, tokens, changes of users and applications. Whoever causes it
 * waits until it is durable; where it cannot be kept, they are told `unavailable`.
 */
import type { Disclosure } from '../audit/disclosure.js';
import { happeningEvent } from '../audit/happening-event.js';
import { deedOfEvent } from '../audit/trail/deed.js';
import type { Happening } from '../identity/happening.js';
import { issuerOf } from '../identity/server/issuer-of.js';
import { newId } from '../platform/ids.js';
import type { Caller } from './engine.js';
import { commitDeeds, deedOfDisclosure } from './perform.js';

/** Features know nothing of the audit trail itself. */
export { type Disclosure, type DisclosureParty, readDisclosure } from '../audit/disclosure.js';

/** Who did it where, and by which request. Without a principal the happening says who. */
export interface ToldBy extends Pick<Caller, 'engine' | 'address' | 'requestId'> {
  readonly principal?: Caller['principal'];
}

export function tellHappening({ engine, address, requestId, principal }: ToldBy, happening: Happening): Promise<void> {
  const { base } = engine.settings;
  return commitDeeds(engine, stamp => {
    const at = stamp.now();
    const id = newId(at);
    const told = { happening, at, by: principal, address, requestId, base, issuer: issuerOf(base) };
    return [deedOfEvent(happeningEvent(told, id), at)];
  });
}

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
