/** How long a session lasts: without a touch of keyboard or pointer, and in all. https://www.w3.org/TR/WCAG22/#timing-adjustable */
import { Cell } from './cell.js';
import { session, signOut, tellTouched, touchedElsewhere } from './session.js';

const MINUTE = 60_000;
const IDLE = 15 * MINUTE;
const WARNING = MINUTE;
const LONGEST = 12 * 60 * MINUTE;
const TOUCHES = ['pointerdown', 'keydown', 'wheel', 'touchstart'] as const;

/** Seconds that are left, once it is time to say so. */
export const secondsLeft = new Cell<number | undefined>(undefined);

/** ms between two messages to other windows. */
const TELLING = 1000;

let touched = 0;
let told = 0;
let began = 0;

/** Somebody is there. */
export function touch(): void {
  touched = Date.now();
  secondsLeft.set(undefined);
  if (touched - told < TELLING) return;
  told = touched;
  tellTouched();
}

function look(): void {
  if (session.value?.token === undefined) return;
  const now = Date.now();
  if (now - began > LONGEST) return void signOut('over');
  const left = IDLE - (now - Math.max(touched, touchedElsewhere.value));
  if (left <= 0) return void signOut('idle');
  secondsLeft.set(left <= WARNING ? Math.ceil(left / 1000) : undefined);
}

/** From sign-in on. */
export function beginTimeOut(): void {
  began = Date.now();
  touch();
  // While the warning stands, only its button says that somebody is there: a touch may be that of a sleeve.
  for (const event of TOUCHES)
    addEventListener(event, () => void (secondsLeft.value === undefined && touch()), { passive: true, capture: true });
  setInterval(look, 1000);
}
