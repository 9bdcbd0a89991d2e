/** /harness/faults: which requests meet which fault, and which have. No rule hits these addresses, so that there is always a way back. */
import { FhirError } from '../fhir/error.js';
import type { Engine } from '../interactions/engine.js';
import { askedBy, jsonFor } from './asked.js';
import { type FaultRules, readRule, RULE_MEMBERS } from './fault-rules.js';
import type { HarnessAddress } from './routes.js';

export const faultAddresses = (
  rules: FaultRules,
  { definitions, operations }: Pick<Engine, 'definitions' | 'operations'>,
): Readonly<Record<'/faults' | '/faults/log' | '/faults/{id}', HarnessAddress>> => ({
  '/faults': {
    GET: () => jsonFor({ rules: rules.list() }),
    async POST(call) {
      const asked = await askedBy(call, RULE_MEMBERS);
      return jsonFor(rules.add(readRule(asked, { types: definitions.resourceTypes, operations })), 201);
    },
    DELETE: () => {
      rules.clear();
      return { status: 204 };
    },
  },
  '/faults/log': {
    GET: () => jsonFor(rules.log.list()),
    DELETE: () => {
      rules.log.clear();
      return { status: 204 };
    },
  },
  '/faults/{id}': {
    DELETE({ path }) {
      if (!rules.remove(path['id'] ?? '')) throw new FhirError('not-found', 'There is no such rule.');
      return { status: 204 };
    },
  },
});
