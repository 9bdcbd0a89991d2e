/**
 * The members of a value set: by code system, and by version of it where that matters, either some codes or all of them. A whole
 * code system stays `all` as long as it can, so that a search asks for one range of the index and not for thousands of codes.
 */
import { inPieces, paced, type Pieces } from '../platform/pieces.js';
import type { TokenValue } from '../search/query.js';
import type { Concepts } from './code-system.js';
import type { Contained } from './resources.js';

/** Codes that are looked at before others may have their turn. */
const CODES_IN_A_TURN = 10_000;

/** Codes, and what the value set itself says of them. */
export type Codes = ReadonlyMap<string, Contained | undefined>;

/** Of one code system, or of one version of it. */
export interface MemberPart {
  /** '' where a code has none. */
  readonly system: string;
  readonly version?: string | undefined;
  /** Where they are known, and were asked for. */
  readonly concepts?: Concepts | undefined;
  readonly codes: Codes | 'all';
}

/** By `partKey`. */
export type ValueSetMembers = ReadonlyMap<string, MemberPart>;

export const partKey = ({ system, version }: Pick<MemberPart, 'system' | 'version'>): string =>
  version === undefined ? system : `${system}|${version}`;

export const membersOf = (part: MemberPart): ValueSetMembers => new Map([[partKey(part), part]]);

export function* unite(all: readonly ValueSetMembers[]): Pieces<ValueSetMembers> {
  if (all.length === 1) return all[0]!;
  const result = new Map<string, MemberPart>();
  /** Parts whose codes are a table of our own. */
  const grown = new Map<string, Map<string, Contained | undefined>>();
  for (const members of all)
    for (const [key, part] of members) {
      const known = result.get(key);
      if (!known || part.codes === 'all') result.set(key, part);
      else if (known.codes !== 'all') {
        yield;
        const codes = grown.get(key) ?? new Map(known.codes);
        grown.set(key, codes);
        for (const [code, listed] of part.codes) if (!codes.has(code)) codes.set(code, listed);
        result.set(key, { ...known, codes });
      }
    }
  return result;
}

/** Codes that are in both, whatever their versions; what is said of them comes from the first. */
export function* intersect(first: ValueSetMembers, second: ValueSetMembers): Pieces<ValueSetMembers> {
  const result = new Map<string, MemberPart>();
  for (const [key, part] of first) {
    const others = [...second.values()].filter(({ system }) => system === part.system);
    if (others.length === 0) continue;
    const codes = yield* commonCodes(part.codes, others);
    if (codes === 'all' || codes.size > 0) result.set(key, { ...part, codes });
  }
  return result;
}

function* commonCodes(codes: Codes | 'all', others: readonly MemberPart[]): Pieces<Codes | 'all'> {
  if (others.some(other => other.codes === 'all')) return codes;
  const tables = others.map(other => other.codes as Codes);
  if (codes === 'all') return new Map(tables.flatMap(table => [...table]));
  return yield* codesThat(codes, code => tables.some(table => table.has(code)));
}

function* codesThat(codes: Codes, test: (code: string) => boolean): Pieces<Codes> {
  const isLong = paced(CODES_IN_A_TURN);
  const found = new Map<string, Contained | undefined>();
  for (const [code, listed] of codes) {
    if (isLong()) yield;
    if (test(code)) found.set(code, listed);
  }
  return found;
}

/**
 * Takes codes away, of all versions; `exactly`: of the same version only. `write` gives the codes of a whole code system, of which some
 * are taken away; `crossed` is called where a code is taken away by another version.
 */
export async function subtract(
  from: ValueSetMembers,
  what: ValueSetMembers,
  write: (part: MemberPart) => Promise<Codes>,
  { exactly = false, crossed = () => {} }: { readonly exactly?: boolean; readonly crossed?: () => void } = {},
): Promise<ValueSetMembers> {
  const result = new Map<string, MemberPart>();
  for (const [key, part] of from) {
    const less = [...what.values()].filter(
      ({ system, version, codes }) =>
        system === part.system && (!exactly || version === part.version) && (codes === 'all' || codes.size > 0),
    );
    if (less.some(({ version }) => version !== part.version)) crossed();
    if (less.length === 0) {
      result.set(key, part);
      continue;
    }
    // The same version, or all that is known of it.
    if (less.some(({ codes, version }) => codes === 'all' && version === part.version)) continue;
    const tables: Codes[] = [];
    for (const each of less) tables.push(each.codes === 'all' ? await write(each) : each.codes);
    const all = part.codes === 'all' ? await write(part) : part.codes;
    const rest = await inPieces(codesThat(all, code => !tables.some(table => table.has(code))));
    if (rest.size > 0) result.set(key, { ...part, codes: rest });
  }
  return result;
}

/** Codes that are listed, whole systems not counted. */
export const countListed = (members: ValueSetMembers): number =>
  [...members.values()].reduce((sum, { codes }) => sum + (codes === 'all' ? 0 : codes.size), 0);

export const memberTokens = (members: ValueSetMembers): readonly TokenValue[] =>
  [...members.values()].flatMap(({ system, codes }): TokenValue[] =>
    codes === 'all' ? [{ system }] : Array.from(codes.keys(), code => ({ system, code })),
  );
