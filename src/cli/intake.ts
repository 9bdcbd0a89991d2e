/**
 * `chartroom intake <folder>`: takes what is put into a folder into a running server, by `$intake`, and moves it aside: into `done`, or into `failed` with the
 * reason beside it. Each file is a batch whose identifier is the hash of its bytes, which the server takes in once: whatever is killed when, nothing is lost, and
 * nothing comes in twice. docs/records-desk.md
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { lstat, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { nameOfBytes, URI_SYSTEM } from '../fhir/content/bytes-name.js';
import { FhirError } from '../fhir/error.js';
import { isObject, itemsOf, type Json } from '../fhir/resource.js';
import { createOutgoing } from '../outgoing/outgoing.js';
import { INNER_NETWORKS } from '../outgoing/package-registry.js';
import type { Outgoing } from '../outgoing/client.js';
import { ConfigError } from '../platform/config.js';
import { createLog } from '../platform/log.js';
import { newUuid } from '../platform/ids.js';
import { createMetrics } from '../platform/metrics.js';
import { realPause } from '../platform/real-time.js';
import type { Invocation } from './invocation.js';
import { onStopSignal, type StopSignals } from './signals.js';

/** ms between two looks: a file that is the same in both is whole. */
const LOOK = 500;
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
  const tokenFile = options['token-file'];
  const token = typeof tokenFile === 'string' ? (await readFile(tokenFile, 'utf8')).trim() : undefined;
  const outgoing = createOutgoing({ metrics: createMetrics(), log: createLog('silent') });
  const signals = onStopSignal();
  try {
    for (const name of ASIDE) await mkdir(join(folder, name), { recursive: true });
    const client = openServer(outgoing, String(server));
    return await watch({ folder, client, server: String(server), token, isOnce: once === true, signals });
  } finally {
    signals.release();
    outgoing.close();
  }
}

const ASIDE = ['done', 'failed'] as const;

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
  /** Ends when nothing is left. */
  readonly isOnce: boolean;
  readonly signals: StopSignals;
}

/** Looks again and again. Gives the exit status. */
async function watch(watched: Watched): Promise<number> {
  const { folder, isOnce, signals } = watched;
  let before = new Map<string, string>();
  let [away, hasFailed] = [0, false];
  while (signals.status === undefined) {
    const now = await filesIn(folder);
    const whole = [...now].flatMap(([name, shape]) => (before.get(name) === shape ? [name] : []));
    before = now;
    for (const name of whole) {
      if (signals.status !== undefined) break;
      const outcome = await takeFile(watched, name);
      if (outcome === 'away') {
        if (isOnce && ++away >= TRIES) throw new FhirError('unavailable', 'The server does not answer.');
        break;
      }
      away = 0;
      hasFailed ||= outcome === 'failed';
      before.delete(name);
    }
    if (isOnce && now.size === 0) return hasFailed ? 1 : 0;
    await pauseFor(signals, away === 0 ? LOOK : Math.min(LONGEST_REST, LOOK * 2 ** away));
  }
  return signals.status;
}

/** A signal is not waited for longer than a look takes. */
async function pauseFor(signals: StopSignals, ms: number): Promise<void> {
  for (let left = ms; left > 0 && signals.status === undefined; left -= LOOK) await realPause(Math.min(left, LOOK));
}

/** Files of a folder, without those that are hidden or no plain files, by name; each with its size and the time of its last change. */
async function filesIn(folder: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const name of (await readdir(folder)).toSorted()) {
    if (name.startsWith('.')) continue;
    const found = await lstat(join(folder, name)).catch(() => undefined);
    if (found?.isFile()) files.set(name, `${found.size} ${found.mtimeMs}`);
  }
  return files;
}

type FileOutcome = 'done' | 'failed' | 'away';

/** One file. Throws where the server wants somebody else to ask. */
async function takeFile(watched: Watched, name: string): Promise<FileOutcome> {
  const { folder } = watched;
  const file = join(folder, name);
  const { size } = await lstat(file);
  if (size === 0 || size > LARGEST_FILE) return failed(folder, name, 'A file is not empty, and has 64 MB at most.');
  const bytes = await readFile(file);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const answer = await asked(watched, name, bytes, sha256);
  if (!answer) return 'away';
  const { status, body } = answer;
  if (status === 200 || status === 201) {
    await moveAside(folder, name, 'done', sha256);
    process.stdout.write(`${name}: ${status === 201 ? 'taken in' : 'was taken in before'}\n`);
    return 'done';
  }
  if (status === 401 || status === 403)
    throw new FhirError('forbidden', `The server does not let this token take files in (${status}): see --token-file.`);
  if (status === 429 || status >= 500) return 'away';
  return failed(folder, name, reasonsIn(body) || `The server answered ${status}.`);
}

/** Undefined: nobody has answered. */
async function asked(
  { client, server, token, folder }: Watched,
  name: string,
  bytes: Buffer,
  sha256: string,
): Promise<{ readonly status: number; readonly body: Buffer } | undefined> {
  const parameter = [
    { name: 'source', valueString: basename(folder) },
    { name: 'title', valueString: name },
    { name: 'identifier', valueIdentifier: { system: URI_SYSTEM, value: nameOfBytes(sha256) } },
    { name: 'file', part: [{ name: 'attachment', valueAttachment: { title: name, data: bytes.toString('base64') } }] },
  ];
  try {
    return await client.ask(`${server.replace(/\/+$/, '')}/DocumentReference/$intake`, {
      method: 'POST',
      headers: { 'content-type': 'application/fhir+json', accept: 'application/fhir+json' },
      ...(token === undefined ? {} : { credentials: { authorization: `Bearer ${token}` } }),
      body: JSON.stringify({ resourceType: 'Parameters', parameter }),
    });
  } catch (error) {
    if (error instanceof FhirError) return undefined;
    throw error;
  }
}

/** What an OperationOutcome says, a line for each issue. */
function reasonsIn(body: Buffer): string {
  try {
    const outcome = JSON.parse(body.toString()) as Json;
    const issues = isObject(outcome) ? itemsOf(outcome['issue']) : [];
    return issues
      .flatMap(issue => {
        const details = isObject(issue) ? issue['details'] : undefined;
        return isObject(details) && typeof details['text'] === 'string' ? [details['text']] : [];
      })
      .join('\n');
  } catch {
    return '';
  }
}

async function failed(folder: string, name: string, reason: string): Promise<'failed'> {
  await writeFile(join(folder, 'failed', `${name}.reason.txt`), `${reason}\n`);
  await moveAside(folder, name, 'failed', newUuid());
  process.stderr.write(`${name}: not taken in, see failed/${name}.reason.txt\n`);
  return 'failed';
}

/** Another file of that name stays: this one gets a name with `mark`. */
async function moveAside(folder: string, name: string, to: (typeof ASIDE)[number], mark: string): Promise<void> {
  const plain = join(folder, to, name);
  await rename(join(folder, name), existsSync(plain) ? join(folder, to, `${mark.slice(0, 12)}-${name}`) : plain);
}
