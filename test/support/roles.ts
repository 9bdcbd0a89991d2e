/** The roles of the server itself, without a server. */
import { fileURLToPath } from 'node:url';
import { createDecide } from '../../src/access/decide.js';
import { createPatientCompartment } from '../../src/access/patient-compartment.js';
import { checkRoles, type Nameable, readRoles, type Roles } from '../../src/access/roles.js';
import { loadDefinitions } from '../../src/fhir/definitions.js';
import type { Json } from '../../src/fhir/resource.js';
import { EXPLAIN } from '../../src/interactions/search/explain.js';
import { createSearchParameters } from '../../src/search/parameters.js';
import { operations } from './operations.js';

const definitions = loadDefinitions();
const parameters = createSearchParameters(definitions);
const GROUND = { types: definitions.resourceTypes, compartment: createPatientCompartment(definitions), parameters };

export const NAMEABLE: Nameable = {
  definitions,
  parameters,
  settings: { bases: ['http://localhost/fhir'] },
  operations: [...operations.keys(), EXPLAIN],
  screens: ['desk'],
  added: [],
};

export const OWN_ROLES = fileURLToPath(new URL('../../../profiles/roles.json', import.meta.url));
const decideBy = (roles: Roles) => createDecide(roles, GROUND);

/** As the server of today decides. */
export const decide = decideBy(readRoles(OWN_ROLES, NAMEABLE));
export const ROLES = ['admin', 'writer', 'reader'] as const;

/** As a server decides whose file of roles says this beside the administrator. */
export const decideWith = (roles: Readonly<Record<string, Json>>) => decideBy(rolesOf(roles));
export const ADMIN: Json = {
  types: [
    { type: '*', letters: 'cruds' },
    { type: 'AuditEvent', letters: 'crs' },
  ],
  operations: ['*'],
  screens: ['*'],
};
export const rolesOf = (roles: Readonly<Record<string, Json>>): Roles =>
  checkRoles({ admin: ADMIN, ...roles }, NAMEABLE, 'roles.json');
