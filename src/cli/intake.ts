/**
 * `chartroom intake <folder>`: takes what is put into a folder into a running server, by `$intake`, and moves it aside: into `done`, or into `failed` with the
 * reason beside it. Each file is a batch whose identifier is the hash of its bytes, which the server takes in once: whatever is killed when, nothing is lost, and
 * nothing comes in twice. docs/records-desk.md
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { contentTypeOf, HEAD_BYTES } from '../fhir/content/content-type.js';
import { nameOfBytes, URI_SYSTEM } from '../fhir/content/bytes-name.js';
import { FhirError } from '../fhir/error.js';
import { isObject, itemsOf, type Json, type Resource } from '../fhir/resource.js';
import { createOutgoing } from '../outgoing/outgoing.js';
import { outgoingCode } from '../outgoing/trouble.js';
import { INNER_NETWORKS } from '../outgoing/package-registry.js';
import type { Outgoing } from '../outgoing/client.js';
import { ConfigError } from '../platform/config.js';
import { createLog } from '../platform/log.js';
import { newUuid } from '../platform/ids.js';
import { createMetrics } from '../platform/metrics.js';
import { realNow, realPause } from '../platform/real-time.js';
import { ASIDE, type FileSeen, filesIn, moveAside, readUnchanged } from './intake-folder.js';
import type { Invocation } from './invocation.js';
import { onStopSignal, type StopSignals } from './signals.js';

/** ms between two looks: a file that is the same in both, and has not changed for a while, is whole. */
const LOOK = 500;
/** ms for which it has not changed, unless it is said. */
const QUIET = 10_000;
/** ms until a server that is away is asked again, at most. */
const LONGEST_REST = 30_000;
/** Tries of a command that is to come to an end. */
const TRIES = 5;
/** ms for one file. */
const WHOLE_FILE = 180_000;
const LARGEST_FILE = 64 * 1024 * 1024;

export async function intake({ words, options }: Invocation): Promise<number> {
  const [named, ...more] = words;
  if (named === undefined || more.length > 0) throw new ConfigError('Name one folder: chartroom intake <folder>.');
  const folder = resolve(named);
  if (!existsSync(folder)) throw new ConfigError(`There is no folder ${named}.`);
  const { server = 'http://127.0.0.1:8080/fhir', once } = options;
  const quiet = quietTime(options['quiet']);
  const tokenFile = options['token-file'];
  const token = typeof tokenFile === 'string' ? (await readFile(tokenFile, 'utf8')).trim() : undefined;
  const outgoing = createOutgoing({ metrics: createMetrics(), log: createLog('silent') });
  const signals = onStopSignal();
  try {
    for (const name of ASIDE) await mkdir(join(folder, name), { recursive: true });
    const client = openServer(outgoing, String(server));
    const isSeparated = options['separated'] === true;
    const given = { folder, client, server: String(server), token, isSeparated };
    return await watch({ ...given, isOnce: once === true, quiet, signals });
  } finally {
    signals.release();
    outgoing.close();
  }
}

/** ms. Throws ConfigError. */
function quietTime(given: string | boolean | undefined): number {
  if (given === undefined) return QUIET;
  if (typeof given !== 'string' || !/^[0-9]{1,5}$/.test(given))
    throw new ConfigError('--quiet is a number of seconds, as in 10.');
  return Number(given) * 1000;
}

/** Throws ConfigError where the address is none that may be asked. */
function openServer(outgoing: ReturnType<typeof createOutgoing>, address: string): Outgoing {
  const wrong = (cause?: unknown) =>
    new ConfigError('--server is an https address as in https://host/fhir; http only for this machine.', { cause });
  if (!URL.canParse(address)) throw wrong();
  const { protocol, host } = new URL(address);
  try {
    const hosts = [protocol === 'https:' ? host : `${protocol}//${host}`];
    const limits = { firstByte: WHOLE_FILE, whole: WHOLE_FILE, redirects: 0 };
    const client = outgoing.open('intake', { hosts, networks: INNER_NETWORKS, ...limits });
    client.check(address);
    return client;
  } catch (error) {
    throw wrong(error);
  }
}

interface Watched {
  readonly folder: string;
  readonly client: Outgoing;
  readonly server: string;
  readonly token: string | undefined;
  /** Separator sheets stand between the documents of a file. */
  readonly isSeparated: boolean;
  /** Ends when nothing is left. */
  readonly isOnce: boolean;
  /** ms for which a file has not changed. */
  readonly quiet: number;
  readonly signals: StopSignals;
  /** What was told last of a server that is away; undefined: it answers. */
  awayFor?: string | undefined;
}

