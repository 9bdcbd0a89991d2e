/**
 * What belongs to one request while it is answered, wherever that leads: its ids, and what goes wrong for
 * it, and whether a reset has overtaken it. What the server does by itself has none, so that it takes no ids from a seed and meets no
 * fault.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { SeededIds } from './seeded-ids.js';

/** Over with the request: what it has begun in the background meets none. */
export interface StoreFaults {
  isAway: boolean;
  auditIsAway: boolean;
  /** So many attempts of a commit, from now on, are conflicts. */
  conflicts: number;
}

export const noStoreFaults = (): StoreFaults => ({ isAway: false, auditIsAway: false, conflicts: 0 });

export interface RequestContext {
  /** Undefined: ids are drawn by chance. */
  readonly ids: SeededIds | undefined;
  /** The content that it began with is gone: it may not touch what follows. */
  overtaken: boolean;
  /** What its calls of the store meet. */
  readonly store: StoreFaults;
}

export const requestContext = new AsyncLocalStorage<RequestContext>();
