/** Documents of the reference data: 32 payloads of all kinds, and the C-CDA examples of HL7. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readArchive } from './shared.js';

/** Where the payloads are, for `skipWithout`. */
export const DOCUMENTS = ['data', 'documents'] as const;

export interface Payload {
  readonly file: string;
  readonly contentType: string;
  readonly bytes: Buffer;
}

export function readPayloads(folder: string): readonly Payload[] {
  const index = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as { file: string; contentType: string }[];
  return index.map(({ file, contentType }) => ({ file, contentType, bytes: readFileSync(join(folder, file)) }));
}

/** The XML files of the archive in this folder. */
export function readCdaExamples(folder: string): readonly { readonly name: string; readonly text: string }[] {
  const archive = readdirSync(folder).find(name => name.endsWith('.tar.gz'))!;
  return [...readArchive(join(folder, archive))].filter(({ name }) => name.endsWith('.xml'));
}
