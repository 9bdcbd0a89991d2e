/**
 * The custom search parameters in force, as this process knows them: of the SearchParameters that are stored and those of files it
 * decides (parameters-in-force.ts) which are in force together, and exchanges the tables that searches and writes use. The log says
 * why one is left out.
 *
 * It is one of the tables that every process knows (../live/live-tables.ts): what is written KNOWN_MS after a change is indexed by it
 * everywhere, and only then the reindex job begins (reindex-job.ts).
 */
import type { Definitions } from '../fhir/definitions.js';
import { FhirError, type Issue } from '../fhir/error.js';
import type { ConformanceResource } from '../fhir/package.js';
import type { Resource } from '../fhir/resource.js';
import type { TypeTable } from '../live/live-table.js';
import type { Log } from '../platform/log.js';
import type { LiveParameters } from '../search/live.js';
import type { GrowingLayout } from '../store/index-layout.js';
import type { Store } from '../store/store.js';
import { validateStructure } from '../validation/gate/structure.js';
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

/** Different reasons that are logged, each once. */
const MAX_WARNINGS = 10_000;

export interface RegistryOptions {
  readonly definitions: Definitions;
  readonly parameters: LiveParameters;
  readonly layout: GrowingLayout;
  readonly store: Pick<Store, 'assignParameterCodes'>;
  readonly log: Log;
  /** SearchParameters from files. */
  readonly files: readonly ConformanceResource[];
}

export class Registry {
  readonly #options: RegistryOptions;
  readonly #standard: StandardParameters;
  readonly #files: readonly ConformanceResource[];
  readonly #warned = new Set<string>();
  #custom: readonly CustomParameter[] = [];
  #redefined = new Set<string>();

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.#standard = standardParameters(options.definitions);
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

  /** As every process knows it. */
  table(): TypeTable<Resource> {
    return {
      name: 'search-parameter',
      type: 'SearchParameter',
      entry: resource => resource,
      exchange: async (stored, twice) => {
        for (const before of twice) this.#redefined.add(parameterUrl(before));
        await this.#decide(stored);
      },
    };
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
  async #decide(stored: ReadonlyMap<string, Resource>): Promise<void> {
    const { store, layout, parameters, log } = this.#options;
    const accepted = decideInForce(candidatesOf(stored, this.#files), this.#standard, (candidate, issue) =>
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
}

/** Throws what stands against storing this SearchParameter. */
export async function checkParameter(registry: Registry, resource: Resource, id: string): Promise<void> {
  const issues = await registry.check(resource, id);
  if (issues.length > 0) throw new FhirError('unprocessable', 'The search parameter cannot be in force.', { issues });
}
