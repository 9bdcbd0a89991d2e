/**
 * `Task/[id]/$release-package`, and the job behind it: a package of what was chosen and confirmed, made by package/make-package.ts into a Binary, with the
 * DocumentReference that tells of it and a List that freezes what is in it: versions, hashes, pages. Whoever asks gets 202. Defined in
 * profiles/release/operationdefinition-release-package.json
 *
 * The Binary is stored first, under the id of the job, with the Task as its security context; then one transaction writes the others and the state
 * of the Task. A job that is killed begins its package again, and the same order gives the same bytes. A passphrase is kept sealed until the package is made.
 */
import { FhirError } from '../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import { isObject, type Parsed, type Resource } from '../../fhir/resource.js';
import type { Caller, Context, OperationImplementation } from '../../interactions/engine.js';
import { actingFor } from '../../interactions/feature.js';
import type { RawBody } from '../../interactions/interaction.js';
import type { FeatureJob, FeatureStepped } from '../../interactions/jobs.js';
import { respondLater } from '../../interactions/operations/jobs.js';
import { jsonText } from '../../interactions/operations/operation.js';
import { badParameter, readGiven } from '../../interactions/operations/parameters.js';
import { perform } from '../../interactions/perform.js';
import { newUuid } from '../../platform/ids.js';
import {
  chosenDocuments,
  type ChosenDocument,
  confirmedDocuments,
  digestOfChoice,
  jobOfOutput,
  packageJobOf,
  versionedName,
  withoutPackageJob,
  withPackageJob,
} from './chosen.js';
import { readRequest } from './check-operation.js';
import { referenceKey } from './coverage.js';
import { bytesOfDocument, binaryContent, itemOfDocument, orNothing } from './document-bytes.js';
import { makePackage } from './package/make-package.js';
import { type PackageForm, type PackageItem, PackageRefused } from './package/order.js';
import type { PackageGround } from './package-ground.js';
import { formAsked, labelsOfAll, noticesOf, orderOfRequest, PACKAGE_FORMS } from './package-order.js';
import { outputsOfKind, PACKAGE_OUTPUT, QUALITY_REVIEW, READY, requestState } from './request-task.js';
import { entriesOfPackage, type MadePackage, packageTold } from './package-records.js';

const JOB = 'release-package';
/** ms for a package. */
const PATIENCE = 3_600_000;
/** ms that a sealed passphrase may wait for its job. */
const SEALED_FOR = 24 * 3_600_000;
/** Characters. */
const PASSPHRASE = { least: 12, most: 100 };

interface PackageAsked {
  readonly task: string;
  /** Of what was chosen then (`digestOfChoice`). */
  readonly choice: string;
  readonly form: PackageForm;
  /** A FHIR instant. */
  readonly at: string;
  readonly sealed?: string;
}

interface PackageState {
  /** The request names this job. */
  readonly named?: true;
  /** Undefined: it is still to be made. */
  readonly made?: MadePackage;
}

export const releasePackageOperation = (ground: PackageGround): OperationImplementation => ({
  async job(context, ask) {
    return { kind: JOB, input: await packageAsked(ground, context, ask) };
  },
  async run(context, ask) {
    return respondLater(context, JOB, await packageAsked(ground, context, ask));
  },
});

type OperationAsked = Parameters<OperationImplementation['run']>[1];

async function packageAsked(
  { bases, now }: PackageGround,
  context: Context,
  ask: OperationAsked,
): Promise<PackageAsked> {
  const { engine } = context;
  const { given } = readGiven(engine, ask);
  const { task } = await readRequest(context, ask.id!);
  checkPackable(task, bases);
  const find = (name: string) => given.find(each => each.name === name);
  const form = find('form') ? (jsonText(find('form')!.value) as PackageForm) : formAsked(task);
  if (!PACKAGE_FORMS.includes(form))
    throw badParameter(`form is one of ${PACKAGE_FORMS.join(', ')}.`, find('form')!.at);
  const passphrase = find('passphrase') && jsonText(find('passphrase')!.value);
  if (passphrase !== undefined) {
    const at = find('passphrase')!.at;
    if (ask.parameters.some(([name]) => name === 'passphrase'))
      throw badParameter(
        'A passphrase stands in the body of the request, never in its address. Choose another one.',
        at,
      );
    if (form !== 'pdf') throw badParameter('Only a package of the form pdf has a passphrase.', at);
    const { length } = passphrase;
    if (length < PASSPHRASE.least || length > PASSPHRASE.most)
      throw badParameter(`A passphrase has ${PASSPHRASE.least} to ${PASSPHRASE.most} characters.`, at);
  }
  return {
    ...{ task: ask.id!, choice: digestOfChoice(task), form, at: new Date(now()).toISOString() },
    ...(passphrase === undefined ? {} : { sealed: engine.pageTokens.close({ passphrase }, SEALED_FOR) }),
  };
}

