/** What the project itself adds to R4 (profiles/): a fault is only a warning in the log of a server, and is one here. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'mocha';
import { candidatesOf, decideInForce, standardParameters } from '../../../src/conformance/parameters-in-force.js';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import { readProfiles, type ConformanceResource } from '../../../src/fhir/package.js';
import { decideOperation } from '../../../src/http/asked-about.js';
import { FILE_OPERATIONS, OPERATIONS } from '../../../src/interactions/operations/index.js';
import { jsonText } from '../../../src/interactions/operations/operation.js';
import { validateStructure } from '../../../src/validation/gate/structure.js';

const folder = fileURLToPath(new URL('../../../../profiles', import.meta.url));
const definitions = loadDefinitions();
const files: ConformanceResource[] = [];
const TYPES = new Set(['SearchParameter', 'OperationDefinition']);
for await (const each of readProfiles(folder, TYPES)) files.push(each);
/** What features bring, each in a folder with its name. */
const ofFeatures: ConformanceResource[] = [];
const folders = readdirSync(folder, { withFileTypes: true }).filter(each => each.isDirectory());
for (const { name } of folders) for await (const each of readProfiles(join(folder, name), TYPES)) ofFeatures.push(each);
/** What is no definition, and named by settings. */
const SETTINGS_FILES = new Set(['labels.json', 'roles.json']);
const ofType = (type: string) => files.filter(({ resource }) => resource.resourceType === type);

describe('the profiles of the project', () => {
  it('are files that the server reads', () =>
    assert.deepEqual(
      [...new Set(files.map(({ from }) => from))].toSorted(),
      readdirSync(folder)
        .filter(name => !SETTINGS_FILES.has(name) && name.endsWith('.json'))
        .toSorted(),
    ));

  it('are there for features, too', () => assert.ok(ofFeatures.some(({ resource }) => resource['code'] === 'render')));

  for (const { from, resource } of [...files, ...ofFeatures])
    it(`${from} is valid R4`, () => assert.deepEqual(validateStructure(resource, definitions), []));

  it('define the operations that there are, each once', () => {
    const codes = ofType('OperationDefinition').map(({ resource }) => jsonText(resource['code']));
    assert.deepEqual(
      codes.toSorted(),
      Object.keys({ ...OPERATIONS, decide: decideOperation, ...FILE_OPERATIONS }).toSorted(),
    );
  });

  it('define search parameters that are in force together', () => {
    const standard = standardParameters(definitions);
    const refused: string[] = [];
    const inForce = decideInForce(
      candidatesOf(new Map(), ofType('SearchParameter')),
      standard,
      ({ origin }, { text }) => refused.push(`${origin}: ${text}`),
    );
    assert.deepEqual(refused, []);
    assert.equal(inForce.length, ofType('SearchParameter').length);
  });
});
