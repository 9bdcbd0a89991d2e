/**
 * Reads scans, one after the other and in one process: a standing job that looks for those which are tagged as wanted, oldest first, has the command read one, and
 * writes what came of it. The tag is the queue: it is committed with the scan, and taken off by the commit of the text, so that nothing is lost or made twice.
 */
import { randomUUID } from 'node:crypto';
import { basename } from 'node:path';
import { Counter } from 'prom-client';
import { FhirError } from '../../../fhir/error.js';
import { parseReference } from '../../../fhir/reference.js';
import type { JsonObject, Resource } from '../../../fhir/resource.js';
import type { Caller } from '../../../interactions/engine.js';
import type { FeatureGround } from '../../../interactions/feature.js';
import type { Parameters } from '../../../interactions/interaction.js';
import type { FeatureJob, FeatureStepped } from '../../../interactions/jobs.js';
import { perform } from '../../../interactions/perform.js';
import { machineTextOf, type ReadingTag, taggingPatch, textIdOf } from './machine-text.js';
import type { ReadingCommand } from './reading-command.js';
import { type FoundScan, nextWanted, type PassedScans, passedWith } from './reading-queue.js';
import { type RunFailure, type RunResult, runReadingCommand } from './run-command.js';
import { endingOf, firstAttachment } from './scan-kinds.js';

export const READING_JOB = 'scan-reading';

/** Bytes of text of one scan. */
const MOST_TEXT = 1024 * 1024;
/** ms until it is tried again where the command is not there. */
const REST = 60_000;
/** ms of a step beside the run of the command. */
const AROUND = 30_000;
/** Kinds of errors that say nothing of a scan, but of what it is stored in. */
const STORE_AWAY: ReadonlySet<string> = new Set(['unavailable', 'timeout', 'no-space', 'throttled']);

interface ReadingState {
  /** What could not be stored: it is to be told of its scan. */
  readonly failed?: string;
  readonly passed?: PassedScans;
  /** What came of the run whose commit this is, which is to be counted. */
  readonly read?: { readonly outcome: string; readonly run: string };
  /** There was nothing to read. It looks once more with that noted before it waits: whoever commits a scan meanwhile either sees it, or is seen. */
  readonly isIdle?: true;
}

/** The state of the job when a scan was committed that is to be read; undefined: it will look again by itself. A step under way is not disturbed. */
export const wokenReading = ({ isIdle, ...rest }: ReadingState): ReadingState | undefined =>
  isIdle ? rest : undefined;

export interface ReadingGround extends Pick<FeatureGround, 'clock' | 'log' | 'metrics'> {
  readonly command: ReadingCommand;
  /** ms for one scan. */
  readonly time: number;
  readonly bases: readonly string[];
}

export function readingJob(ground: ReadingGround): FeatureJob<unknown, ReadingState> {
  const total = new Counter({
    name: 'chartroom_scans_read_total',
    help: 'Scans that the command of CHARTROOM_OCR was given, by what came of it.',
    labelNames: ['outcome'],
    registers: [ground.metrics.registry],
  });
  let counted: string | undefined;
  const count = ({ read }: ReadingState): void => {
    if (read && read.run !== counted) total.inc({ outcome: read.outcome });
    counted = read?.run;
  };
  return {
    kind: READING_JOB,
    standing: { state: {}, atStart: true },
    patience: ground.time + AROUND,
    async step({ state: noted, server, signal }) {
      count(noted);
      const now = ground.clock.now();
      // As a server before noted it, it is a list.
      const passed = noted.passed && noted.passed.until > now ? noted.passed : undefined;
      const state: ReadingState = passed ? { passed } : {};
      const scan = await nextWanted(parameters => documentsFound(server, parameters), passed);
      if (!scan) {
        const rest: ReadingState = { ...state, isIdle: true };
        return noted.isIdle ? { state: rest, wait: passed ? passed.until - now : Infinity } : { state: rest };
      }
      const step: ReadingStep = { ground, state, scan };
      if (scan.resource['status'] !== 'current') return told(step, undefined);
      if (noted.failed === scan.id) return told(step, 'failed', 'refused');
      const result = await resultOf(ground, server, scan, signal);
      const outcome = 'failed' in result ? result.failed : result.text === '' ? 'none' : 'read';
      if (outcome === 'stopped') return { state };
      if ('text' in result && result.text !== '') return stored(step, result.text);
      if (outcome !== 'none') ground.log.warn({ outcome }, 'A scan could not be read');
      if (outcome === 'away') return { state: { ...state, ...readAs(outcome) }, wait: REST };
      return told(step, outcome === 'none' ? 'none' : 'failed', outcome);
    },
  };
}

