/** The operations that a server has, without a server. */
import { fileURLToPath } from 'node:url';
import type { Resource } from '../../src/fhir/resource.js';
import { readProfiles } from '../../src/fhir/package.js';
import { composeOperations, OPERATIONS } from '../../src/interactions/operations/index.js';

const definitions: Resource[] = [];
const profiles = fileURLToPath(new URL('../../../profiles', import.meta.url));
for await (const { resource } of readProfiles(profiles, new Set(['OperationDefinition']))) definitions.push(resource);

export const operations = composeOperations(OPERATIONS, definitions);
