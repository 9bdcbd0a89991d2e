/** A server on which everybody may do everything, and sees what a test says. */
import type { Decide } from '../../src/access/decide.js';
import { type Permission, type Restrictions, UNRESTRICTED } from '../../src/access/permission.js';
import type { Where } from '../../src/search/query.js';
import type { RunningServer } from './server.js';
import { type Talk, talkTo } from './talk.js';

export interface RestrictedServer {
  readonly talk: Talk;
  sees: Restrictions;
  stop(): Promise<void>;
}

/** Of somebody who may do everything with what they see, and see this. */
export function permissionSeeing(sees: Restrictions): Permission {
  const every = { c: true, r: true, u: true, d: true, s: true };
  const all = { has: () => true };
  return {
    lettersOf: () => every,
    letters: every,
    operations: all,
    screens: all,
    reach: { c: UNRESTRICTED, r: sees, u: UNRESTRICTED, d: UNRESTRICTED, s: sees },
    joins: false,
    whole: sees.size === 0,
    rulesOf: () => [],
    digest: '',
  };
}

/** Puts another decision into the engine of a server. */
export function restricted(server: RunningServer): RestrictedServer {
  const made: RestrictedServer = { talk: talkTo(server.base), sees: UNRESTRICTED, stop: () => server.stop() };
  const decide: Decide = () => ({ allow: true, restrictions: made.sees, permission: permissionSeeing(made.sees) });
  Object.assign(server.engine, { decide });
  return made;
}

const OPEN: Where = {
  kind: 'param',
  code: '_tag',
  test: { kind: 'token', any: [{ system: 'urn:t', code: 'open' }] },
};

/** Of these types what has the tag `urn:t|open` is seen. */
export const partly = (...types: readonly string[]): Restrictions => new Map(types.map(type => [type, OPEN]));

/** What a server answers meanwhile to somebody from whom these types are hidden. */
export async function hiding<T>(
  { engine }: Pick<RunningServer, 'engine'>,
  types: readonly string[],
  ask: () => Promise<T>,
): Promise<T> {
  const { decide } = engine;
  const sees: Restrictions = new Map(types.map(type => [type, 'hidden']));
  const seeing: Decide = () => ({ allow: true, restrictions: sees, permission: permissionSeeing(sees) });
  Object.assign(engine, { decide: seeing });
  try {
    return await ask();
  } finally {
    Object.assign(engine, { decide });
  }
}
