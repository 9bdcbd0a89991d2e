/** Who asks, and what they may do. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Consents } from '../access/consents.js';
import { createDecide } from '../access/decide.js';
import { createPatientCompartment } from '../access/patient-compartment.js';
import { readLabelRules } from '../access/label-rules.js';
import { readRoles } from '../access/roles.js';
import { createReadScopes, type ReadScopes } from '../access/scopes.js';
import { readSettingsFile } from '../fhir/json/settings-file.js';
import { createIdentify, identifyAnybody, openIssuers } from '../identity/identify.js';
import { readIssuers } from '../identity/issuer-rules.js';
import { type ApplicationRecord, readApplication } from '../identity/server/applications.js';
import type { AuthorizationServer } from '../identity/server/index.js';
import { openTokenFile } from '../identity/tokens.js';
import { createAffiliations, privacyTables } from '../interactions/affiliations.js';
import type { Engine } from '../interactions/engine.js';
import { type ComposedFeatures, screensOf } from '../interactions/feature.js';
import { EXPLAIN } from '../interactions/search/explain.js';
import { FILE_OPERATIONS } from '../interactions/operations/index.js';
import { JOBS_OF_OTHERS } from '../interactions/operations/jobs.js';
import type { OutgoingClients } from '../outgoing/outgoing.js';
import { type Config, ConfigError } from '../platform/config.js';
import type { Store } from '../store/store.js';

const root = new URL('../../../', import.meta.url);

/** Of those who begin launches of apps. */
export const LAUNCH_SCREEN = 'launch';

/** Who may do what, where the settings name no other file. */
const OWN_ROLES = fileURLToPath(new URL('profiles/roles.json', root));

/** Which labels resources get, where the settings name no other file. */
const OWN_LABELS = fileURLToPath(new URL('profiles/labels.json', root));

export const rolesFile = ({ roles }: Pick<Config, 'roles'>): string => (roles === '' ? OWN_ROLES : resolve(roles));

export interface OpenedAccess extends Pick<Engine, 'decide'> {
  readonly roles: readonly string[];
  readonly privacy: Pick<Engine, 'consents' | 'affiliations' | 'labelRules'>;
  /** As every process knows the Consents in force, and who belongs where. */
  readonly tables: ReturnType<typeof privacyTables>;
  readonly readScopes: ReadScopes;
  /** Of a file. */
  readonly applications: readonly ApplicationRecord[];
  /** Addresses of this server. */
  readonly served: readonly string[];
  /** Who asks, where this server is its own authorization server, or not. `records`: of a store that several processes share. */
  readonly known: (
    authorization: AuthorizationServer | undefined,
    records: Store['records'] | undefined,
  ) => Pick<Engine, 'identify' | 'issuers' | 'authorization'>;
}

/** Who asks, and what they may do. Throws ConfigError. */
export function openAccess(
  config: Config,
  ground: Pick<Engine, 'definitions' | 'parameters' | 'settings' | 'log' | 'clock' | 'operations'> & {
    readonly composed: ComposedFeatures;
    readonly outgoing: OutgoingClients;
  },
): OpenedAccess {
  const { definitions, parameters, settings, log, clock, operations, composed, outgoing } = ground;
  const roles = readRoles(rolesFile(config), {
    ...ground,
    operations: [...new Set([...operations.keys(), ...Object.keys(FILE_OPERATIONS), EXPLAIN, JOBS_OF_OTHERS])],
    screens: [
      ...screensOf(composed.routes.map(({ route }) => route)),
      ...(config.auth === 'smart' ? [LAUNCH_SCREEN] : []),
    ],
    // A file of one's own is the whole truth.
    added: config.roles === '' ? composed.duties : [],
  });
  const names = [...roles.keys()];
  const warn = (text: string): void => log.warn(text);
  const issuers = openIssuers(readIssuers(config, names), outgoing);
  const tokens = config.tokens === '' ? undefined : openTokenFile(config.tokens, names, warn, clock);
  const readScopes = createReadScopes({ definitions, parameters, bases: settings.bases });
  const { bases } = settings;
  const consents = new Consents({ definitions, parameters, bases, implicit: config.consent, now: clock.now });
  const affiliations = createAffiliations(bases);
  const labelRules = readLabelRules(config.labels === '' ? OWN_LABELS : resolve(config.labels), ground);
  return {
    privacy: { consents, affiliations, labelRules },
    tables: privacyTables(consents, affiliations),
    roles: names,
    readScopes,
    served: settings.served,
    applications: config.clients === '' ? [] : readApplications(config.clients, names),
    known: (authorization, records) => {
      const all = authorization ? [authorization, ...issuers] : issuers;
      const revoked = authorization ? { revoked: authorization.revocations } : {};
      const around = { now: clock.now, bases: settings.served, tokens, issuers: all, readScopes, records, ...revoked };
      return {
        issuers: all,
        authorization,
        identify: config.auth === 'none' ? identifyAnybody : createIdentify(around),
      };
    },
    decide: createDecide(
      roles,
      { types: definitions.resourceTypes, compartment: createPatientCompartment(definitions), parameters },
      { consents, bases },
    ),
  };
}

/** Applications of CHARTROOM_CLIENTS. Throws ConfigError. */
function readApplications(file: string, roles: readonly string[]): readonly ApplicationRecord[] {
  const given = readSettingsFile(file, 'The file of CHARTROOM_CLIENTS');
  if (!Array.isArray(given)) throw new ConfigError(`The file of CHARTROOM_CLIENTS, ${file}, must hold a list.`);
  return given.map(each => {
    try {
      return readApplication(each, roles);
    } catch (error) {
      throw new ConfigError(`The file of CHARTROOM_CLIENTS, ${file}: ${(error as Error).message}`);
    }
  });
}
