/** The operations that a server on the embedded store has, without a server. */
import { fileURLToPath } from 'node:url';
import type { Resource } from '../../src/fhir/resource.js';
import { readProfiles } from '../../src/fhir/package.js';
import { composeOperations, FILE_OPERATIONS, OPERATIONS } from '../../src/interactions/operations/index.js';

const definitions: Resource[] = [];
const profiles = fileURLToPath(new URL('../../../profiles', import.meta.url));
for await (const { resource } of readProfiles(profiles, new Set(['OperationDefinition']))) definitions.push(resource);

export const operations = composeOperations({ ...OPERATIONS, ...FILE_OPERATIONS }, definitions);
