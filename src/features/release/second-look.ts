/**
 * Whether somebody else than who has chosen looks at what goes out: of so many requests of a hundred, as the class of the requester says (`secondLook`). The same request is
 * in the sample always, whoever asks, and nobody draws anew by choosing anew: the hash of its id decides.
 */
import { createHash } from 'node:crypto';
import type { RequesterClass } from './requester-classes.js';

const DRAWN_FROM = 2 ** 32;

/** `task`: id of the request. */
export function needsSecondLook({ secondLook }: Pick<RequesterClass, 'secondLook'>, task: string): boolean {
  const drawn = createHash('sha256').update(`second-look/${task}`).digest().readUInt32BE(0);
  return (drawn / DRAWN_FROM) * 100 < secondLook;
}
