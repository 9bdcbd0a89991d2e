/**
 * What is no interaction, and must be in the audit trail all the same: sign-ins, tokens, changes of users and applications. Whoever causes it
 * waits until it is durable; where it cannot be kept, they are told `unavailable`.
 */
import { happeningEvent } from '../audit/happening-event.js';
import { deedOfEvent } from '../audit/trail/deed.js';
import type { Happening } from '../identity/happening.js';
import { issuerOf } from '../identity/server/issuer-of.js';
import { newId } from '../platform/ids.js';
import type { Caller } from './engine.js';
import { commitDeeds } from './perform.js';

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
