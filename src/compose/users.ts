/** Users of the store, and what may be said of them. */
import type { OpenUsers } from '../cli/invocation.js';
import { readSettingsFile } from '../fhir/json/settings-file.js';
import { createSeal } from '../identity/seal.js';
import { endAllOf } from '../identity/server/adapter.js';
import { Applications } from '../identity/server/applications.js';
import { Revocations } from '../identity/server/revocations.js';
import { Users } from '../identity/users/users.js';
import { isObject } from '../fhir/resource.js';
import type { Config } from '../platform/config.js';
import type { Store } from '../store/store.js';
import { rolesFile } from './access.js';
import { keptSecret } from './settings.js';

/** Of an open store, whose file of roles was read. */
export function openUsers(config: Config, { records }: Pick<Store, 'records'>): OpenUsers {
  const file = readSettingsFile(rolesFile(config), 'The file of roles');
  const revocations = new Revocations(records);
  return {
    revocations,
    endAllOf: name => endAllOf({ records, revocations }, name),
    applications: new Applications(records, revocations, []),
    users: new Users(records, createSeal(config.secret || keptSecret(config.data), 'users')),
    roles: isObject(file) ? Object.keys(file) : [],
  };
}
