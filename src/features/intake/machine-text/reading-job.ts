/**
 * Reads scans, one after the other and in one process: a standing job that looks for those which are tagged as wanted, oldest first, has the command read one, and
 * writes what came of it. The tag is the queue: it is committed with the scan, and taken off by the commit of the text, so that nothing is lost or made twice.
 */
import { basename } from 'node:path';
import { Counter } from 'prom-client';
import type { FhirError } from '../../../fhir/error.js';
import { MACHINE_TEXT_TAGS } from '../../../fhir/content/machine-read.js';
import { parseReference } from '../../../fhir/reference.js';
import { isObject, type JsonObject, type Resource } from '../../../fhir/resource.js';
import type { Caller } from '../../../interactions/engine.js';
import type { FeatureGround } from '../../../interactions/feature.js';
import type { FeatureJob, FeatureStepped } from '../../../interactions/jobs.js';
import { perform } from '../../../interactions/perform.js';
import { machineTextOf, type ReadingTag, taggingPatch, textIdOf } from './machine-text.js';
import type { ReadingCommand } from './reading-command.js';
import { type RunFailure, type RunResult, runReadingCommand } from './run-command.js';
import { endingOf, firstAttachment } from './scan-kinds.js';

export const READING_JOB = 'scan-reading';

/** Bytes of text of one scan. */
const MOST_TEXT = 1024 * 1024;
/** ms until it is tried again where the command is not there. */
const REST = 60_000;
/** ms of a step beside the run of the command. */
const AROUND = 30_000;
/** Scans on which nothing can be written: they are passed over. */
const MOST_PASSED = 50;

interface ReadingState {
  /** What could not be stored: it is to be told of its scan. */
  readonly failed?: string;
  readonly passed?: readonly string[];
}

export interface ReadingGround extends Pick<FeatureGround, 'clock' | 'log' | 'metrics'> {
  readonly command: ReadingCommand;
  /** ms for one scan. */
  readonly time: number;
  readonly bases: readonly string[];
}

interface FoundScan {
  readonly id: string;
  readonly version: string;
  readonly resource: Resource;
}

export function readingJob(ground: ReadingGround): FeatureJob<unknown, ReadingState> {
  const read = new Counter({
    name: 'chartroom_scans_read_total',
    help: 'Scans that the command of CHARTROOM_OCR was given, by what came of it.',
    labelNames: ['outcome'],
    registers: [ground.metrics.registry],
  });
  return {
    kind: READING_JOB,
    standing: { state: {}, atStart: true },
    patience: ground.time + AROUND,
    async step({ state, server, signal }) {
      const scan = await nextWanted(server, state.passed ?? []);
      if (!scan) return { state: {}, wait: Infinity };
      if (scan.resource['status'] !== 'current') return told(state, scan, undefined);
      if (state.failed === scan.id) return told(state, scan, 'failed');
      const result = await resultOf(ground, server, scan, signal);
      const outcome = 'failed' in result ? result.failed : result.text === '' ? 'none' : 'read';
      if (outcome === 'stopped') return { state };
      read.inc({ outcome });
      if ('text' in result && result.text !== '') return stored(ground, state, scan, result.text);
      if (outcome !== 'none') ground.log.warn({ outcome }, 'A scan could not be read');
      if (outcome === 'away') return { state, wait: REST };
      return told(state, scan, outcome === 'none' ? 'none' : 'failed');
    },
  };
}

/** Oldest first. */
async function nextWanted(server: Caller, passed: readonly string[]): Promise<FoundScan | undefined> {
  const parameters = [
    ['_tag', `${MACHINE_TEXT_TAGS}|wanted`],
    ['_sort', '_lastUpdated'],
    ['_count', String(passed.length + 1)],
    ['_total', 'none'],
  ] as const;
  const { text } = await perform(server, { kind: 'search', type: 'DocumentReference', parameters, lenient: false });
  const { entry = [] } = JSON.parse(String(text)) as { readonly entry?: readonly { readonly resource: Resource }[] };
  for (const { resource } of entry) {
    const { id, meta } = resource;
    const version = isObject(meta) ? meta['versionId'] : undefined;
    if (typeof id === 'string' && typeof version === 'string' && !passed.includes(id)) return { id, version, resource };
  }
  return undefined;
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
  const { binary } = await perform(server, { kind: 'read', type: 'Binary', id: target.id, content: ['*/*'] });
  if (!binary || binary.size === 0) return unread('no-text');
  const bytes = await binary.open();
  return runReadingCommand(command, { bytes, ending }, { time, output: MOST_TEXT, signal });
}

/** The text, from which the scan follows in the same commit (text-hook.ts). */
function stored(
  { command, clock }: ReadingGround,
  state: ReadingState,
  { id: scan }: FoundScan,
  text: string,
): FeatureStepped<ReadingState> {
  const at = new Date(clock.now()).toISOString();
  const resource = machineTextOf({ scan, text, reader: basename(command.program), at });
  return {
    state: passedBy(state),
    performs: {
      kind: 'update',
      type: 'DocumentReference',
      id: textIdOf(scan),
      body: { resource, decimals: undefined },
    },
    // Somebody has changed the scan, or the text may not be stored: a scanner of viruses has found something in it, say.
    refused: error => ({ state: isOvertaken(error) ? state : { ...state, failed: scan } }),
  };
}

/** The scan with another tag. */
function told(
  state: ReadingState,
  { id, version, resource }: FoundScan,
  code: ReadingTag | undefined,
): FeatureStepped<ReadingState> {
  const operations = taggingPatch(resource, code);
  const passed = [...(state.passed ?? []), id].slice(-MOST_PASSED);
  return {
    state: passedBy(state),
    performs: { kind: 'patch', type: 'DocumentReference', id, ifMatch: [version], patch: { form: 'json', operations } },
    refused: error => ({ state: isOvertaken(error) ? state : { passed } }),
  };
}

const passedBy = ({ passed }: ReadingState): ReadingState => (passed ? { passed } : {});
const isOvertaken = ({ kind }: FhirError): boolean => kind === 'conflict' || kind === 'precondition';
