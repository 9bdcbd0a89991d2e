/** Who asks, and what they may do. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createDecide } from '../access/decide.js';
import { createPatientCompartment } from '../access/patient-compartment.js';
import { readRoles } from '../access/roles.js';
import { identifyAnybody, identifyByTokens } from '../identity/tokens.js';
import type { Engine } from '../interactions/engine.js';
import { type ComposedFeatures, screensOf } from '../interactions/feature.js';
import { EXPLAIN } from '../interactions/search/explain.js';
import { FILE_OPERATIONS } from '../interactions/operations/index.js';
import { JOBS_OF_OTHERS } from '../interactions/operations/jobs.js';
import type { Config } from '../platform/config.js';

const root = new URL('../../../', import.meta.url);

/** Who may do what, where the settings name no other file. */
const OWN_ROLES = fileURLToPath(new URL('profiles/roles.json', root));

/** Who asks, and what they may do. Throws ConfigError. */
export function openAccess(
  config: Config,
  ground: Pick<Engine, 'definitions' | 'parameters' | 'settings' | 'log' | 'clock' | 'operations'> & {
    readonly composed: ComposedFeatures;
  },
): Pick<Engine, 'identify' | 'decide'> {
  const { definitions, log, clock, operations, composed } = ground;
  const roles = readRoles(config.roles === '' ? OWN_ROLES : resolve(config.roles), {
    ...ground,
    operations: [...new Set([...operations.keys(), ...Object.keys(FILE_OPERATIONS), EXPLAIN, JOBS_OF_OTHERS])],
    screens: screensOf(composed.routes.map(({ route }) => route)),
    // A file of one's own is the whole truth.
    added: config.roles === '' ? composed.duties : [],
  });
  const names = [...roles.keys()];
  const warn = (text: string): void => log.warn(text);
  return {
    identify: config.auth === 'token' ? identifyByTokens(config.tokens, names, warn, clock) : identifyAnybody,
    decide: createDecide(roles, {
      types: definitions.resourceTypes,
      compartment: createPatientCompartment(definitions),
    }),
  };
}
