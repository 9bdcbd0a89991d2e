/**
 * What belongs to one request while it is answered, wherever that leads: its ids, and whether a reset has overtaken it. What the
 * server does by itself has none, so that it takes no ids from a seed.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { SeededIds } from './seeded-ids.js';

export interface RequestContext {
  /** Undefined: ids are drawn by chance. */
  readonly ids: SeededIds | undefined;
  /** The content that it began with is gone: it may not touch what follows. */
  overtaken: boolean;
}

export const requestContext = new AsyncLocalStorage<RequestContext>();
