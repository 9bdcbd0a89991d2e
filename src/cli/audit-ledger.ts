/**
 * `chartroom audit export`: the trail as lines that can be verified on another machine, told to the trail with the hash of the file.
 * `chartroom audit verify`: whether an export, or what the store holds, is what was sealed; of the store also whether everything is found
 * by what it says (docs/audit.md).
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, rmSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { exportTrail } from '../audit/ledger/export.js';
import type { TrailFindings } from '../audit/ledger/finding.js';
import { fileLines, type FileLine } from '../audit/ledger/lines.js';
import { anchorsGiven, keysGiven, reportOf, UnusableInput, witnessGiven } from '../audit/ledger/report.js';
import { sourceOfStore } from '../audit/ledger/store-source.js';
import { type VerifiedTrail, type VerifyOptions, verifyTrail } from '../audit/ledger/verify.js';
import type { TrailFault } from '../audit/trail/faults.js';
import { parseDateTime } from '../fhir/datetime.js';
import type { Engine } from '../interactions/engine.js';
import { tellHappening } from '../interactions/tell.js';
import { ConfigError } from '../platform/config.js';
import { newUuid } from '../platform/ids.js';
import type { Invocation } from './invocation.js';

/** Flags of the one are none of the other. */
function refuseFlags({ options }: Invocation, names: readonly string[], of: string): void {
  const wrong = names.find(name => options[name] !== undefined);
  if (wrong !== undefined) throw new ConfigError(`--${wrong} is a flag of chartroom audit ${of}.`);
}

const sourceIn = ({ kept, settings }: Engine, data: string) =>
  sourceOfStore({ store: kept, base: settings.base, anchors: join(data, 'anchors') });

export async function exportAudit(invocation: Invocation): Promise<number> {
  const { open, options, config, words } = invocation;
  if (words.length > 0) throw new ConfigError('chartroom audit export takes no further words: --out names the file.');
  refuseFlags(invocation, ['key', 'anchor', 'witness'], 'verify');
  const from = timeGiven(options['from'], 'from')?.low;
  const to = timeGiven(options['to'], 'to')?.high;
  if (from !== undefined && to !== undefined && from > to) throw new ConfigError('--from must be a time before --to.');
  const out = options['out'] as string | undefined;
  const file = out === undefined ? undefined : createWriteStream(out, { flags: 'wx', mode: 0o600 });
  if (file) await once(file, 'open');
  try {
    const engine = await open({ examines: true });
    try {
      const asked = { from, to, made: engine.clock.now(), texts: options['texts'] === true };
      const { sha256, events } = await writeLines(
        exportTrail(sourceIn(engine, config.data), asked),
        file ?? process.stdout,
      );
      const isoTime = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString());
      const told = { what: 'trail-exported', sha256, events, from: isoTime(from), to: isoTime(to) } as const;
      await tellHappening({ engine, address: 'local', requestId: newUuid() }, told);
      process.stderr.write(`${events.toLocaleString('en')} events, SHA-256 ${sha256}\n`);
      return 0;
    } finally {
      await engine.store.close();
    }
  } catch (error) {
    // Nothing leaves of which the trail does not tell.
    file?.destroy();
    if (out !== undefined) rmSync(out, { force: true });
    throw error;
  }
}

/** FHIR's dateTime. */
function timeGiven(text: string | boolean | undefined, flag: string) {
  if (text === undefined) return undefined;
  const time = parseDateTime(String(text));
  if (!time) throw new ConfigError(`--${flag} must be a date or a time, as in 2026-01-31 or 2026-01-31T08:00:00Z.`);
  return time;
}

/** Until there is room again, or nobody takes any more. Leaves no listener. */
async function drained(to: Writable, closed: Promise<void>): Promise<void> {
  let drain = (): void => undefined;
  const room = new Promise<void>(resolve => to.once('drain', (drain = resolve)));
  await Promise.race([room, closed]);
  to.off('drain', drain);
}

async function writeLines(
  lines: AsyncIterable<string>,
  to: Writable,
): Promise<{ readonly sha256: string; readonly events: number }> {
  const digest = createHash('sha256');
  let last = '';
  let failed: Error | undefined;
  to.on('error', error => (failed = error));
  const closed = new Promise<void>(resolve => to.once('close', resolve));
  for await (const line of lines) {
    last = line;
    digest.update(line).update('\n');
    if (!to.write(`${line}\n`) && !failed) await drained(to, closed);
    if (failed) throw failed;
  }
  if (to !== process.stdout) {
    to.end();
    await closed;
  }
  if (failed) throw failed;
  const { end } = JSON.parse(last) as { readonly end: { readonly events: number } };
  return { sha256: digest.digest('hex'), events: end.events };
}

export async function verifyAudit(invocation: Invocation): Promise<number> {
  const { open, options, config, words } = invocation;
  const [file, ...more] = words;
  if (more.length > 0)
    throw new ConfigError('chartroom audit verify takes one file, or none for what the store holds.');
  refuseFlags(invocation, ['from', 'to', 'texts', 'out'], 'export');
  const { key, anchor, witness } = options;
  const given = asSetting(() => ({
    keys: typeof key === 'string' ? keysGiven(key) : [],
    anchors: typeof anchor === 'string' ? anchorsGiven(anchor) : [],
    witnesses: typeof witness === 'string' ? [witnessGiven(witness)] : [],
  }));
  const { keys } = given;
  if (file !== undefined) {
    const verdict = await verifyTrail(fileLines(createReadStream(file, { highWaterMark: 1 << 20 })), given);
    const { text, status } = reportOf(verdict, { keys });
    process.stdout.write(text);
    if (status === 2) throw new ConfigError(`${file} is no export of an audit trail.`);
    return status;
  }
  const engine = await open({ examines: true });
  try {
    const { text, status } = reportOf(await verifyStore(engine, config.data, given), { keys, isStore: true });
    process.stdout.write(text);
    return status;
  } finally {
    await engine.store.close();
  }
}

/** What the store holds. `data`: the folder of the server. */
export async function verifyStore(engine: Engine, data: string, options: VerifyOptions = {}): Promise<VerifiedTrail> {
  const asExport = exportTrail(sourceIn(engine, data), { made: engine.clock.now(), texts: false });
  const verdict = await verifyTrail(numbered(asExport), options);
  for await (const fault of engine.trailFaults()) tellFault(verdict.findings, fault);
  return verdict;
}

async function* numbered(texts: AsyncIterable<string>): AsyncGenerator<FileLine> {
  let number = 0;
  for await (const text of texts) yield { number: ++number, text, hasReturn: false };
}

function tellFault(findings: TrailFindings, { fault, name }: TrailFault): void {
  if (fault === 'misindexed') findings.add('hidden-from-search', { id: name }, 'It is not found by what it says.');
  else findings.add('altered', { id: name }, 'The row says something else than what was written.');
}

function asSetting<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof UnusableInput ? new ConfigError(error.message) : error;
  }
}
