/**
 * What belongs to one request below /fhir while it is answered, wherever that leads: its ids, and the faults that hit its
 * calls of the store. What the server does by itself has none, so that it neither takes ids from a seed nor meets a fault.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { SeededIds } from './seeded-ids.js';

export interface RequestContext {
  /** Undefined: ids are drawn by chance. */
  readonly ids: SeededIds | undefined;
}

export const requestContext = new AsyncLocalStorage<RequestContext>();