/** What is chosen, where each of it is confirmed. Throws `unprocessable`. */
function checkPackable(task: Resource, bases: readonly string[]): readonly ChosenDocument[] {
  const state = requestState(task).code;
  if (state !== QUALITY_REVIEW && state !== READY)
    throw new FhirError('unprocessable', `A package is made in the states ${QUALITY_REVIEW} and ${READY}.`, {
      ...{ expression: 'Task.businessStatus', detail: 'nothing-chosen' },
    });
  const chosen = chosenDocuments(task, bases);
  const confirmed = confirmedDocuments(task);
  const open = chosen.filter(each => !confirmed.has(versionedName(each))).length;
  if (open > 0)
    throw new FhirError(
      'unprocessable',
      `Somebody else has to look at what was chosen: $release-confirm. Documents that nobody has confirmed: ${open}.`,
      { expression: 'Task.input', detail: 'not-confirmed' },
    );
  return chosen;
}

export const packageJob = (ground: PackageGround): FeatureJob<PackageAsked, PackageState> => ({
  kind: JOB,
  atOnce: 2,
  patience: PATIENCE,
  begin: () => ({ state: {}, total: 3 }),
  async step({ id, input, state, caller, server, signal }) {
    const { resource: task, decimals } = await parsedOf(caller, 'Task', input.task);
    const isOvertaken = state.named && packageJobOf(task) !== id;
    if (isOvertaken || !isPackableStill(task, ground.bases, input)) {
      await eraseUnnamed(server, id, task);
      throw new FhirError(
        'unprocessable',
        'Other documents were chosen meanwhile, or the package was asked for again: ask for it again.',
        { detail: 'selection-changed' },
      );
    }
    const stepping: SteppingAsked = { id, input, state, task, decimals };
    if (!state.named) return namedByRequest(stepping);
    if (state.made) return storedPackage(caller, { ...stepping, made: state.made });
    const made = await madePackage(ground, caller, { id, input, task });
    if (signal.aborted) {
      // Somebody has cancelled it, which the request says; or the server ends, and the package is made anew.
      const { resource: now } = await parsedOf(server, 'Task', input.task);
      if (packageJobOf(now) !== id) await eraseUnnamed(server, id, now);
    }
    return { state: { ...state, made }, done: 2 };
  },
  cancelled: ({ id, input, server }) => giveUp(server, id, input.task),
  async finish({ input, state: { made }, caller }) {
    return made ? { result: packageTold(made, await resourceOf(caller, 'Task', input.task)) } : {};
  },
});

/** Whether a package is made still, of what it was asked for. */
function isPackableStill(task: Resource, bases: readonly string[], { choice }: PackageAsked): boolean {
  if (digestOfChoice(task) !== choice) return false;
  try {
    checkPackable(task, bases);
    return true;
  } catch (error) {
    if (error instanceof FhirError && error.kind === 'unprocessable') return false;
    throw error;
  }
}

/**
 * What was stored of a package that will be none: nobody got it, and nobody reads it. A package that the request names is one, whatever becomes of the job that
 * has made it: it may be released already. `task`: read when no commit could name the package any more.
 */
async function eraseUnnamed(server: Caller, id: string, task: Resource): Promise<void> {
  if (outputsOfKind(task, PACKAGE_OUTPUT).some(output => jobOfOutput(output) === id)) return;
  const none = { safe: false, parameters: [], lenient: false } as const;
  await orNothing(perform(server, { kind: 'operation', operation: 'purge', type: 'Binary', id, ...none }));
}

/** Others may write the request at the same time. */
const MOST_TRIES = 5;

/** The request names a job no more that somebody has cancelled, so that no step of it commits a package. What it has stored goes by that, or after it. */
async function giveUp(server: Caller, id: string, name: string): Promise<void> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const { text } = (await orNothing(perform(server, { kind: 'read', type: 'Task', id: name }))) ?? {};
    if (!text) return;
    const { resource: task, decimals } = parseJson(text, STORED_JSON);
    if (packageJobOf(task) !== id) return eraseUnnamed(server, id, task);
    const body = { resource: withoutPackageJob(task), decimals };
    try {
      await orNothing(perform(server, { kind: 'update', type: 'Task', id: name, ifMatch: [versionOf(task)], body }));
    } catch (error) {
      if (!(error instanceof FhirError)) throw error;
      againLater(error, {}, 0);
    }
  }
}

interface SteppingAsked extends MakingAsked {
  readonly state: PackageState;
  readonly decimals: Parsed['decimals'];
}

/** So that whoever reads the request finds the job, and a package is made by one at a time. */
function namedByRequest({ id, input, state, task, decimals }: SteppingAsked): FeatureStepped<PackageState> {
  const resource = withPackageJob(task, id);
  const ifMatch = [versionOf(task)];
  return {
    ...{ state: { ...state, named: true }, done: 1 },
    performs: { kind: 'update', type: 'Task', id: input.task, ifMatch, body: { resource, decimals } },
    refused: error => againLater(error, state, 0),
  };
}

