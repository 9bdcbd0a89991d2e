/**
 * What writes mean, in the plainest form: a map of histories, changed by one command after the other. The server must do the
 * same, on both stores. https://hl7.org/fhir/R4/http.html
 */

/** Patients of a small world: names and identifiers collide all the time. */
export type Command =
  | { readonly kind: 'create'; readonly v: number; readonly unless?: number }
  | {
      readonly kind: 'update';
      readonly id?: number;
      readonly by?: number;
      readonly v: number;
      readonly match?: 'current' | 'stale';
    }
  | { readonly kind: 'patch'; readonly id?: number; readonly by?: number; readonly v: number }
  | { readonly kind: 'delete'; readonly id?: number; readonly by?: number };
export type Step = Command | { readonly kind: 'transaction'; readonly of: readonly Command[] };

export interface Past {
  readonly method: string;
  /** Identifier; undefined: deleted. */
  readonly v: number | undefined;
}

/** Name → its versions, oldest first. `made` names what the server named. */
export type State = ReadonlyMap<string, readonly Past[]>;

export interface Done {
  readonly status: number;
  /** What was written or found; `new` where the server chooses the name. */
  readonly name?: string;
}

export const nameOf = (id: number): string => `p${id}`;

const alive = (state: State, name: string): Past | undefined => {
  const last = state.get(name)?.at(-1);
  return last?.v === undefined ? undefined : last;
};
export const matching = (state: State, v: number): string[] =>
  [...state.keys()].filter(name => alive(state, name)?.v === v);

/** The answer, the version that is added, or that what is meant was left as it was. */
type Effect = Done & { readonly add?: Past; readonly unchanged?: true };

/** What a command does to a state. */
export function run(state: State, command: Command, fresh: () => string): Effect {
  if (command.kind === 'create') return create(state, command, fresh);
  const found = command.by === undefined ? undefined : matching(state, command.by);
  if (found && found.length > 1) return { status: 412 };
  const name = found ? found[0] : nameOf(command.id!);
  const current = name === undefined ? undefined : alive(state, name);
  switch (command.kind) {
    case 'update':
      return update(command, name, current, fresh);
    case 'patch':
      if (name === undefined || !state.has(name)) return { status: 404 };
      if (!current) return { status: 410 };
      if (current.v === command.v) return { status: 200, name, unchanged: true };
      return { status: 200, name, add: { method: 'PATCH', v: command.v } };
    case 'delete':
      return current ? { status: 204, name: name!, add: { method: 'DELETE', v: undefined } } : { status: 204 };
  }
}

function create(state: State, { v, unless }: Command & { readonly kind: 'create' }, fresh: () => string): Effect {
  const found = unless === undefined ? [] : matching(state, unless);
  if (found.length > 1) return { status: 412 };
  if (found.length === 1) return { status: 200, name: found[0]! };
  return { status: 201, name: fresh(), add: { method: 'POST', v } };
}

function update(
  { v, match }: Command & { readonly kind: 'update' },
  name: string | undefined,
  current: Past | undefined,
  fresh: () => string,
): Effect {
  if (match === 'stale' || (match === 'current' && !current)) return { status: 412 };
  if (current?.v === v) return { status: 200, name: name!, unchanged: true };
  return { status: current ? 200 : 201, name: name ?? fresh(), add: { method: 'PUT', v } };
}

export const plus = (state: State, name: string, past: Past): State =>
  new Map([...state, [name, [...(state.get(name) ?? []), past]]]);

const RANKS = { delete: 0, create: 1, update: 2, patch: 2 } as const;

/**
 * All or nothing. Criteria of creates see what is deleted, what is created without criteria, wherever it stands, and what
 * is created with some before them, those of updates and patches what is deleted; one that means what another entry writes, and two
 * writes of one resource, fail the whole.
 */
export function runAll(
  state: State,
  commands: readonly Command[],
  fresh: () => string,
): { readonly state: State; readonly done: readonly Done[] } | undefined {
  const done: Done[] = [];
  const written = new Set<string>();
  let [after, seen] = [state, state];
  const unconditional = (command: Command) => command.kind !== 'create' || command.unless === undefined;
  const ordered = [...commands.entries()].toSorted(([, a], [, b]) => +unconditional(b) - +unconditional(a));
  for (const rank of [0, 1, 2])
    for (const [i, command] of ordered) {
      if (RANKS[command.kind] !== rank) continue;
      const effect = run(rank === 1 ? after : rank === 0 ? state : seen, command, fresh);
      const { add, unchanged: _, ...answer } = effect;
      if (answer.status >= 400) return undefined;
      done[i] = answer;
      const name = meantBy(command, effect);
      if (name !== undefined) {
        if (written.has(name)) return undefined;
        written.add(name);
      }
      if (add) after = plus(after, answer.name!, add);
      if (rank === 0) seen = after;
    }
  return keepCriteria({ after, seen, written }, commands, done) ? { state: after, done } : undefined;
}

/** The resource that a command writes, or means to. */
function meantBy(command: Command, { add, unchanged, name }: Effect): string | undefined {
  if (add || unchanged) return name!;
  // A delete of what is not there still means this resource.
  return command.kind === 'delete' && command.id !== undefined ? nameOf(command.id) : undefined;
}

/** Whether no criteria mean what another command writes, or what one makes whose criteria are the same. */
function keepCriteria(
  { after, seen, written }: { readonly after: State; readonly seen: State; readonly written: ReadonlySet<string> },
  commands: readonly Command[],
  done: readonly Done[],
): boolean {
  const claims = new Set<number>();
  for (const [i, command] of commands.entries()) {
    const criteria = command.kind === 'create' ? command.unless : command.kind === 'delete' ? undefined : command.by;
    if (criteria === undefined) continue;
    const { status, name } = done[i]!;
    if (matching(after, criteria).some(other => written.has(other) && other !== name)) return false;
    if (command.kind === 'create' && alive(seen, name!) && written.has(name!)) return false;
    if (status === 201 && claims.has(criteria)) return false;
    if (status === 201) claims.add(criteria);
  }
  return true;
}
