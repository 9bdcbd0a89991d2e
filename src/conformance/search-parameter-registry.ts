/**
 * The custom search parameters in force: those of files (profiles/) and the SearchParameter resources that are stored,
 * which win over a file with the same url whatever their status. https://hl7.org/fhir/R4/searchparameter.html
 *
 * What is in force is decided from the set as a whole, so that every process comes to the same: stored ones by id, then
 * files by name, composites last; what the judgement refuses (search/custom.ts) is left out, and the log says why.
 *
 * Several processes on one database: a change of a SearchParameter commits a message with it (topic `search-parameter`).
 * Every process looks for messages each POLL_MS, and before a write where its last look is older than STALE_MS. So what is
 * written LEARNT_MS after a change is indexed by it everywhere, and only then the reindex job begins (reindex-job.ts).
 *
 * The registry reads definitions, no records of anybody: it does so beside the door, like the reindex job.
 */
import { createHash } from 'node:crypto';
import type { Definitions, SearchParameterDefinition } from '../fhir/definitions.js';
import { asFhirError, FhirError, type Issue } from '../fhir/error.js';
import { parseJson, STORED_JSON } from '../fhir/json/json.js';
import type { Found } from '../fhir/package.js';
import type { Resource } from '../fhir/resource.js';
import type { Log } from '../platform/log.js';
import { checkSearchParameter, type Known } from '../search/custom.js';
import type { LiveParameters } from '../search/live.js';
import { concreteTypes } from '../search/parameters.js';
import type { GrowingLayout } from '../store/index-layout.js';
import type { Change, Message, Store } from '../store/store.js';
import { validateStructure } from '../validation/structure.js';

export const POLL_MS = 2000;
const STALE_MS = 2 * POLL_MS;
/** A commit that took longer looks again when it is done. */
export const SLOW_MS = 1000;
/** By then every process indexes by a parameter that has come into force: stale knowledge, a slow commit, a slow look. */
export const LEARNT_MS = STALE_MS + SLOW_MS + 1000;
/** A process that looked longer ago reads everything; messages are kept for twice as long. */
const FORGOTTEN_MS = 30_000;
const TOPIC = 'search-parameter';
const MESSAGES = 1000;

/** A custom parameter in force. */
export interface Custom {
  readonly definition: SearchParameterDefinition;
  /** Concrete resource types. */
  readonly types: readonly string[];
  /** Equal where keys made by one are right for the other. */
  readonly hash: string;
  /** Where it is from: `SearchParameter/id`, or a file. */
  readonly origin: string;
}

export interface Registry {
  readonly custom: readonly Custom[];
  /** Urls of parameters that may have been out of force for a moment since this was asked last. */
  takeFlipped(): ReadonlySet<string>;
  /** What stands against storing this SearchParameter. Gives its code a number if it will be in force. */
  check(resource: Resource, id: string): Promise<readonly Issue[]>;
  /** What must be committed with changes of SearchParameters. */
  messages(changes: readonly Change[]): readonly Message[];
  /** Puts changes that were committed into force. Never rejects. */
  committed(changes: readonly Change[]): Promise<void>;
  /** Resolves when what is known here is young enough to write by. */
  current(): Promise<void>;
  /** Looks what other processes have changed. */
  look(): Promise<void>;
  /** There are messages that every process has seen. */
  hasOldMessages(): boolean;
  /** Takes them away. One process does it. */
  tidy(): Promise<void>;
  /** Reads everything anew. */
  load(): Promise<void>;
}

export interface RegistryOptions {
  readonly definitions: Definitions;
  readonly parameters: LiveParameters;
  readonly placement: GrowingLayout;
  readonly store: Store;
  readonly log: Log;
  /** SearchParameters from files. */
  readonly files: readonly Found[];
}

interface Candidate {
  readonly origin: string;
  readonly resource: Resource;
}

const urlOf = ({ url }: Resource): string => (typeof url === 'string' ? url : '');

