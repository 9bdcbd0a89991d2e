/**
 * What compiling a query needs to know of the data: which code systems, widths and target types occur for a parameter,
 * how long the longest period of a type is, and the numbers of the codes of custom search parameters. A catalog only grows.
 * An adapter caches it in one IndexCatalog, and writes new entries durably before the commit that needs them, one
 * resource's additions at a time, in the order given, insert only: a duplicate
 * `id` (another process was first) means stop, read the catalog again, encode again. So a number never names two systems.
 */
import { FhirError } from '../fhir/error.js';
import { encodeNumber } from './codec.js';
import { TYPE_CODES } from './type-codes.js';

/** One row to keep: unique `id`. JSON-able. */
export interface CatalogEntry {
  readonly id: string;
  readonly value: string;
}

export interface IndexCatalog {
  /** Two (rarely five) characters; '00' is the empty system; undefined: never seen. */
  system(uri: string): string | undefined;
  /**
   * What occurs for a parameter (by prefix), each with its kind first: `s` + system number, `c` + class of a
   * date or number, `t` + a target type.
   */
  uses(prefix: string): readonly string[];
  /** At least the length of the longest main date of the type that has both ends, high − low in ms. */
  widest(type: string): number;
  /** Two characters for the code of a custom search parameter; undefined: it has none yet. */
  parameter(code: string): string | undefined;
  /** Whether some main date of the type is open. */
  isOpen(type: string): boolean;
  has(id: string): boolean;
  /** Number of entries: while it stays, all does. */
  readonly size: number;
  add(additions: Iterable<CatalogEntry>): void;
  /** Number of code systems seen, without the empty one. */
  readonly systems: number;
  /** Number of codes of custom search parameters that have a number. */
  readonly parameters: number;
}

export const NO_SYSTEM = '00';
const OPEN_WIDTH = 99;

/** Id of the entry that `use` occurs for the parameter with this prefix. */
export const useEntry = (prefix: string, use: string): string => `u${prefix}${use}`;

/** Open ends are millennia away. */
export const isOpenWidth = (width: number): boolean => width > 1e14;

/** Id of the entry that the type has a main date of this length: a power of two, so that entries stay few. */
export function widthEntry(typeCode: string, width: number): string {
  const power = isOpenWidth(width) ? OPEN_WIDTH : Math.ceil(Math.log2(width + 1));
  return `w${typeCode}${String(power).padStart(2, '0')}`;
}

export const systemEntry = (number: number): string => `s${encodeNumber(number)}`;

/** Numbers of custom parameter codes: above all that the standard's can ever need, below what two characters can say. */
const CUSTOM_NUMBERS = { from: 1000, below: 3844 } as const;

/**
 * The entries that give numbers to the codes that have none, in order. A number is never taken back: what is stored under
 * it may outlive the parameter. Throws `unprocessable` where no number is left.
 */
export function parameterCodeEntries(catalog: IndexCatalog, codes: Iterable<string>): readonly CatalogEntry[] {
  const without = [...new Set(codes)].filter(code => catalog.parameter(code) === undefined);
  const first = CUSTOM_NUMBERS.from + catalog.parameters;
  if (without.length > 0 && first + without.length > CUSTOM_NUMBERS.below)
    throw new FhirError('unprocessable', 'This store has no room for further codes of search parameters.', {
      expression: 'SearchParameter.code',
      detail: 'too-many-parameters',
    });
  return without.map((code, i) => ({ id: `p${encodeNumber(first + i)}`, value: code }));
}

export function createIndexCatalog(initial: Iterable<CatalogEntry> = []): IndexCatalog {
  const ids = new Set<string>();
  const systems = new Map<string, string>([['', NO_SYSTEM]]);
  const uses = new Map<string, string[]>();
  const widths = new Map<string, number>();
  const parameters = new Map<string, string>();
  const openTypes = new Set<string>();
  const catalog: IndexCatalog = {
    system: uri => systems.get(uri),
    uses: prefix => uses.get(prefix) ?? [],
    widest: type => widths.get(TYPE_CODES[type] ?? '') ?? 0,
    parameter: code => parameters.get(code),
    isOpen: type => openTypes.has(TYPE_CODES[type] ?? ''),
    has: id => ids.has(id),
    add(additions) {
      for (const { id, value } of additions) {
        if (ids.has(id)) continue;
        ids.add(id);
        const rest = id.slice(1);
        if (id.startsWith('s')) systems.set(value, rest);
        else if (id.startsWith('p')) parameters.set(value, rest);
        else if (id.startsWith('u')) {
          const prefix = rest.slice(0, 4);
          const known = uses.get(prefix);
          if (known) known.push(rest.slice(4));
          else uses.set(prefix, [rest.slice(4)]);
        } else {
          const type = rest.slice(0, 2);
          const power = Number(rest.slice(2));
          if (power === OPEN_WIDTH) openTypes.add(type);
          else widths.set(type, Math.max(widths.get(type) ?? 0, 2 ** power - 1));
        }
      }
    },
    get size() {
      return ids.size;
    },
    get systems() {
      return systems.size - 1;
    },
    get parameters() {
      return parameters.size;
    },
  };
  catalog.add(initial);
  return catalog;
}
