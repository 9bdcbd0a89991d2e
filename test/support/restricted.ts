/** A server on which everybody may do everything, and sees what a test says. */
import { type Decide, type Restrictions, UNRESTRICTED } from '../../src/access/decide.js';
import type { RunningServer } from './server.js';
import { type Talk, talkTo } from './talk.js';

export interface RestrictedServer {
  readonly talk: Talk;
  sees: Restrictions;
  stop(): Promise<void>;
}

/** Puts another decision into the engine of a server. */
export function restricted(server: RunningServer): RestrictedServer {
  const made: RestrictedServer = { talk: talkTo(server.base), sees: UNRESTRICTED, stop: () => server.stop() };
  const decide: Decide = () => ({ allow: true, restrictions: made.sees });
  Object.assign(server.engine, { decide });
  return made;
}
