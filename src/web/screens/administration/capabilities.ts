/** What the server says of itself: nobody is recorded as having asked. */
import type { CapabilityStatement } from 'fhir/r4';
import { ask } from '../../fhir/client.js';
import { useQuery } from '../../ui/use-query.js';

export const useCapabilities = () =>
  useQuery({
    key: ['metadata'],
    ask: async signal => (await ask<CapabilityStatement>({ path: 'metadata', signal })).body,
  });
