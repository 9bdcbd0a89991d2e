/**
 * Reads the demo data in `seed/`: plain JSON files with resources, and documents as files that a person can open. It
 * knows neither store nor engine; whoever loads the data asks the engine for each write, as any client would.
 *
 * The order lets references point backwards: organisations, then all patients (people refer to each other), then each
 * person's record as written, with the bytes of a document directly before the first resource that names them. Two
 * kinds of reference point forwards all the same, because they come in circles: `Patient.link` between the halves of a
 * merged record, and `Binary.securityContext` (https://hl7.org/fhir/R4/binary.html#security-context).
 */
import { readFile, readdir } from 'node:fs/promises';
import { FhirError } from '../fhir/error.js';
import type { Json, Resource } from '../fhir/resource.js';

/** A document: becomes a Binary with this id. */
export interface DemoBinary {
  readonly id: string;
  readonly contentType: string;
  readonly bytes: Buffer;
  /** Relative reference to the DocumentReference whose labels guard the bytes. */
  readonly securityContext?: string;
}

export type DemoItem = { readonly resource: Resource } | { readonly binary: DemoBinary };

/** One row of `documents/manifest.json`. */
interface ManifestRow {
  readonly id: string;
  /** Name of a file beside the manifest. */
  readonly file: string;
  readonly contentType: string;
  readonly securityContext?: string;
}

/** Where the demo data lies in an installation, seen from the compiled file. */
export const DEMO_FOLDER = new URL('../../../seed/', import.meta.url);

/** Everything below `folder` (a URL that ends in a slash), in loading order. Throws `fault` for a file that is missing or not JSON. */
export async function* readDemoData(folder: URL): AsyncIterable<DemoItem> {
  const manifest = await readDemoFile<readonly ManifestRow[]>(new URL('documents/manifest.json', folder));
  const waiting = new Map(manifest.map(row => [`Binary/${row.id}`, row]));
  for (const resource of await readDemoFile<readonly Resource[]>(new URL('organisations.json', folder)))
    yield { resource };

  const files = (await readdir(new URL('people/', folder))).filter(name => name.endsWith('.json')).toSorted();
  const people = await Promise.all(
    files.map(name => readDemoFile<readonly Resource[]>(new URL(`people/${name}`, folder))),
  );
  for (const resource of people.flat()) if (resource.resourceType === 'Patient') yield { resource };
  for (const resource of people.flat()) {
    if (resource.resourceType === 'Patient') continue;
    for (const url of attachmentUrls(resource)) {
      const row = waiting.get(url);
      if (row === undefined) continue;
      waiting.delete(url);
      yield { binary: await readBinary(row, folder) };
    }
    yield { resource };
  }
  for (const row of waiting.values()) yield { binary: await readBinary(row, folder) };
}

async function readBinary({ id, file, contentType, securityContext }: ManifestRow, folder: URL): Promise<DemoBinary> {
  const bytes = await readFile(new URL(`documents/${file}`, folder)).catch((cause: unknown) => {
    throw new FhirError('fault', `Cannot read the demo document ${file}.`, { cause });
  });
  return { id, contentType, bytes, ...(securityContext === undefined ? {} : { securityContext }) };
}

async function readDemoFile<T>(url: URL): Promise<T> {
  try {
    return JSON.parse(await readFile(url, 'utf8')) as T;
  } catch (cause) {
    throw new FhirError('fault', `Cannot read the demo data file ${url.pathname.split('/').at(-1)}.`, { cause });
  }
}

/** Every `url` in the resource that looks like a Binary of this server. */
function* attachmentUrls(value: Json): Iterable<string> {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, child] of Object.entries(value)) {
    if (key === 'url' && typeof child === 'string' && child.startsWith('Binary/')) yield child;
    else yield* attachmentUrls(child);
  }
}
