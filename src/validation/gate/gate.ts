/**
 * The compiled gate of resources, as build/validators.ts writes it: its text, and beside it what V8 has made of that text, so that a
 * process or a thread has it after 20 ms instead of 250. What V8 has made counts for that text and that version of Node alone;
 * where it does not fit, the text is compiled.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';
import type { Resource } from '../../fhir/resource.js';
import * as checks from './checks.js';

export type Gate = (resource: Resource) => boolean;

const DIGEST_BYTES = 32;
/** Those that nearly every server meets: of other types V8 compiles the functions when the first resource comes. */
const USUAL_TYPES: readonly string[] = ['Patient', 'Observation', 'Encounter', 'Bundle'];

/** `validators.cjs` and `validators.v8` of this folder. */
const GATE_FOLDER = new URL('../../../r4/', import.meta.url);

const sha256Of = (text: Buffer): Buffer => createHash('sha256').update(text).digest();

function scriptOf(text: Buffer, folder: URL, cachedData?: Buffer): Script {
  // Nothing but ASCII, which is a quarter of a second faster to read as such.
  const code = `(function (module) {${text.toString('latin1')}\n})`;
  const filename = fileURLToPath(new URL('validators.cjs', folder));
  return new Script(code, { filename, ...(cachedData ? { cachedData } : {}) });
}

function runScript(script: Script): Gate {
  const module: { exports?: (given: typeof checks) => Gate } = {};
  (script.runInThisContext() as (given: typeof module) => void)(module);
  return module.exports!(checks);
}

/** Runs the gate on small resources of the given types: the first call of each type compiles it. */
export function warmGate(gate: Gate, types = USUAL_TYPES): void {
  for (const resourceType of types) gate({ resourceType, id: 'a' });
}

/** What `readGate` takes from beside the text: its digest, and what V8 has made of it. */
export function compiledGate(text: Buffer): Buffer {
  const script = scriptOf(text, GATE_FOLDER);
  warmGate(runScript(script));
  return Buffer.concat([sha256Of(text), script.createCachedData()]);
}

/** `usedCompiled`: what V8 had made was of this text, and fitted. */
export function readGate(folder = GATE_FOLDER): { readonly gate: Gate; readonly usedCompiled: boolean } {
  const text = readFileSync(new URL('validators.cjs', folder));
  const compiled = readIfThere(new URL('validators.v8', folder));
  const isOfText = compiled?.subarray(0, DIGEST_BYTES).equals(sha256Of(text)) === true;
  const script = scriptOf(text, folder, isOfText ? compiled.subarray(DIGEST_BYTES) : undefined);
  return { gate: runScript(script), usedCompiled: isOfText && script.cachedDataRejected === false };
}

function readIfThere(file: URL): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}
