/** Rules that say which requests meet which fault (docs/harness.md), and what has come of them. */
import { FhirError } from '../fhir/error.js';
import { INTERACTIONS } from '../interactions/kinds.js';
import { type AskedMembers, isObjectOf, refused, wholeNumberIn } from './asked.js';
import { MAX_SEED, seededNumbers } from './seeded-ids.js';

/** What goes wrong. `after`: the request is answered first, and only its answer is lost. */
export type Fault =
  | { readonly fault: 'delay'; readonly ms: number }
  | { readonly fault: 'status'; readonly status: number; readonly retryAfter?: number; readonly after: boolean }
  | { readonly fault: 'closed'; readonly after: boolean }
  | { readonly fault: 'half-sent' | 'broken-json' | 'wrong-etag' | 'store-away' | 'audit-away' }
  /** So many attempts of a commit meet one. */
  | { readonly fault: 'conflict'; readonly attempts: number };

/** What a rule looks at. */
export interface FaultRequest {
  readonly method: string;
  readonly path: string;
  /** Undefined: it is not below /fhir, or nothing is meant by its address. */
  readonly interaction?: string | undefined;
  readonly operation?: string | undefined;
  readonly type?: string | undefined;
  readonly header: (name: string) => string | undefined;
}

export type FaultRule = Fault & {
  readonly interaction?: string;
  readonly type?: string;
  readonly header?: Readonly<Record<string, string>>;
  readonly nth?: number;
  readonly probability?: number;
  readonly seed?: number;
  readonly times?: number;
};

interface KnownRule {
  readonly id: string;
  readonly rule: FaultRule;
  readonly draw: () => number;
  matched: number;
  fired: number;
}

/** What has fired, the oldest first. */
export interface FiredFault {
  readonly at: string;
  readonly rule: string;
  readonly fault: Fault['fault'];
  readonly method: string;
  readonly path: string;
  readonly interaction?: string;
  readonly type?: string;
}

export interface FaultRules {
  add(rule: FaultRule): unknown;
  list(): readonly unknown[];
  /** False: there is none. */
  remove(id: string): boolean;
  clear(): void;
  /** The faults of a request, in the order of their rules. */
  meet(request: FaultRequest): readonly Fault[];
  readonly log: { list(): { readonly fired: readonly FiredFault[]; readonly dropped: number }; clear(): void };
}

const MAX_RULES = 100;
const MAX_LOGGED = 1000;

/** `now`: of the clock that tests see. */
export function createFaultRules(now: () => number): FaultRules {
  const rules = new Map<string, KnownRule>();
  let fired: FiredFault[] = [];
  let dropped = 0;
  let last = 0;
  const clearLog = (): void => {
    fired = [];
    dropped = 0;
  };
  const note = ({ id, rule }: KnownRule, { method, path, interaction, type }: FaultRequest): void => {
    fired.push({
      ...{ at: new Date(now()).toISOString(), rule: id, fault: rule.fault, method, path },
      ...(interaction === undefined ? {} : { interaction }),
      ...(type === undefined ? {} : { type }),
    });
    if (fired.length > MAX_LOGGED) {
      fired.shift();
      dropped += 1;
    }
  };
  const shown = ({ id, rule, matched, fired: times }: KnownRule) => ({ id, ...rule, matched, fired: times });
  return {
    add(rule) {
      if (rules.size >= MAX_RULES)
        throw new FhirError('conflict', `There are ${MAX_RULES} rules, and no more: delete some first.`);
      const known = { id: String(++last), rule, draw: seededNumbers(rule.seed ?? 0), matched: 0, fired: 0 };
      rules.set(known.id, known);
      return shown(known);
    },
    list: () => [...rules.values()].map(shown),
    remove: id => rules.delete(id),
    clear() {
      rules.clear();
      clearLog();
      last = 0;
    },
    meet(request) {
      if (rules.size === 0) return [];
      return [...rules.values()]
        .filter(known => {
          if (!matches(known.rule, request)) return false;
          known.matched += 1;
          const { nth, times = Infinity, probability = 1 } = known.rule;
          const fires =
            known.draw() / 2 ** 32 < probability && (nth === undefined || known.matched === nth) && known.fired < times;
          if (!fires) return false;
          known.fired += 1;
          note(known, request);
          return true;
        })
        .map(({ rule }) => rule);
    },
    log: { list: () => ({ fired, dropped }), clear: clearLog },
  };
}

