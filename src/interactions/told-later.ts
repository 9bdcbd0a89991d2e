/**
 * What a command does beside a store that it does not open, because a server may have it: it leaves a note in the folder of data, and the server, or
 * the next one, tells it in the audit trail. A note may be told twice, where the server dies over it; it does not go untold.
 */
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DataMoved } from '../identity/happening.js';
import { SYSTEM } from '../identity/principal.js';
import { makeFolder } from '../platform/folder.js';
import { newUuid } from '../platform/ids.js';
import { frames } from '../platform/log.js';
import type { Engine } from './engine.js';
import { tellHappening } from './tell.js';

const FOLDER = 'untold';
const NOTE = '.json';
const UNREADABLE = '.unreadable';
const LOOK_MS = 2_000;

/** Makes the folder for notes, so that what cannot be told is not done. Throws the system's error. */
export const prepareNotes = (data: string): void => makeFolder(join(data, FOLDER));

/** Leaves a note in the folder; it is durable, and whole, when it has its name. */
export function leaveNote(data: string, moved: DataMoved): void {
  const file = join(data, FOLDER, newUuid() + NOTE);
  const part = `${file}.part`;
  writeFileSync(part, JSON.stringify(moved), { mode: 0o600, flag: 'wx', flush: true });
  renameSync(part, file);
}

/** Tells what notes say, the oldest first. A note that cannot be read stays under another name. */
export async function tellNotes(engine: Engine): Promise<void> {
  const folder = join(engine.settings.data, FOLDER);
  for (const name of namesIn(folder)) {
    const file = join(folder, name);
    const moved = readNote(readFileSync(file, 'utf8'));
    if (moved) {
      await tellHappening({ engine, principal: SYSTEM, address: 'local', requestId: newUuid() }, moved);
      rmSync(file);
      continue;
    }
    renameSync(file, file + UNREADABLE);
    engine.log.warn(
      { note: name },
      'A note of what a command has done could not be read, and is not in the audit trail',
    );
  }
}

/** Tells them from now on. Call what this gives back to end it; it resolves when nothing is under way any more. */
export async function keepTellingNotes(engine: Engine): Promise<() => Promise<void>> {
  let underWay = tellNotes(engine).catch((error: unknown) =>
    engine.log.warn({ at: frames(error) }, 'What commands have done could not be recorded yet'),
  );
  await underWay;
  const end = engine.clock.every(LOOK_MS, () => {
    const telling = underWay.then(() => tellNotes(engine));
    underWay = telling.catch(() => {});
    return telling;
  });
  return async () => {
    end();
    await underWay;
  };
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .filter(name => name.endsWith(NOTE))
      .toSorted();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** What `leaveNote` has written; undefined: it is something else. */
function readNote(text: string): DataMoved | undefined {
  try {
    const { what, by, lifecycle, sha256, done, counts } = JSON.parse(text) as Partial<DataMoved>;
    const bytes = counts?.['bytes'];
    if (what !== 'data-exported' || by !== 'backup' || lifecycle !== 'archive') return undefined;
    if (!/^[0-9a-f]{64}$/.test(sha256 ?? '') || !Number.isSafeInteger(bytes)) return undefined;
    if (done === undefined || new Date(done).toISOString() !== done) return undefined;
    return { what, by, lifecycle, sha256: sha256!, done, counts: { bytes: bytes! } };
  } catch {
    return undefined;
  }
}
