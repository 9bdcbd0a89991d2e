/** Where a request is on its way. What leads aside (deficient, denied, withdrawn) is said by its state, beside the step that it left. */
import { sayRelease } from '../../messages/release.js';

const STEPS = [
  ...(['received', 'identity-check', 'authorization-check', 'searching'] as const),
  ...(['quality-review', 'ready', 'released', 'closed'] as const),
] as const;
/** States beside the way, and the step that they stand at. */
const ASIDE: Readonly<Record<string, string>> = { 'deficient-authorization': 'authorization-check' };

/** `state`: a code; of one that leads to no step none is marked. */
export function Stepper({ state }: { readonly state: string }) {
  const at = STEPS.findIndex(each => each === (ASIDE[state] ?? state));
  if (at < 0) return null;
  return (
    <ol class="stepper" aria-label={sayRelease('steps')}>
      {STEPS.map((each, n) => (
        <li key={each} class={n < at ? 'done' : undefined} aria-current={n === at ? 'step' : undefined}>
          {sayRelease(`step.${each}`)}{' '}
          <span class="quiet">{sayRelease(n < at ? 'step.done' : n === at ? 'step.now' : 'step.later')}</span>
        </li>
      ))}
    </ol>
  );
}
