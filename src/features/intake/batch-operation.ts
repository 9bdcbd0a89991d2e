/**
 * `DocumentReference/$intake`: many files at once become a batch (a List), a preliminary document for each, and a Task by which it is indexed and checked, all
 * in one commit. A batch with an identifier is taken in once: who sends it again is told what became of it. Defined in profiles/intake/.
 */
import { FhirError, type Issue } from '../../fhir/error.js';
import { isObject, type JsonObject, type Resource } from '../../fhir/resource.js';
import type { Context, OperationImplementation } from '../../interactions/engine.js';
import type { Companion, Outcome } from '../../interactions/interaction.js';
import { jsonText } from '../../interactions/operations/operation.js';
import { type GivenParameter, readGiven } from '../../interactions/operations/parameters.js';
import { FREE } from '../../interactions/response/allowance.js';
import { personOf } from '../../interactions/person.js';
import { absence, type ConditionalQuery, findOne, readCriteria } from '../../interactions/write/conditional.js';
import { hookGround } from '../../interactions/write/hook-ground.js';
import { newId } from '../../platform/ids.js';
import { breathe } from '../../platform/pieces.js';
import { realTimeout } from '../../platform/real-time.js';
import { batchText, knownBatch, LIST_CODE, MOST_OF_BATCH } from './known-batch.js';
import { fileGiven, type FileGiven, type IntakeFile, isIssue, readIntakeFile } from './intake-file.js';
import { checkMade } from './made-resource.js';
import { madeScans } from './made-scans.js';
import { lookedPages, type LookedPages, type PagesAsked } from './pages/page-findings.js';
import { subjectsOf } from './patient-facts.js';
import { mostOfParts } from './sheets/parts-room.js';

const MOST_FILES = 100;
const NOT_LOOKED_AT: LookedPages = {
  findings: [{ code: 'DQ-not-looked-at', expression: 'DocumentReference.content[0].attachment' }],
};
/** Bytes of the files of one batch. */
const MOST_TOGETHER = 256 * 1024 * 1024;
/** Of those that are taken apart. */
const MOST_SEPARATED = 64 * 1024 * 1024;

/** `lookFor`: ms for which pages are looked at while somebody waits, with the time that others take; those of the rest a second person looks at. */
export const intakeOperation = ({ lookFor }: { readonly lookFor: number }): OperationImplementation => ({
  async run(context, ask) {
    const { given } = readGiven(context.engine, ask);
    const sought = await soughtBatch(context, given);
    const known = sought && (await findOne(context, sought));
    // Nobody looks at the pages of what is known.
    const looking = known ? 0 : lookFor;
    const files = await filesRead(await filesGiven(context, given), looking);
    if (known?.text) return knownBatch(context, { id: known.id, text: known.text }, files);
    return newBatch(context, given, files, sought);
  },
});

/** The batch with the identifier that is given, as criteria. */
async function soughtBatch(context: Context, given: readonly GivenParameter[]): Promise<ConditionalQuery | undefined> {
  const identifier = given.find(({ name }) => name === 'identifier');
  if (!identifier) return undefined;
  const { system, value } = isObject(identifier.value) ? identifier.value : {};
  if (typeof system !== 'string' || typeof value !== 'string')
    throw new FhirError('invalid', 'The identifier of a batch has a system and a value.', {
      ...{ expression: identifier.at, detail: 'bad-parameter-value' },
    });
  const escaped = [system, value].map(text => text.replaceAll(/[\\,|$]/g, String.raw`\$&`)).join('|');
  return readCriteria(context, 'List', [['identifier', escaped]]);
}

/** Looks at what is given before any of it is read. Throws `unprocessable` with an issue for each file without bytes; `too-large`. */
async function filesGiven(context: Context, given: readonly GivenParameter[]): Promise<readonly FileGiven[]> {
  const named = given.filter(({ name }) => name === 'file');
  if (named.length > MOST_FILES)
    throw new FhirError('invalid', `${MOST_FILES} files at most are taken in at once.`, {
      ...{ expression: named[MOST_FILES]!.at, detail: 'too-many-files' },
    });
  const ground = hookGround(context);
  const [files, issues]: [FileGiven[], Issue[]] = [[], []];
  for (const file of named) {
    await breathe();
    const one = await fileGiven(ground, file, context.engine.settings.bases);
    if (isIssue(one)) issues.push(one);
    else files.push(one);
  }
  const sum = files.reduce((total, { size }) => total + size, 0);
  if (sum > MOST_TOGETHER)
    throw new FhirError('too-large', 'The files of one batch have 256 MB at most together: send several batches.', {
      ...{ expression: 'Parameters.parameter', detail: 'batch-too-large' },
    });
  const separated = files.reduce((total, file) => total + (file.separated ? file.size : 0), 0);
  if (separated > MOST_SEPARATED)
    throw new FhirError('too-large', 'Files that are taken apart have 64 MB at most together: send several batches.', {
      ...{ expression: 'Parameters.parameter', detail: 'separated-too-large' },
    });
  const largest = Math.max(0, ...files.map(({ size }) => size));
  // Its parts, the whole, and the copy of the thread that looks at it; and documents that are made, which stay until they are committed.
  const parts = files.reduce((total, file) => total + (file.separated ? mostOfParts(file.size) : 0), 0);
  const needed = 3 * largest + parts;
  if (needed > 3 * FREE) await ground.room(needed);
  // A file that has no bytes is told beside those whose bytes are not taken in.
  if (issues.length > 0) await filesRead(files, 0, issues);
  return files;
}

