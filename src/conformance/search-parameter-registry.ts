/**
 * The custom search parameters in force, as this process knows them: it reads the SearchParameters that are stored, decides
 * (parameters-in-force.ts) which of them and of the files are in force, and exchanges the tables that searches and writes
 * use. The log says why one is left out.
 *
 * Several processes on one database: a change of a SearchParameter commits a message with it (SEARCH_PARAMETER_TOPIC).
 * Every process looks for messages each POLL_MS, and before a write where its last look is older than STALE_MS. So what is
 * written LEARNT_MS after a change is indexed by it everywhere, and only then the reindex job begins (reindex-job.ts).
 *
 * The registry reads definitions, no records of anybody. Therefore it reads the store itself, without an access decision,
 * like the reindex job.
 */
import type { Definitions } from '../fhir/definitions.js';
import { asFhirError, FhirError, type Issue } from '../fhir/error.js';
import { parseJson, STORED_JSON } from '../fhir/json/json.js';
import type { ConformanceResource } from '../fhir/package.js';
import type { Resource } from '../fhir/resource.js';
import { createKeyedMutex } from '../platform/keyed-mutex.js';
import type { Log } from '../platform/log.js';
import type { LiveParameters } from '../search/live.js';
import type { GrowingLayout } from '../store/index-layout.js';
import { untilUncontested } from '../store/outbox.js';
import type { Change, OutboxMessage, PendingMessage, Store } from '../store/store.js';
import { validateStructure } from '../validation/structure.js';
import {
  type Candidate,
  candidatesOf,
  checkBeside,
  type CustomParameter,
  decideInForce,
  parameterUrl,
  type StandardParameters,
  standardParameters,
} from './parameters-in-force.js';
import { SeenMessages } from './seen-messages.js';

export const POLL_MS = 2000;
const STALE_MS = 2 * POLL_MS;
/** A commit that took longer looks again when it is done. */
export const SLOW_MS = 1000;
/** By then every process indexes by a parameter that has come into force: stale knowledge, a slow commit, a slow look. */
export const LEARNT_MS = STALE_MS + SLOW_MS + 1000;
/** A process whose last look is older reads everything; messages are kept for twice as long. */
const FORGOTTEN_MS = 30_000;
const SEARCH_PARAMETER_TOPIC = 'search-parameter';
/** Where more messages are pending, everything is read instead. */
const MAX_MESSAGES = 1000;
/** Different reasons that are logged, each once. */
const MAX_WARNINGS = 10_000;

export interface RegistryOptions {
  readonly definitions: Definitions;
  readonly parameters: LiveParameters;
  readonly layout: GrowingLayout;
  readonly store: Store;
  readonly log: Log;
  /** SearchParameters from files. */
  readonly files: readonly ConformanceResource[];
}

