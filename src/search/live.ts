/**
 * The search parameters in force, which may change while the server runs: callers keep the one object, whose tables are
 * exchanged as a whole. What is the standard's is compiled once.
 */
import type { Definitions, SearchParameterDefinition } from '../fhir/definitions.js';
import { createSearchParameters, type SearchParameters } from './parameters.js';

export interface LiveParameters extends SearchParameters {
  /** The standard's alone. */
  readonly standard: SearchParameters;
  /** From now on these are in force beside the standard's, and no others. */
  replace(custom: readonly SearchParameterDefinition[]): void;
}

/** Those of the standard, whoever asks for them. */
const standards = new WeakMap<Definitions, SearchParameters>();

function standardOf(definitions: Definitions): SearchParameters {
  const found = standards.get(definitions) ?? createSearchParameters(definitions);
  standards.set(definitions, found);
  return found;
}

export function createLiveParameters(definitions: Definitions): LiveParameters {
  const standard = standardOf(definitions);
  let current = standard;
  let generation = 0;
  return {
    standard,
    of: type => current.of(type),
    get: (type, code) => current.get(type, code),
    customOf: type => current.customOf(type),
    get pathless() {
      return current.pathless;
    },
    get generation() {
      return generation;
    },
    replace(custom) {
      current = createSearchParameters(definitions, custom, standard);
      generation += 1;
    },
  };
}