function matches({ interaction, type, header = {} }: FaultRule, request: FaultRequest): boolean {
  const asked = request.operation === undefined ? request.interaction : `$${request.operation}`;
  return (
    (interaction === undefined || interaction === asked || sameKind(interaction, request.interaction)) &&
    (type === undefined || type === request.type) &&
    Object.entries(header).every(([name, value]) => request.header(name) === value)
  );
}

/** A batch is told from a transaction by its body, which is not read yet. */
const sameKind = (one: string, other: string | undefined): boolean =>
  one === other || (BUNDLES.has(one) && BUNDLES.has(other ?? ''));
const BUNDLES: ReadonlySet<string> = new Set(['batch', 'transaction']);

/** What each fault takes beside `fault`. */
const PARAMETERS: Readonly<Record<Fault['fault'], readonly string[]>> = {
  delay: ['ms'],
  status: ['status', 'retryAfter', 'after'],
  closed: ['after'],
  'half-sent': [],
  'broken-json': [],
  'wrong-etag': [],
  'store-away': [],
  'audit-away': [],
  conflict: ['attempts'],
};
const MATCHERS = ['interaction', 'type', 'header', 'nth', 'probability', 'seed', 'times'];
export const RULE_MEMBERS = ['fault', ...MATCHERS, ...new Set(Object.values(PARAMETERS).flat())];

const isFault = (value: unknown): value is Fault['fault'] =>
  typeof value === 'string' && Object.hasOwn(PARAMETERS, value);

/** What there is to be named in a rule. */
export interface RuleNames {
  readonly types: readonly string[];
  readonly operations: ReadonlyMap<string, unknown>;
}

/** Throws `invalid` for what is no rule. */
export function readRule(asked: AskedMembers, names: RuleNames): FaultRule {
  const { fault } = asked;
  if (!isFault(fault)) throw refused(`fault must be one of ${Object.keys(PARAMETERS).join(', ')}.`);
  const strange = Object.keys(asked).find(name => ![...MATCHERS, 'fault', ...PARAMETERS[fault]].includes(name));
  if (strange !== undefined) throw refused(`${fault} takes no ${strange}.`);
  return { ...faultOf(fault, asked), ...matchersOf(asked, names) };
}

function faultOf(fault: Fault['fault'], asked: AskedMembers): Fault {
  const after = asked['after'] ?? false;
  if (typeof after !== 'boolean') throw refused('after must be true or false.');
  switch (fault) {
    case 'delay':
      return { fault, ms: needed(asked, 'ms', 0, 60_000) };
    case 'status': {
      const retryAfter = wholeNumberIn(asked, 'retryAfter', 0, 3600);
      const status = needed(asked, 'status', 400, 599);
      return { fault, status, after, ...(retryAfter === undefined ? {} : { retryAfter }) };
    }
    case 'closed':
      return { fault, after };
    case 'conflict':
      return { fault, attempts: wholeNumberIn(asked, 'attempts', 1, 1000) ?? 1 };
    default:
      return { fault };
  }
}

function needed(asked: AskedMembers, name: string, least: number, most: number): number {
  const number = wholeNumberIn(asked, name, least, most);
  if (number === undefined) throw refused(`Say ${name}.`);
  return number;
}

function matchersOf(asked: AskedMembers, { types, operations }: RuleNames): Omit<FaultRule, keyof Fault> {
  const { interaction, type, header, probability } = asked;
  const isKnown = (name: unknown): boolean =>
    typeof name === 'string' &&
    (Object.hasOwn(INTERACTIONS, name) || (name.startsWith('$') && operations.has(name.slice(1))));
  if (interaction !== undefined && !isKnown(interaction))
    throw refused(
      `interaction must be an operation as in $everything, or one of ${Object.keys(INTERACTIONS).join(', ')}.`,
    );
  if (type !== undefined && !types.some(each => each === type)) throw refused('type must be a resource type.');
  if (header !== undefined && !isHeaders(header)) throw refused('header must be an object of names and texts.');
  if (probability !== undefined && !(typeof probability === 'number' && probability >= 0 && probability <= 1))
    throw refused('probability must be a number from 0 to 1.');
  const numbers = {
    nth: wholeNumberIn(asked, 'nth', 1, 1e9),
    times: wholeNumberIn(asked, 'times', 1, 1e9),
    seed: wholeNumberIn(asked, 'seed', 0, MAX_SEED),
  };
  const given = Object.entries({ interaction, type, header, probability, ...numbers });
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

const isHeaders = (value: unknown): value is Readonly<Record<string, string>> =>
  typeof value === 'object' &&
  value !== null &&
  isObjectOf(value, Object.keys(value)) &&
  Object.values(value).every(each => typeof each === 'string');
