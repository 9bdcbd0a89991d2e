/**
 * $import as a job: each step is one transaction of up to 200 lines of the file, committed together with how far the job is, so that
 * every line has its effect once, whatever is killed. What is performed is decided and recorded as done for whoever asked.
 *
 * Where a transaction is refused, what is at fault is told and left out, or its lines go alone. What refers to something that is not
 * there yet comes again at the end, as long as that brings anything. A Bundle of type transaction is all or nothing.
 */
import type { FhirError, Issue } from '../fhir/error.js';
import { outcome } from '../fhir/outcome.js';
import type { JsonObject } from '../fhir/resource.js';
import type { FeatureJob, FeatureStepped, FeatureWork, PerformedByJob } from '../interactions/jobs.js';
import { FILE_KEPT, type ImportInput } from '../interactions/operations/import.js';
import { type BadLine, entryOf, isNotYet, type Item, typeAsked, withoutPlace } from './import-bundle.js';
import { createImportFiles, type ImportFile, type FilePlace, type Placed } from './import-file.js';

/** Lines of one transaction: more share the cost of a commit, fewer have to be sent again where one is refused. */
const GROUP = 200;
/** Lines at fault that are found one by one before those of a transaction go alone. */
const MOST_LEFT_OUT = 8;
/** Refusals that are told. */
const MOST_TOLD = 100;
/** Lines that may come again at the end. */
const MOST_WAITING = 200;
/** ms: a Bundle of 25,000 entries takes some ten seconds. */
const PATIENCE = 600_000;

interface LineFailure {
  readonly line?: number | undefined;
  readonly type?: string | undefined;
  readonly issues: readonly Issue[];
}

/** What may be right when something else is loaded, and why it is not yet. */
interface Waiting {
  readonly from: FilePlace;
  readonly failure: LineFailure;
}

interface ImportState {
  readonly place: FilePlace;
  readonly loaded: number;
  readonly refused: number;
  readonly failures: readonly LineFailure[];
  /** Lines to come that were found to be at fault. */
  readonly leftOut: readonly number[];
  /** What stands before this goes alone. */
  readonly alone: number;
  readonly waiting: readonly Waiting[];
  /** What comes again now; absent: the file is not at its end. */
  readonly again?: readonly Waiting[];
  /** Loaded since what waits came again last. */
  readonly gained: number;
  readonly keptUntil: number;
}

type Work = FeatureWork<ImportInput>;
type ImportStep = FeatureStepped<ImportState>;

const BEGIN: Omit<ImportState, 'keptUntil'> = {
  ...{ place: { at: 0, line: 0 }, loaded: 0, refused: 0, failures: [] },
  ...{ leftOut: [], alone: 0, waiting: [], gained: 0 },
};

export function createImportJob(): FeatureJob<ImportInput, ImportState> {
  const open = createImportFiles();
  return {
    kind: 'import',
    patience: PATIENCE,
    async begin({ caller: { engine }, input }) {
      const { total } = await open(engine, input);
      return { state: { ...BEGIN, keptUntil: engine.clock.now() + FILE_KEPT }, total };
    },
    async step(work) {
      const file = await open(work.caller.engine, work.input);
      const step = await stepOn(file, await keepFile(work, work.state));
      return { ...step, done: step.state.loaded + step.state.refused };
    },
    finish: ({ state, input: { hash, size } }) => ({
      result: told(state),
      moved: [
        {
          ...{ what: 'data-imported', by: 'import', lifecycle: 'receive', sha256: hash },
          counts: { bytes: size, loaded: state.loaded, refused: state.refused },
        },
      ],
    }),
  };
}

/** The bytes stay for as long as the job goes on. */
async function keepFile({ caller: { engine }, input }: Work, state: ImportState): Promise<ImportState> {
  const keptUntil = engine.clock.now() + FILE_KEPT;
  if (keptUntil - state.keptUntil < FILE_KEPT / 2) return state;
  await engine.store.blobs.keep(input.hash, keptUntil);
  return { ...state, keptUntil };
}

