/** Requests that are made through a broken glass: https://hl7.org/fhir/R4/security-labels.html#break-the-glass */
import { BREAKING } from '../access/glasses.js';
import { FhirError } from '../fhir/error.js';
import type { Principal } from '../identity/principal.js';
import { realNow } from '../platform/real-time.js';
import type { Engine } from './engine.js';
import type { Target } from './interaction.js';
import { BREAK_GLASS, BREAK_GLASS_END, checkMayBreak, endTeller } from './operations/break-glass.js';

/** In the header Category, of which there may be several with commas between. */
const LABEL =
  /(?:^|,)\s*http:\/\/(?:terminology\.hl7\.org\/CodeSystem|hl7\.org\/fhir)\/v3[-/]ActReason#BTG\s*(?:[;,]|$)/;

/**
 * Who asks, with the patient for whom they have broken the glass, where the request says that it is made through it. Throws `forbidden` where its header
 * says so and the glass is whole, or is none that they could break; a token may have its purpose for other reasons.
 */
export function underGlass(
  { glasses, decide }: Pick<Engine, 'glasses' | 'decide'>,
  principal: Principal,
  { operation }: Target,
  category: string | undefined,
): Principal | Promise<Principal> {
  const isNamed = category !== undefined && LABEL.test(category);
  if (!isNamed && principal.purpose !== BREAKING) return principal;
  if (operation === BREAK_GLASS || operation === BREAK_GLASS_END) return principal;
  return glasses.of(principal).then(glass => {
    if (glass) return { ...principal, glass: glass.patient };
    if (!isNamed) return principal;
    const decision = decide(principal, { operation: BREAK_GLASS });
    checkMayBreak(principal, decision.allow ? decision.permission : undefined);
    throw new FhirError('forbidden', `The glass is whole. Break it first: POST Patient/[id]/$${BREAK_GLASS}.`, {
      detail: 'glass-not-broken',
    });
  });
}

/** ms between two looks for those whose time is over. */
const LOOK_EVERY = 30_000;

/** Tells the audit trail of those that have ended by themselves, from now on; call what this gives back to end it. */
export const endGlasses = (engine: Engine): (() => void) => engine.clock.every(LOOK_EVERY, () => endOverdue(engine));

export async function endOverdue(engine: Engine): Promise<void> {
  for await (const held of engine.glasses.over()) {
    const { by, review } = held.glass;
    const caller = {
      ...{ engine, principal: by, address: 'unknown', agent: undefined, request: `POST $${BREAK_GLASS_END}` },
      requestId: `glass-${review}-${realNow()}`,
    };
    await engine.glasses.end(held, endTeller(caller));
  }
}
