import { FhirError } from '../../src/fhir/error.js';
import type { Store } from '../../src/store/store.js';

/** The store, until it has taken so many commits: from then on it is away for each further one. */
export function fallingAway(store: Store, kept: number): Pick<Store, 'commit'> {
  let commits = 0;
  return {
    commit: asked =>
      ++commits > kept ? Promise.reject(new FhirError('unavailable', 'The store is away.')) : store.commit(asked),
  };
}
