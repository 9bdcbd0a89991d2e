/** Deeds of what is told beside interactions: disclosures, and happenings. `at`: ms since 1970, of the stamp under which they are kept. */
import { disclosureEvent } from '../audit/disclosure.js';
import { happeningEvent } from '../audit/happening-event.js';
import { deedOfEvent } from '../audit/trail/deed.js';
import type { Happening } from '../identity/happening.js';
import { issuerOf } from '../identity/server/issuer-of.js';
import { newId } from '../platform/ids.js';
import type { Deed } from '../store/deeds.js';
import type { Caller } from './engine.js';
import type { RecordedPart } from './interaction.js';

/** Who did it where, and by which request. Without a principal the happening says who. */
export interface ToldBy extends Pick<Caller, 'engine' | 'address' | 'requestId'> {
  readonly principal?: Caller['principal'];
}

export function deedOfHappening(
  { engine, address, requestId, principal }: ToldBy,
  happening: Happening,
  at: number,
): Deed {
  const { base } = engine.settings;
  const told = { happening, at, by: principal, address, requestId, base, issuer: issuerOf(base) };
  return deedOfEvent(happeningEvent(told, newId(at)), at);
}

export function deedOfDisclosure(
  { engine, requestId }: Pick<Caller, 'engine' | 'requestId'>,
  { id, disclosure }: NonNullable<RecordedPart['disclosed']>,
  at: number,
): Deed {
  return deedOfEvent(disclosureEvent({ disclosure, at, requestId, base: engine.settings.base }, id), at);
}