/** What a step is about. */
interface ReadingStep {
  readonly ground: ReadingGround;
  readonly state: ReadingState;
  readonly scan: FoundScan;
}

const readAs = (outcome: string): Pick<ReadingState, 'read'> => ({ read: { outcome, run: randomUUID() } });

async function documentsFound(server: Caller, parameters: Parameters): Promise<readonly Resource[]> {
  const { text } = await perform(server, { kind: 'search', type: 'DocumentReference', parameters, lenient: false });
  const { entry = [] } = JSON.parse(String(text)) as { readonly entry?: readonly { readonly resource: Resource }[] };
  return entry.map(({ resource }) => resource);
}

async function resultOf(
  { command, time, bases }: ReadingGround,
  server: Caller,
  { resource }: FoundScan,
  signal: AbortSignal,
): Promise<RunResult> {
  const unread = (failed: RunFailure): RunResult => ({ failed });
  const ending = endingOf(resource);
  const { url }: JsonObject = firstAttachment(resource);
  const target = typeof url === 'string' ? parseReference(url, bases) : undefined;
  if (ending === undefined || target?.kind !== 'local' || target.type !== 'Binary') return unread('no-text');
  try {
    const { binary } = await perform(server, { kind: 'read', type: 'Binary', id: target.id, content: ['*/*'] });
    if (!binary || binary.size === 0) return unread('no-text');
    const bytes = await binary.open();
    return await runReadingCommand(command, { bytes, ending }, { time, output: MOST_TEXT, signal });
  } catch (error) {
    // Bytes that are gone or damaged are this scan's alone: the next one is read.
    if (error instanceof FhirError && !STORE_AWAY.has(error.kind)) return unread('no-bytes');
    throw error;
  }
}

/** The text, from which the scan follows in the same commit (text-hook.ts). */
function stored({ ground, state, scan }: ReadingStep, text: string): FeatureStepped<ReadingState> {
  const { command, clock } = ground;
  const at = new Date(clock.now()).toISOString();
  const { id, version } = scan;
  const resource = machineTextOf({ scan: id, version, text, reader: basename(command.program), at });
  return {
    state: { ...state, ...readAs('read') },
    performs: {
      kind: 'update',
      type: 'DocumentReference',
      id: textIdOf(id),
      body: { resource, decimals: undefined },
    },
    // Somebody has changed the scan, or the text may not be stored: a scanner of viruses has found something in it, say.
    refused: error => ({ state: isOvertaken(error) ? state : { ...state, failed: id } }),
  };
}

/** The scan with another tag. `outcome`: of the run after which it has it. */
function told(
  { ground, state, scan }: ReadingStep,
  code: ReadingTag | undefined,
  outcome?: string,
): FeatureStepped<ReadingState> {
  const { id, version, resource } = scan;
  const operations = taggingPatch(resource, code);
  const read = outcome === undefined ? {} : readAs(outcome);
  const passed = passedWith(state.passed, scan, ground.clock.now());
  return {
    state: { ...state, ...read },
    performs: { kind: 'patch', type: 'DocumentReference', id, ifMatch: [version], patch: { form: 'json', operations } },
    refused: error => ({ state: isOvertaken(error) ? state : { passed, ...read } }),
  };
}

const isOvertaken = ({ kind }: FhirError): boolean => kind === 'conflict' || kind === 'precondition';
