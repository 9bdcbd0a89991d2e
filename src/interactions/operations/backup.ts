/**
 * $backup, on the system, of the embedded store: writes a checked copy of the whole store into DATA/backups while the server goes on, and
 * with `keep` removes the oldest copies there beyond that number. To restore, start on the copy (docs/running.md). Administrators only.
 * Defined in profiles/operationdefinition-backup.json. MongoDB has tools of its own, so there it is not offered.
 *
 * The copy gets its name when it is whole, and a note says what is to be told of it (told-later.ts): where the server dies before the copy is in the audit
 * trail, the next start tells it. A job that was killed in the middle begins its copy again, and tells it with its end.
 */
import { accessSync, constants, rmSync } from 'node:fs';
import { readdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { asFhirError, FhirError } from '../../fhir/error.js';
import type { JsonObject } from '../../fhir/resource.js';
import type { DataMoved } from '../../identity/happening.js';
import type { JobKind } from '../../jobs/kind.js';
import { hashOfFile } from '../../platform/file-hash.js';
import { makeFolder } from '../../platform/folder.js';
import { newId } from '../../platform/ids.js';
import { type HeldNote, holdNote } from '../told-later.js';
import type { Context, Engine, OperationImplementation } from '../engine.js';
import type { Of, Outcome } from '../interaction.js';
import { jsonText } from './operation.js';
import { readGiven } from './parameters.js';

const FOLDER = 'backups';
const COPY = /^chartroom-.*\.db$/;
/** ms: a copy of any size that a disk can hold. */
const PATIENCE = 24 * 3_600_000;

/** How many copies stay; undefined: all. */
interface Wish {
  readonly keep: number | undefined;
}

/** Which has its name, so that it is whole. */
interface Copy {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly sha256: string;
}

interface NotedCopy extends Copy {
  readonly note: HeldNote;
}

type BackupGround = Pick<Engine, 'store' | 'clock' | 'settings'>;

export const backupOperation: OperationImplementation = {
  job: async ({ engine }, ask) => ({ kind: 'backup', input: wishOf(engine, ask) }),
  async run({ engine }, ask): Promise<Outcome> {
    const wish = wishOf(engine, ask);
    const { note, ...copy } = await backUp(engine, wish, newName(engine));
    const result = { status: 200, text: Buffer.from(JSON.stringify(answerOfCopy(copy))), patients: [] };
    return {
      result,
      async complete() {
        note.drop();
        return result;
      },
      recordedParts: [
        { target: ask, result, pattern: 'restricted' },
        { target: ask, result, happened: movedBy(copy) },
      ],
    };
  },
};

/** The same as a job. `engine`: it is there once a job is worked on. */
export const backupJob = (engine: () => BackupGround): JobKind => ({
  kind: 'backup',
  patience: PATIENCE,
  begin: ({ input }) => ({ state: { ...(input as Wish), name: newName(engine()) } }),
  async step({ state }) {
    const { name, ...wish } = state as Wish & Pick<Copy, 'name'>;
    try {
      const { note, ...copy } = await backUp(engine(), wish, name);
      // The step, or what follows from it, is done again until it is told.
      note.drop();
      return { state: copy, last: true };
    } catch (error) {
      // To try again and again would not make room.
      const known = asFhirError(error);
      throw known.kind === 'no-space' ? new FhirError('unprocessable', known.message) : known;
    }
  },
  finish: ({ state }) => ({ result: answerOfCopy(state as Copy), moved: [movedBy(state as Copy)] }),
});

function wishOf(engine: Context['engine'], ask: Of<'operation'>): Wish {
  const [given] = readGiven(engine, ask).given;
  return { keep: given && Number(jsonText(given.value)) };
}

const newName = ({ clock }: Pick<Engine, 'clock'>): string =>
  `chartroom-${new Date(clock.now()).toISOString().replaceAll(/[:.]/g, '-')}-${newId(clock.now())}.db`;

function folderOf(data: string): string {
  const folder = join(data, FOLDER);
  try {
    makeFolder(folder);
    accessSync(folder, constants.W_OK);
  } catch (cause) {
    throw new FhirError(
      'unavailable',
      `The folder ${FOLDER} of the data folder cannot be written. Look at it on the server.`,
      {
        cause,
      },
    );
  }
  return folder;
}

async function backUp({ store, settings, clock }: BackupGround, { keep }: Wish, name: string): Promise<NotedCopy> {
  const folder = folderOf(settings.data);
  const part = join(folder, `${name}.part`);
  rmSync(part, { force: true });
  await store.backup!(part);
  const copy = { name, size: (await stat(part)).size, sha256: await hashOfFile(part) };
  const note = holdNote(settings.data, { ...movedBy(copy), done: new Date(clock.now()).toISOString() });
  try {
    await rename(part, join(folder, name));
    if (keep !== undefined) {
      const copies = (await readdir(folder)).filter(each => COPY.test(each)).toSorted();
      for (const old of copies.slice(0, -keep)) rmSync(join(folder, old));
    }
  } catch (error) {
    note.release();
    throw error;
  }
  return { ...copy, note };
}

/** Parameters: the file, relative to the data folder, its bytes and its hash. */
const answerOfCopy = ({ name, size, sha256 }: Copy): JsonObject => ({
  resourceType: 'Parameters',
  parameter: [
    { name: 'file', valueString: `${FOLDER}/${name}` },
    { name: 'bytes', valueDecimal: size },
    { name: 'sha256', valueString: sha256 },
  ],
});

const movedBy = ({ name, size, sha256 }: Copy): DataMoved => ({
  ...{ what: 'data-exported', by: 'backup', lifecycle: 'archive', file: name, sha256 },
  counts: { bytes: size },
});
