/** The example resources of the standard and the synthetic records of `../shared`, one resource at a time. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { JsonObject, Resource } from '../../src/fhir/resource.js';
import { readText } from './shared.js';

/** Every resource of the archive `r4-examples-instances.tar.gz`, those inside Bundles included. */
export const readExamples = (archive: string): Resource[] =>
  [...filesOf(gunzipSync(readFileSync(archive)))].flatMap(text => withEntries(JSON.parse(text) as Resource));

/** The JSON files of a tar: blocks of 512 bytes, a header with name and octal size before each file. */
function* filesOf(tar: Buffer): Generator<string> {
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
    const name = tar.toString('utf8', at, at + 100).replace(/\0.*$/s, '');
    const size = Number.parseInt(tar.toString('latin1', at + 124, at + 136), 8);
    if (name.endsWith('.json')) yield tar.toString('utf8', at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
  }
}

function withEntries(resource: Resource): Resource[] {
  const entries = resource.resourceType === 'Bundle' && Array.isArray(resource['entry']) ? resource['entry'] : [];
  const inside = entries.map(entry => (entry as JsonObject)['resource']).filter(value => value !== undefined);
  return [resource, ...inside.map(value => value as Resource)];
}

/** Every resource of a folder of `*.ndjson.gz`. */
export function readNdjson(folder: string): Resource[] {
  return readdirSync(folder)
    .filter(name => name.endsWith('.ndjson.gz'))
    .flatMap(name => readText(join(folder, name)).split('\n'))
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Resource);
}