/** Reads one file after the other, and keeps the bytes of none. `lookFor`: ms for their pages; 0: nobody looks. Throws `unprocessable` with all issues. */
async function filesRead(
  given: readonly FileGiven[],
  lookFor: number,
  found: readonly Issue[] = [],
): Promise<readonly IntakeFile[]> {
  const ends = performance.now() + lookFor;
  const looks = new Map<string, Promise<LookedPages>>();
  const files: IntakeFile[] = [];
  const issues: Issue[] = [];
  for (const file of given) {
    await breathe();
    const read = await readIntakeFile(file, async (pages, sha256) => {
      if (lookFor === 0 || issues.length > 0) return { findings: [] };
      // Equal bytes are looked at once.
      const name = `${sha256} ${pages.pages} ${pages.separated}`;
      const look = looks.get(name) ?? lookUntil(ends, pages);
      looks.set(name, look);
      return look;
    });
    if (isIssue(read)) issues.push(read);
    else files.push(read);
  }
  const all = [...issues, ...found];
  if (all.length > 0) throw new FhirError('unprocessable', 'Files of these kinds are not taken in.', { issues: all });
  return files;
}

/** `ends`: of the time of the process. */
async function lookUntil(ends: number, pages: PagesAsked): Promise<LookedPages> {
  const left = ends - performance.now();
  if (left <= 0) return NOT_LOOKED_AT;
  const given = new AbortController();
  return new Promise((resolve, reject) => {
    // Nobody waits for it any more: its thread is for others.
    const timer = realTimeout(left, () => {
      resolve(NOT_LOOKED_AT);
      given.abort();
    });
    lookedPages(pages, { until: given.signal })
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });
}

async function newBatch(
  context: Context,
  given: readonly GivenParameter[],
  files: readonly IntakeFile[],
  sought: ConditionalQuery | undefined,
): Promise<Outcome> {
  const { engine, principal } = context;
  const now = engine.clock.now();
  const [batch, at] = [newId(now), new Date(now).toISOString()];
  const ground = hookGround(context);
  const companions: Companion[] = [];
  const earlier = new Map<string, string>();
  const told: JsonObject[] = [];
  const entry: JsonObject[] = [];
  const subjects: JsonObject[] = [];
  const making = { engine, ground, earlier, at, by: principal, batch, newId: () => newId(now) };
  for (const file of files) {
    const made = await madeScans(making, file);
    companions.push(...made.companions);
    entry.push(...made.entries);
    told.push(...made.told);
    subjects.push(...made.subjects);
    if (told.length > MOST_OF_BATCH)
      throw new FhirError('unprocessable', `A batch has ${MOST_OF_BATCH} documents at most: send several batches.`, {
        ...{ expression: file.at, detail: 'too-many-documents' },
      });
  }
  const resource = batchList(context, given, { at, entry });
  await checkMade(engine, resource, 'the batch');
  const list: Companion = { kind: 'create', type: 'List', id: batch, body: { resource, decimals: undefined } };
  return {
    result: {
      status: 201,
      location: `List/${batch}/_history/1`,
      patients: subjectsOf(subjects, engine.settings.bases),
      text: batchText(batch, told),
    },
    accompaniment: {
      companions: [...companions, list].map(ask => ({ owner: 'intake', ask })),
      messages: [],
      mustNotMatch: sought ? [await absence(context, sought)] : [],
    },
  };
}

interface ListGiven {
  readonly at: string;
  readonly entry: readonly JsonObject[];
}

function batchList({ principal }: Context, given: readonly GivenParameter[], { at, entry }: ListGiven): Resource {
  const value = (name: string) => given.find(each => each.name === name)?.value;
  const [title, site, identifier] = [value('title'), value('site'), value('identifier')];
  return {
    resourceType: 'List',
    ...(identifier === undefined ? {} : { identifier: [identifier] }),
    extension: [
      { url: 'urn:chartroom:source', valueString: jsonText(value('source')) },
      ...(isObject(site) ? [{ url: 'urn:chartroom:site', valueReference: site }] : []),
    ],
    status: 'current',
    mode: 'snapshot',
    ...(title === undefined ? {} : { title }),
    code: { coding: [{ ...LIST_CODE }] },
    date: at,
    source: personOf(principal),
    entry: [...entry],
  };
}