/** Somebody has written the Task meanwhile: it is looked at again. */
function againLater(error: FhirError, state: PackageState, done: number): FeatureStepped<PackageState> {
  if (error.kind !== 'conflict' && error.kind !== 'precondition') throw error;
  return { state, done };
}

const versionOf = ({ meta }: Resource): string => jsonText(isObject(meta) ? meta['versionId'] : undefined);

interface MakingAsked {
  readonly id: string;
  readonly input: PackageAsked;
  readonly task: Resource;
}

/** Makes it, and stores its bytes, unless that was done before a kill: the same order gives the same ones. */
async function madePackage(
  ground: PackageGround,
  caller: Caller,
  { id: job, input, task }: MakingAsked,
): Promise<MadePackage> {
  const { engine } = caller;
  const chosen = checkPackable(task, ground.bases);
  const passphrase = input.sealed === undefined ? undefined : openPassphrase(engine, input.sealed);
  const patient = await patientOfTask(caller, task, ground.bases);
  const documents: Resource[] = [];
  const items: PackageItem[] = [];
  for (const each of chosen) {
    const [, id = ''] = each.document.split('/');
    const document = await resourceOf(caller, 'DocumentReference', id, each.version);
    const bytes = await bytesOfDocument(caller, document, ground.bases);
    if (bytes?.content.hash !== each.sha256)
      throw new FhirError('unprocessable', 'Bytes of a document are others than those that were chosen: choose anew.', {
        detail: 'document-changed',
      });
    const given = {
      id: versionedName(each),
      document,
      bytes,
      notices: noticesOf(document),
      redactions: each.redactions,
    };
    documents.push(document);
    items.push(itemOfDocument(caller, given));
  }
  const { form, at } = input;
  try {
    const file = makePackage(
      orderOfRequest({ task, patient, items, form, at, sender: senderOf(ground), passphrase }),
      ground.pool(),
    );
    const stored = await binaryContent(caller, job);
    if (stored) await sizeOfAll(file.bytes);
    else {
      const body: RawBody = {
        contentType: file.contentType,
        save: (blobs, most) => blobs.put(file.bytes, most),
        securityContext: `Task/${input.task}`,
      };
      await perform(actingFor(caller, 'release'), { kind: 'create', type: 'Binary', id: job, body });
    }
    const manifest = await file.manifest;
    if (stored && stored.hash !== manifest.sha256)
      throw new FhirError('unprocessable', 'The package is not the one that was begun: ask for it again.', {
        detail: 'package-unsteady',
      });
    return {
      manifest,
      labels: labelsOfAll(documents),
      document: `urn:uuid:${newUuid()}`,
      list: `urn:uuid:${newUuid()}`,
    };
  } catch (error) {
    if (!(error instanceof PackageRefused)) throw error;
    throw new FhirError('unprocessable', error.message, { detail: `package-${error.fault}`, cause: error });
  }
}

/** Reads them to their end. */
async function sizeOfAll(parts: AsyncIterable<Uint8Array>): Promise<number> {
  let size = 0;
  for await (const part of parts) size += part.length;
  return size;
}

/** As letters end. */
const senderOf = ({ letters: { head } }: PackageGround): readonly string[] =>
  head.desk.split('\n').flatMap(line => (line.trim() === '' ? [] : [line.trim()]));

function openPassphrase({ pageTokens }: Caller['engine'], sealed: string): string {
  const opened = pageTokens.open(sealed);
  const value = typeof opened === 'string' ? undefined : opened.value;
  const passphrase =
    typeof value === 'object' && value !== null && 'passphrase' in value ? value.passphrase : undefined;
  if (typeof passphrase === 'string') return passphrase;
  throw new FhirError('unprocessable', 'The passphrase is not known any more: ask for the package again.', {
    detail: 'passphrase-lost',
  });
}

async function patientOfTask(caller: Caller, task: Resource, bases: readonly string[]): Promise<Resource> {
  const key = referenceKey(task['for'], bases) ?? '';
  return resourceOf(caller, 'Patient', key.slice('Patient/'.length));
}

async function parsedOf(caller: Caller, type: string, id: string, version?: number): Promise<Parsed> {
  const acting = actingFor(caller, 'release');
  const { text } = await (version === undefined
    ? perform(acting, { kind: 'read', type, id })
    : perform(acting, { kind: 'vread', type, id, version: String(version) }));
  return parseJson(text!, STORED_JSON);
}

const resourceOf = async (...asked: Parameters<typeof parsedOf>): Promise<Resource> =>
  (await parsedOf(...asked)).resource;

interface StoringAsked extends SteppingAsked {
  readonly made: MadePackage;
}

/** What tells of the package, and the state of the request, together. */
function storedPackage(
  caller: Caller,
  { id, input, state, made, task, decimals }: StoringAsked,
): FeatureStepped<PackageState> {
  const { base } = caller.engine.settings;
  return {
    ...{ state, done: 3, last: true },
    performs: {
      kind: 'transaction',
      entries: entriesOfPackage({ task, decimals, version: versionOf(task), binary: id, input, made, base }),
    },
    refused: error => againLater(error, state, 2),
  };
}