export class Registry {
  readonly #options: RegistryOptions;
  readonly #standard: StandardParameters;
  readonly #files: readonly ConformanceResource[];
  readonly #mutex = createKeyedMutex();
  readonly #stored = new Map<string, Resource>();
  readonly #seen = new SeenMessages();
  readonly #warned = new Set<string>();
  #custom: readonly CustomParameter[] = [];
  #redefined = new Set<string>();
  #lookedAt = -Infinity;
  /** What is known may lag behind what is stored: everything must be read anew. */
  #stale = false;

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.#standard = standardParameters(options.definitions, options.parameters.standard);
    this.#files = options.files.filter(file => this.#isValid(file));
  }

  /** The parameters in force. The array is another one whenever they have been decided anew. */
  get custom(): readonly CustomParameter[] {
    return this.#custom;
  }

  /** Urls of parameters that may have been out of force for a moment since this was asked last. */
  takeRedefined(): ReadonlySet<string> {
    const taken = this.#redefined;
    this.#redefined = new Set();
    return taken;
  }

  /** What stands against storing this SearchParameter. Gives its code a number if it will be in force. */
  async check(resource: Resource, id: string): Promise<readonly Issue[]> {
    const verdict = checkBeside(this.#custom, this.#standard, resource, id);
    if (verdict.is === 'refused') return verdict.issues;
    if (verdict.is === 'in-force') await this.#options.store.assignParameterCodes([verdict.definition.code]);
    return [];
  }

  /** What must be committed with changes of SearchParameters. */
  messages(changes: readonly Change[]): readonly OutboxMessage[] {
    return this.#options.store.shared ? changes.map(({ id }) => ({ topic: SEARCH_PARAMETER_TOPIC, body: id })) : [];
  }

  /** Puts changes that were committed into force. Never rejects. */
  async committed(changes: readonly Change[]): Promise<void> {
    try {
      await this.#inTurn(async () => {
        // Reads what is there, not what was committed: another process may have changed it since.
        for (const { id } of changes) await this.#read(id);
        await this.#decide();
      });
    } catch (error) {
      // The change is kept, and the next look or write takes it up.
      this.#stale = true;
      this.#options.log.warn({ kind: asFhirError(error).kind }, 'A search parameter could not be put into force yet');
    }
  }

  /** Resolves when what is known here is young enough to write by. */
  async current(): Promise<void> {
    if (this.#stale || (this.#options.store.shared && performance.now() - this.#lookedAt > STALE_MS)) await this.look();
  }

  /** Takes up what other processes have changed. */
  look(): Promise<void> {
    return this.#inTurn(() => this.#look());
  }

  /** Whether there are messages that every process has seen. */
  hasOldMessages(): boolean {
    return this.#oldMessages().length > 0;
  }

  /** Deletes messages that every process has seen. One process does it. */
  async tidy(): Promise<void> {
    const old = new Set(this.#oldMessages());
    if (old.size === 0) return;
    await untilUncontested(async () => {
      // Another process may have deleted some of them.
      const acknowledges = (await this.#pending()).map(({ sequence }) => sequence).filter(each => old.has(each));
      if (acknowledges.length > 0) await this.#options.store.commit({ changes: [], acknowledges });
    });
    this.#seen.forget([...old]);
  }

  /** Reads everything anew. */
  load(): Promise<void> {
    return this.#inTurn(() => this.#load());
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    return this.#mutex('registry', work);
  }

  #isValid({ resource, from }: ConformanceResource): boolean {
    const { definitions, log } = this.#options;
    const first = validateStructure(resource, definitions).find(({ severity }) => severity === 'error');
    if (first) log.warn({ from, at: first.expression }, 'A search parameter of a file is not valid R4 and left out');
    return !first;
  }

  #warn({ origin, resource }: Candidate, { expression, text }: Issue): void {
    const key = `${origin} ${parameterUrl(resource)} ${text}`;
    if (this.#warned.size >= MAX_WARNINGS || this.#warned.has(key)) return;
    this.#warned.add(key);
    this.#options.log.warn({ from: origin, at: expression, why: text }, 'A search parameter cannot be in force');
  }

  /** Decides what is in force, and exchanges the tables where that has changed. */
  async #decide(): Promise<void> {
    const { store, layout, parameters, log } = this.#options;
    const accepted = decideInForce(candidatesOf(this.#stored, this.#files), this.#standard, (candidate, issue) =>
      this.#warn(candidate, issue),
    );
    const hashes = (list: readonly CustomParameter[]) => JSON.stringify(list.map(({ hash }) => hash));
    if (hashes(accepted) !== hashes(this.#custom)) {
      const inForce = accepted.map(({ definition }) => definition);
      const numbers = await store.assignParameterCodes([...new Set(inForce.map(({ code }) => code))]);
      // First where keys live, then what is extracted and may be asked.
      layout.extend(inForce, numbers);
      parameters.replace(inForce);
      log.info({ parameters: accepted.length }, 'Custom search parameters in force');
    }
    this.#custom = accepted;
  }

  #keep(id: string, text: Buffer | undefined): void {
    if (text) this.#stored.set(id, parseJson(text, STORED_JSON).resource);
    else this.#stored.delete(id);
  }

  async #read(id: string): Promise<void> {
    this.#keep(id, (await this.#options.store.read('SearchParameter', id))?.text);
  }

  #pending(): Promise<PendingMessage[]> {
    return this.#options.store.pendingMessages(SEARCH_PARAMETER_TOPIC, MAX_MESSAGES);
  }

  async #load(): Promise<void> {
    const { store } = this.#options;
    const started = performance.now();
    // Messages first: what is committed meanwhile is then seen again.
    if (store.shared) this.#seen.add(await this.#pending(), performance.now());
    this.#stored.clear();
    for await (const { row } of store.scan({ type: 'SearchParameter' })) this.#keep(row.id, row.text);
    await this.#decide();
    this.#lookedAt = started;
    this.#stale = false;
  }

  async #look(): Promise<void> {
    const started = performance.now();
    if (this.#stale || started - this.#lookedAt > FORGOTTEN_MS) return this.#load();
    const messages = await this.#pending();
    if (messages.length === MAX_MESSAGES) return this.#load();
    const news = this.#seen.news(messages);
    await this.#readAgain(news);
    if (news.length > 0) await this.#decide();
    this.#seen.add(news, started);
    this.#seen.keepOnly(messages);
    this.#lookedAt = started;
  }

  /** Reads the resources that these messages name. One that changed more than once may have been out of force between. */
  async #readAgain(news: readonly PendingMessage[]): Promise<void> {
    const changes = new Map<string, number>();
    for (const { body } of news) changes.set(body, (changes.get(body) ?? 0) + 1);
    for (const [id, times] of changes) {
      const before = this.#stored.get(id);
      if (times > 1 && before) this.#redefined.add(parameterUrl(before));
      await this.#read(id);
    }
  }

  #oldMessages(): number[] {
    return this.#seen.olderThan(performance.now() - 2 * FORGOTTEN_MS);
  }
}

/** Throws what stands against storing this SearchParameter. */
export async function checkParameter(registry: Registry, resource: Resource, id: string): Promise<void> {
  const issues = await registry.check(resource, id);
  if (issues.length > 0) throw new FhirError('unprocessable', 'The search parameter cannot be in force.', { issues });
}
