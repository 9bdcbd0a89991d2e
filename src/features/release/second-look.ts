/**
 * Whether somebody else than who has chosen looks at what goes out: of so many requests of a hundred, as the class of the requester says (`secondLook`). The same request is
 * in the sample always, whoever asks, and nobody draws anew by choosing anew: its id decides, by
 * a secret of the server, so that who chooses an id chooses no sample.
 */
import type { Caller } from '../../interactions/engine.js';
import type { RequesterClass } from './requester-classes.js';

const DRAWN_FROM = 2 ** 32;

/** `task`: id of the request. */
export function needsSecondLook(
  { secondLook }: Pick<RequesterClass, 'secondLook'>,
  task: string,
  { pageTokens }: Pick<Caller['engine'], 'pageTokens'>,
): boolean {
  const drawn = pageTokens.mark(`second-look/${task}`).readUInt32BE(0);
  return (drawn / DRAWN_FROM) * 100 < secondLook;
}