/** Of a file that was tried in vain. */
interface InVain {
  readonly tries: number;
  /** Of the time of the process: it is not tried again before. */
  readonly until: number;
}

/** Looks again and again. Gives the exit status. */
async function watch(watched: Watched): Promise<number> {
  const { folder, isOnce, signals } = watched;
  const vain = new Map<string, InVain>();
  const triesOf = (name: string): number => vain.get(name)?.tries ?? 0;
  let before = new Map<string, FileSeen>();
  let [away, hasFailed] = [0, false];
  while (signals.status === undefined) {
    const now = await filesIn(folder);
    for (const name of vain.keys()) if (!now.has(name)) vain.delete(name);
    for (const name of namesInTurn(watched, now, before, vain)) {
      if (signals.status !== undefined) break;
      const outcome = await takeFile(watched, name, now.get(name)!.shape);
      hasFailed ||= outcome === 'failed';
      away = outcome === 'away' ? away + 1 : 0;
      const tries = triesOf(name) + 1;
      if (outcome === 'away' || outcome === 'later')
        vain.set(name, { tries, until: performance.now() + restAfterTries(tries) });
      if (outcome === 'away') break;
    }
    before = now;
    if (isOnce && now.size === 0) return hasFailed ? 1 : 0;
    if (isOnce && (away >= TRIES || [...now.keys()].every(name => triesOf(name) >= TRIES)))
      throw new FhirError('unavailable', 'The server does not answer, or does not get on with what is left.');
    await pauseFor(signals, restAfterTries(away));
  }
  return signals.status;
}

/** Names of files that are whole. What was tried in vain comes after the others and rests meanwhile: it keeps nobody waiting. */
function namesInTurn(
  { quiet }: Watched,
  now: ReadonlyMap<string, FileSeen>,
  before: ReadonlyMap<string, FileSeen>,
  vain: ReadonlyMap<string, InVain>,
): readonly string[] {
  const whole = [...now].flatMap(([name, { shape, changed }]) =>
    before.get(name)?.shape === shape && Math.abs(realNow() - changed) >= quiet ? [name] : [],
  );
  return whole
    .filter(name => (vain.get(name)?.until ?? 0) <= performance.now())
    .toSorted((one, other) => (vain.get(one)?.tries ?? 0) - (vain.get(other)?.tries ?? 0));
}

/** ms. */
const restAfterTries = (tries: number): number => (tries === 0 ? LOOK : Math.min(LONGEST_REST, LOOK * 2 ** tries));

/** A signal is not waited for longer than a look takes. */
async function pauseFor(signals: StopSignals, ms: number): Promise<void> {
  for (let left = ms; left > 0 && signals.status === undefined; left -= LOOK) await realPause(Math.min(left, LOOK));
}

/** `away`: nobody has answered. `later`: this file was not dealt with. `skipped`: it is gone, or is another one now. */
type FileOutcome = 'done' | 'failed' | 'away' | 'later' | 'skipped';

/** One file that looked like `shape`. Throws where the server wants somebody else to ask, or is none that takes scans in. */
async function takeFile(watched: Watched, name: string, shape: string): Promise<FileOutcome> {
  const { folder } = watched;
  const read = await readUnchanged(folder, name, { shape, most: LARGEST_FILE });
  if (read === 'changed') return 'skipped';
  if (read === 'unreadable') return 'later';
  const fail = (reason: string): Promise<FileOutcome> => failed(folder, name, shape, reason);
  if (read === 'too-large') return fail(TOO_LARGE);
  if (read.length === 0) return fail('The file is empty.');
  const sha256 = createHash('sha256').update(read).digest('hex');
  const answer = await asked(watched, name, read, sha256);
  if (typeof answer === 'string') return tellAway(watched, answer);
  const reason = reasonAgainst(answer);
  if (reason === 'away') return tellAway(watched, `it answered ${answer.status}`);
  watched.awayFor = undefined;
  if (typeof reason !== 'object') return reason;
  if (reason.text !== undefined) return fail(reason.text);
  const moved = await moveAside(folder, name, { shape, to: 'done', mark: sha256 });
  if (moved === undefined) return 'skipped';
  process.stdout.write(`${name}: ${answer.status === 201 ? 'taken in' : 'was taken in before'}\n`);
  return 'done';
}

/** Says why once, and again where the cause is another one. */
function tellAway(watched: Watched, cause: string): 'away' {
  if (watched.awayFor !== cause)
    process.stderr.write(
      `The server ${watched.server} does not take files in just now: ${cause}. It is asked again.\n`,
    );
  watched.awayFor = cause;
  return 'away';
}

