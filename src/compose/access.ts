/** Who asks, and what they may do. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createDecide } from '../access/decide.js';
import { createPatientCompartment } from '../access/patient-compartment.js';
import { readRoles } from '../access/roles.js';
import { createReadScopes } from '../access/scopes.js';
import { createIdentify, identifyAnybody, openIssuers } from '../identity/identify.js';
import { readIssuers } from '../identity/issuer-rules.js';
import { openTokenFile } from '../identity/tokens.js';
import type { Engine } from '../interactions/engine.js';
import { type ComposedFeatures, screensOf } from '../interactions/feature.js';
import { EXPLAIN } from '../interactions/search/explain.js';
import { FILE_OPERATIONS } from '../interactions/operations/index.js';
import { JOBS_OF_OTHERS } from '../interactions/operations/jobs.js';
import type { OutgoingClients } from '../outgoing/outgoing.js';
import type { Config } from '../platform/config.js';

const root = new URL('../../../', import.meta.url);

/** Who may do what, where the settings name no other file. */
const OWN_ROLES = fileURLToPath(new URL('profiles/roles.json', root));

export const rolesFile = ({ roles }: Pick<Config, 'roles'>): string => (roles === '' ? OWN_ROLES : resolve(roles));

/** Who asks, and what they may do. Throws ConfigError. */
export function openAccess(
  config: Config,
  ground: Pick<Engine, 'definitions' | 'parameters' | 'settings' | 'log' | 'clock' | 'operations'> & {
    readonly composed: ComposedFeatures;
    readonly outgoing: OutgoingClients;
  },
): Pick<Engine, 'identify' | 'issuers' | 'readScopes' | 'decide'> {
  const { definitions, parameters, settings, log, clock, operations, composed, outgoing } = ground;
  const roles = readRoles(rolesFile(config), {
    ...ground,
    operations: [...new Set([...operations.keys(), ...Object.keys(FILE_OPERATIONS), EXPLAIN, JOBS_OF_OTHERS])],
    screens: screensOf(composed.routes.map(({ route }) => route)),
    // A file of one's own is the whole truth.
    added: config.roles === '' ? composed.duties : [],
  });
  const names = [...roles.keys()];
  const warn = (text: string): void => log.warn(text);
  const issuers = openIssuers(readIssuers(config, names), outgoing);
  const readScopes = createReadScopes({ definitions, parameters, bases: settings.bases });
  return {
    issuers,
    readScopes,
    identify:
      config.auth === 'none'
        ? identifyAnybody
        : createIdentify({
            now: clock.now,
            bases: settings.bases,
            tokens: config.tokens === '' ? undefined : openTokenFile(config.tokens, names, warn, clock),
            issuers,
            readScopes,
          }),
    decide: createDecide(roles, {
      types: definitions.resourceTypes,
      compartment: createPatientCompartment(definitions),
    }),
  };
}