async function stepOn(file: ImportFile, state: ImportState): Promise<ImportStep> {
  const { place, alone, again } = state;
  if (again) return again.length === 0 ? comeAgain(state) : stepAgain(file, state, again);
  const placed = await file.read(place, place.at < alone ? 1 : GROUP);
  if (placed.length === 0) return comeAgain(state);
  const good = placed.filter(({ item }) => !isBad(item) && !state.leftOut.includes(item.line));
  const passed = past(state, placed);
  if (good.length === 0) return { state: passed };
  return {
    state: { ...passed, loaded: state.loaded + good.length, gained: state.gained + good.length },
    performs: transactionOf(good),
    refused: error => ({ state: afterRefusal(file, state, placed, good, error) }),
  };
}

const isBad = (item: Item | BadLine): item is BadLine => 'issues' in item;

const transactionOf = (placed: readonly Placed[]): PerformedByJob => ({
  kind: 'transaction',
  entries: placed.map(({ item }) => (item as Item).entry),
  prefer: 'minimal',
});

/** The state behind what was read, with what means nothing in it. */
function past(state: ImportState, placed: readonly Placed[]): ImportState {
  const passed = new Set(placed.map(({ item }) => item.line));
  const bad = placed.map(({ item }) => item).filter(isBad);
  const leftOut = state.leftOut.filter(line => !passed.has(line));
  return { ...withFailures(state, bad), place: placed.at(-1)!.next, leftOut };
}

const withFailures = (state: ImportState, more: readonly LineFailure[], count = more.length): ImportState => ({
  ...state,
  refused: state.refused + count,
  failures: [...state.failures, ...more].slice(0, MOST_TOLD),
});

/** Of these the transaction was refused. */
function afterRefusal(
  file: ImportFile,
  state: ImportState,
  placed: readonly Placed[],
  good: readonly Placed[],
  error: FhirError,
): ImportState {
  const at = good.length === 1 ? 0 : entryOf(error);
  const fault = at === undefined ? undefined : good[at];
  if (file.refused === 'nothing' || (!fault && file.refused === 'leave-out'))
    return withFailures(past(state, placed), [failureOf(fault, error)], good.length);
  if (!fault || (file.refused === 'each' && state.leftOut.length >= MOST_LEFT_OUT))
    return { ...state, alone: placed.at(-1)!.next.at };
  const judged = refuse(state, fault, error);
  return good.length === 1 ? past(judged, placed) : { ...judged, leftOut: [...state.leftOut, fault.item.line] };
}

/** Waits, or is told. */
function refuse(state: ImportState, fault: Placed, error: FhirError): ImportState {
  const failure = failureOf(fault, error);
  if (!isNotYet(error.issues) || state.waiting.length >= MOST_WAITING) return withFailures(state, [failure]);
  return { ...state, waiting: [...state.waiting, { from: fault.from, failure }] };
}

function failureOf(fault: Placed | undefined, { issues }: FhirError): LineFailure {
  if (!fault) return { issues };
  const type = typeAsked(fault.item as Item);
  return { line: fault.item.line, type, issues: withoutPlace(issues, type) };
}

/** What waits comes again if anything was loaded since; else it is refused, and all is done. */
function comeAgain(state: ImportState): ImportStep {
  const { waiting, gained } = state;
  if (waiting.length > 0 && gained > 0) return { state: { ...state, again: waiting, waiting: [], gained: 0 } };
  const failures = waiting.map(({ failure }) => failure);
  return { state: { ...withFailures(state, failures), waiting: [] }, last: true };
}

async function stepAgain(
  file: ImportFile,
  state: ImportState,
  [first, ...rest]: readonly Waiting[],
): Promise<ImportStep> {
  const [placed] = await file.read(first!.from, 1);
  const next = { ...state, again: rest };
  return {
    state: { ...next, loaded: state.loaded + 1, gained: state.gained + 1 },
    performs: transactionOf([placed!]),
    refused: error => ({ state: refuse(next, placed!, error) }),
  };
}

function told({ loaded, refused, failures }: ImportState): JsonObject {
  const inOrder = failures.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0));
  const parts = inOrder.map(({ line, type, issues }) => ({
    name: 'failure',
    part: [
      ...(line === undefined ? [] : [{ name: 'line', valueInteger: line }]),
      ...(type === undefined ? [] : [{ name: 'type', valueCode: type }]),
      { name: 'outcome', resource: outcome(issues) },
    ],
  }));
  return {
    resourceType: 'Parameters',
    parameter: [{ name: 'loaded', valueInteger: loaded }, { name: 'refused', valueInteger: refused }, ...parts],
  };
}