interface Answered {
  readonly status: number;
  readonly body: Buffer;
}

/** Why a file is not taken in; without text: it is taken in. `away`, `later`: as an outcome. Throws where it is not about the file. */
function reasonAgainst({ status, body }: Answered): { readonly text?: string } | 'away' | 'later' {
  if (status === 401 || status === 403)
    throw new FhirError('forbidden', `The server does not let this token take files in (${status}): see --token-file.`);
  if (status === 429 || status === 503) return 'away';
  // 408: the server has waited for the body in vain, which is nothing against the file.
  if (status === 408 || status >= 500) return 'later';
  const said = spokenIn(body);
  // Whoever stands before the server says it in words of its own.
  if (status === 413) return { text: `${said ? reasonsIn(said) : ''}\n${TOO_LARGE}`.trim() };
  const isTaken = status === 200 || status === 201;
  if (NOT_HERE.has(status) || said?.resourceType !== (isTaken ? 'Parameters' : 'OperationOutcome'))
    throw new FhirError(
      'not-found',
      `What answers at this address takes no scans in (${status}): see --server. Everything stays where it is.`,
    );
  return isTaken ? {} : { text: reasonsIn(said) || `The server answered ${status}.` };
}

const TOO_LARGE =
  'Files go to the server in base64 within one body (its CHARTROOM_MAX_BODY, 16 MB unless it is set), and have 64 MB at most: upload a larger one to Binary, and take it in by $intake with its url.';

/** What somebody says who has no $intake, or another address. */
const NOT_HERE: ReadonlySet<number> = new Set([404, 405, 300, 301, 302, 303, 307, 308]);

/** Types of files that `$intake` takes apart; any other file is one document. */
const HOLD_SEVERAL: ReadonlySet<string | undefined> = new Set(['application/pdf', 'image/tiff']);

/** A text: why nobody has answered. */
async function asked(
  { client, server, token, folder, isSeparated }: Watched,
  name: string,
  bytes: Buffer,
  sha256: string,
): Promise<Answered | string> {
  const type = isSeparated ? await contentTypeOf(bytes.subarray(0, HEAD_BYTES)) : undefined;
  const separated = HOLD_SEVERAL.has(type) ? [{ name: 'separated', valueBoolean: true }] : [];
  const parameter = [
    { name: 'source', valueString: basename(folder) },
    { name: 'title', valueString: name },
    { name: 'identifier', valueIdentifier: { system: URI_SYSTEM, value: nameOfBytes(sha256) } },
    {
      name: 'file',
      part: [{ name: 'attachment', valueAttachment: { title: name, data: bytes.toString('base64') } }, ...separated],
    },
  ];
  try {
    return await client.ask(`${server.replace(/\/+$/, '')}/DocumentReference/$intake`, {
      method: 'POST',
      headers: { 'content-type': 'application/fhir+json', accept: 'application/fhir+json' },
      ...(token === undefined ? {} : { credentials: { authorization: `Bearer ${token}` } }),
      body: JSON.stringify({ resourceType: 'Parameters', parameter }),
    });
  } catch (error) {
    if (outgoingCode(error) === 'outgoing-redirect')
      throw new FhirError('not-found', 'This server sends on to another address: name that one as --server.', {
        cause: error,
      });
    if (error instanceof FhirError) return outgoingCode(error) ?? error.message;
    throw error;
  }
}

/** A resource that was answered; undefined: it is none. */
function spokenIn(body: Buffer): Resource | undefined {
  try {
    const said = JSON.parse(body.toString()) as Json;
    return isObject(said) && typeof said['resourceType'] === 'string' ? (said as Resource) : undefined;
  } catch {
    return undefined;
  }
}

/** What an OperationOutcome says, a line for each issue. */
const reasonsIn = ({ issue }: Resource): string =>
  itemsOf(issue)
    .flatMap(each => {
      const details = isObject(each) ? each['details'] : undefined;
      return isObject(details) && typeof details['text'] === 'string' ? [details['text']] : [];
    })
    .join('\n');

async function failed(folder: string, name: string, shape: string, reason: string): Promise<FileOutcome> {
  const moved = await moveAside(folder, name, { shape, to: 'failed', mark: newUuid(), reason });
  if (moved === undefined) return 'skipped';
  process.stderr.write(`${name}: not taken in, see failed/${moved}.reason.txt\n`);
  return 'failed';
}
