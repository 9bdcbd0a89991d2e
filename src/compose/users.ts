/** Users of the store, and what may be said of them. */
import { readSettingsFile } from '../fhir/json/settings-file.js';
import { createSeal } from '../identity/seal.js';
import { Users } from '../identity/users/users.js';
import { isObject } from '../fhir/resource.js';
import type { Config } from '../platform/config.js';
import type { Store } from '../store/store.js';
import { rolesFile } from './access.js';
import { keptSecret } from './settings.js';

export interface OpenedUsers {
  readonly users: Users;
  /** All that there are. */
  readonly roles: readonly string[];
}

/** Of an open store, whose file of roles was read. */
export function openUsers(config: Config, { records }: Pick<Store, 'records'>): OpenedUsers {
  const file = readSettingsFile(rolesFile(config), 'The file of roles');
  return {
    users: new Users(records, createSeal(config.secret || keptSecret(config.data), 'users')),
    roles: isObject(file) ? Object.keys(file) : [],
  };
}
