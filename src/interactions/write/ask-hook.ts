/**
 * Asks one hook (hooks.ts), or one route (../feature.ts), so that it can do no more harm than to fail what it was asked about: whatever it does instead of
 * giving a sensible answer in time becomes a `fault`, and a line of the log with the name of its feature. A hook that never gives
 * the event loop back cannot be stopped.
 */
import { FhirError } from '../../fhir/error.js';
import { frames } from '../../platform/log.js';
import { realTimeout } from '../../platform/real-time.js';
import type { Caller } from '../engine.js';
import type { OwnedHook } from './hooks.js';

/** ms */
const PATIENCE = 5000;

type Moment = 'prepare' | 'check' | 'bundle' | 'committed' | 'route';

/** Who asks a hook: for the log. */
type Around = Pick<Caller, 'engine' | 'requestId'>;

/** Its answer, within its patience. Throws what it throws where that is a FhirError, and `fault` for everything else. */
export async function askHook<T>(
  around: Around,
  { owner, hook }: { readonly owner: string; readonly hook: Pick<OwnedHook['hook'], 'patience'> },
  moment: Moment,
  ask: () => T | Promise<T>,
): Promise<T> {
  try {
    const answer = ask();
    return isPromise(answer) ? await soonEnough(answer, hook.patience ?? PATIENCE) : answer;
  } catch (error) {
    if (error instanceof FhirError) throw error;
    throw hookFault(around, owner, moment, error === LATE ? 'gave no answer in time' : 'threw', error);
  }
}

/** A hook that judges says nothing where it has nothing against it; `false` may have meant a refusal. */
export async function askJudge(
  around: Around,
  owned: OwnedHook,
  moment: 'check' | 'bundle',
  ask: () => void | Promise<void>,
): Promise<void> {
  const answer: unknown = await askHook(around, owned, moment, ask);
  if (answer !== undefined) throw nonsense(around, owned.owner, moment, 'an answer');
}

const isPromise = (answer: unknown): answer is Promise<unknown> =>
  typeof answer === 'object' && answer !== null && 'then' in answer;

const LATE = new Error('late');

async function soonEnough<T>(answer: Promise<T>, patience: number): Promise<T> {
  if (patience === Infinity) return answer;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, fail) => (timer = realTimeout(patience, () => fail(LATE))));
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** `why` names what is wrong in words of ours, never what was given. */
export function hookFault(
  { engine, requestId }: Around,
  owner: string,
  moment: Moment,
  why: string,
  cause?: unknown,
): FhirError {
  engine.log.error(
    { requestId, feature: owner, moment, why, ...(cause === undefined ? {} : { at: frames(cause) }) },
    'A hook failed',
  );
  return new FhirError('fault', 'A feature of this server failed.', { cause: cause ?? new Error(why) });
}

export const nonsense = (around: Around, owner: string, moment: Moment, what: string): FhirError =>
  hookFault(around, owner, moment, `gave ${what}`);
