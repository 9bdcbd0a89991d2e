/**
 * $import, on the system: takes a file of NDJSON or a Bundle, and loads it as a job: 202, and what came of it at the address in
 * Content-Location. Whoever asks may have loaded what they may write themselves. Defined in profiles/operationdefinition-import.json; the job is
 * http/import-job.ts.
 */
import { FhirError } from '../../fhir/error.js';
import type { OperationImplementation } from '../engine.js';
import { respondLater } from './jobs.js';
import { readGiven } from './parameters.js';

/** How the bytes of a file are read. */
export type ImportForm = 'ndjson' | 'json';

/** A file that is to be loaded: its bytes are kept by their hash. */
export interface ImportInput {
  readonly hash: string;
  readonly size: number;
  readonly form: ImportForm;
}

const FORMS: Readonly<Record<string, ImportForm>> = {
  'application/fhir+ndjson': 'ndjson',
  'application/ndjson': 'ndjson',
  'application/x-ndjson': 'ndjson',
  'application/fhir+json': 'json',
  'application/json': 'json',
};

/** ms that the bytes of a file are kept, from when it came and from each step that comes near the end of that time. */
export const FILE_KEPT = 86_400_000;

export const importOperation: OperationImplementation = {
  uploads: Object.keys(FORMS),
  async run(context, ask) {
    const { engine } = context;
    readGiven(engine, ask);
    const { store, settings, clock } = engine;
    const upload = ask.upload!;
    const { hash, size } = await upload.save(store.blobs, settings.maxImport);
    if (size === 0) throw new FhirError('invalid', 'The body is empty: send the file.', { detail: 'empty-body' });
    await store.blobs.keep(hash, clock.now() + FILE_KEPT);
    const input: ImportInput = { hash, size, form: FORMS[upload.contentType]! };
    return respondLater(context, 'import', input);
  },
};