export function createRegistry(options: RegistryOptions): Registry {
  const { definitions, parameters, placement, store, log } = options;
  const standardUrls = new Map(definitions.searchParameters.map(each => [each.url, each]));
  const files = options.files.filter(({ from, resource }) => isSound(resource, from));
  const stored = new Map<string, Resource>();
  /** Message → when it was seen here first. */
  const seen = new Map<number, number>();
  const said = new Set<string>();
  let custom: readonly Custom[] = [];
  let flipped = new Set<string>();
  let looked = -Infinity;
  /** What is known may lag behind what is stored: everything must be read anew. */
  let stale = false;
  let turn: Promise<unknown> = Promise.resolve();

  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = turn.then(work, work);
    turn = mine.catch(() => undefined);
    return mine;
  };

  function isSound(resource: Resource, from: string): boolean {
    const first = validateStructure(resource, definitions).find(({ severity }) => severity === 'error');
    if (first) log.warn({ from, at: first.expression }, 'A search parameter of a file is not valid R4 and left out');
    return !first;
  }

  const say = (origin: string, resource: Resource, issue: Issue): void => {
    const key = `${origin} ${urlOf(resource)} ${issue.text}`;
    if (said.size < 10_000 && !said.has(key))
      log.warn({ from: origin, at: issue.expression, why: issue.text }, 'A search parameter cannot be in force');
    said.add(key);
  };

  const candidates = (): Candidate[] => {
    const all = [...stored]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([id, resource]) => ({ origin: `SearchParameter/${id}`, resource }));
    const urls = new Set(all.map(({ resource }) => urlOf(resource)));
    const rest = files.filter(({ resource }) => !urls.has(urlOf(resource)));
    return [...all, ...rest.map(({ from, resource }) => ({ origin: from, resource }))];
  };

  const knownBeside = (others: readonly Custom[]): Known => ({
    definitions,
    standard: parameters.standard,
    isStandard: url => standardUrls.has(url),
    byUrl: url => standardUrls.get(url) ?? others.find(({ definition }) => definition.url === url)?.definition,
    isTaken: (type, code) => others.some(({ definition, types }) => definition.code === code && types.includes(type)),
  });

  /** Decides what is in force, and puts it there. */
  const settle = async (): Promise<void> => {
    const accepted: Custom[] = [];
    const isComposite = ({ resource }: Candidate) => resource['type'] === 'composite';
    const all = candidates();
    for (const candidate of [...all.filter(c => !isComposite(c)), ...all.filter(isComposite)]) {
      const { origin, resource } = candidate;
      if (resource['status'] === 'active' && accepted.some(({ definition }) => definition.url === urlOf(resource))) {
        say(origin, resource, duplicate());
        continue;
      }
      const verdict = checkSearchParameter(resource, knownBeside(accepted));
      if (verdict.is === 'in-force') {
        const { definition } = verdict;
        const types = concreteTypes(definitions, definition.base);
        accepted.push({ definition, types, hash: hashOf(definition, accepted), origin });
      } else if (verdict.is === 'refused') say(origin, resource, verdict.issues[0]!);
    }
    const changed = JSON.stringify(accepted.map(({ hash }) => hash)) !== JSON.stringify(custom.map(({ hash }) => hash));
    if (changed) {
      const inForce = accepted.map(({ definition }) => definition);
      const numbers = await store.assignParameterCodes([...new Set(inForce.map(({ code }) => code))]);
      // First where keys live, then what is extracted and may be asked.
      placement.extend(inForce, numbers);
      parameters.replace(inForce);
      log.info({ parameters: accepted.length }, 'Custom search parameters in force');
    }
    custom = accepted;
  };

  const keep = (id: string, text: Buffer | undefined): void => {
    if (text) stored.set(id, parseJson(text, STORED_JSON).resource);
    else stored.delete(id);
  };
  const take = async (id: string): Promise<void> => keep(id, (await store.read('SearchParameter', id))?.text);

  const load = async (): Promise<void> => {
    const started = performance.now();
    // Messages first: what is committed meanwhile is then seen again.
    if (store.shared)
      for (const { sequence } of await store.pendingMessages(TOPIC, MESSAGES)) seen.set(sequence, performance.now());
    stored.clear();
    for await (const { row } of store.scan({ type: 'SearchParameter' })) keep(row.id, row.text);
    await settle();
    looked = started;
    stale = false;
  };

  const look = async (): Promise<void> => {
    const started = performance.now();
    if (stale || started - looked > FORGOTTEN_MS) return load();
    const messages = await store.pendingMessages(TOPIC, MESSAGES);
    if (messages.length === MESSAGES) return load();
    const news = messages.filter(({ sequence }) => !seen.has(sequence));
    const ids = new Map<string, number>();
    for (const { body } of news) ids.set(body, (ids.get(body) ?? 0) + 1);
    for (const [id, times] of ids) {
      const before = stored.get(id);
      if (times > 1 && before) flipped.add(urlOf(before));
      await take(id);
    }
    if (news.length > 0) await settle();
    for (const { sequence } of news) seen.set(sequence, started);
    const waiting = new Set(messages.map(({ sequence }) => sequence));
    for (const sequence of seen.keys()) if (!waiting.has(sequence)) seen.delete(sequence);
    looked = started;
  };

  const oldMessages = (): number[] => {
    const before = performance.now() - 2 * FORGOTTEN_MS;
    return [...seen].filter(([, since]) => since < before).map(([sequence]) => sequence);
  };

  return {
    get custom() {
      return custom;
    },
    takeFlipped() {
      const taken = flipped;
      flipped = new Set();
      return taken;
    },
    async check(resource, id) {
      const origin = `SearchParameter/${id}`;
      const url = urlOf(resource);
      const isFile = (from: string) => !from.startsWith('SearchParameter/');
      const others = custom.filter(
        each => each.origin !== origin && !(isFile(each.origin) && each.definition.url === url),
      );
      const verdict = checkSearchParameter(resource, knownBeside(others));
      if (verdict.is === 'refused') return verdict.issues;
      if (verdict.is !== 'in-force') return [];
      if (others.some(({ definition }) => definition.url === url)) return [duplicate()];
      await store.assignParameterCodes([verdict.definition.code]);
      return [];
    },
    messages: changes => (store.shared ? changes.map(({ id }) => ({ topic: TOPIC, body: id })) : []),
    async committed(changes) {
      try {
        await inTurn(async () => {
          // Not what was committed, but what is there: another process may have changed it since.
          for (const { id } of changes) await take(id);
          await settle();
        });
      } catch (error) {
        // The change is kept, and the next look or write takes it up.
        stale = true;
        log.warn({ kind: asFhirError(error).kind }, 'A search parameter could not be put into force yet');
      }
    },
    async current() {
      if (stale || (store.shared && performance.now() - looked > STALE_MS)) await inTurn(look);
    },
    look: () => inTurn(look),
    hasOldMessages: () => oldMessages().length > 0,
    async tidy() {
      const old = oldMessages();
      if (old.length === 0) return;
      await store.commit({ changes: [], acknowledges: old });
      for (const sequence of old) seen.delete(sequence);
    },
    load: () => inTurn(load),
  };
}

const duplicate = (): Issue => ({
  severity: 'error',
  code: 'processing',
  expression: 'SearchParameter.url',
  detail: 'parameter-taken',
  text: 'Another SearchParameter in force has this url: change that one, or retire it first.',
});

/** Components count by what they are, not by what they are called. */
function hashOf(definition: SearchParameterDefinition, others: readonly Custom[]): string {
  const { url, code, type, base, expression, target, phonetic, components } = definition;
  const parts = components?.map(part => [
    part.expression,
    others.find(each => each.definition.url === part.definition)?.hash ?? part.definition,
  ]);
  return createHash('sha256')
    .update(JSON.stringify([url, code, type, [...base].toSorted(), expression, target, phonetic, parts]))
    .digest('base64url')
    .slice(0, 22);
}

/** The check as the door wants it. */
export async function checkParameter(registry: Registry, resource: Resource, id: string): Promise<void> {
  const issues = await registry.check(resource, id);
  if (issues.length > 0) throw new FhirError('unprocessable', 'The search parameter cannot be in force.', { issues });
}
