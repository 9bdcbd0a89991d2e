/**
 * Writes that go with another one because a hook asks for them (hooks.ts): whoever writes must be allowed to do each of them but for what the
 * server keeps on its own account, each is prepared like any write, by its own hooks too, has an audit event of its own, and all are committed together or not at all. A write
 * that leaves its resource as it is has none.
 *
 * Nothing is written twice in one commit: a companion that writes what the write itself, another companion or another entry of
 * the transaction writes fails the whole, and two that each want to be the only one of what they write refuse it.
 */
import type { Allowed } from '../../access/decide.js';
import { createView } from '../../access/view.js';
import { asFhirError, FhirError, type Kind } from '../../fhir/error.js';
import { isObject } from '../../fhir/resource.js';
import { SYSTEM } from '../../identity/principal.js';
import type { OutboxMessage, ResourceName } from '../../store/store.js';
import type { Caller, Context } from '../engine.js';
import type { Companion, Interaction, Outcome, OwnedCompanion, RecordedPart, Result } from '../interaction.js';
import { subtypeOf } from '../subtypes.js';
import { hookFault } from './ask-hook.js';

/** Companions of one write, and companions of companions of companions. */
const MOST = 1000;
const DEEPEST = 3;

/** That one is not understood is no fault of the client, who did not send it. */
const MISTAKES: ReadonlySet<Kind> = new Set<Kind>(['invalid', 'not-supported', 'unknown-type']);

/** What a hook gave as companions. Throws `fault` for what is none. */
export function takeCompanions(context: Context, owner: string, given: readonly unknown[]): readonly OwnedCompanion[] {
  const { resourceTypes } = context.engine.definitions;
  if (given.length > MOST) throw hookFault(context, owner, 'prepare', `gave more than ${MOST} companions`);
  return given.map(ask => {
    if (!isCompanion(ask, resourceTypes))
      throw hookFault(context, owner, 'prepare', 'gave a companion that is no write');
    return { owner, ask };
  });
}

/** As far as its form goes: what it means is judged as that of any write is. */
function isCompanion(ask: unknown, resourceTypes: readonly string[]): ask is Companion {
  if (!isObject(ask) || !resourceTypes.includes(ask['type'] as string)) return false;
  switch (ask['kind']) {
    case 'create':
      return isObject(ask['body']) && isGivenBody(ask['body']) && !(ask['own'] && ask['ifNoneExist']);
    case 'update':
      return isObject(ask['body']) && isObject(ask['body']['resource']);
    case 'patch':
      return isObject(ask['patch']);
    case 'operation':
      return ask['operation'] === 'purge';
    default:
      return ask['kind'] === 'delete';
  }
}

/** A resource, or what becomes one when its bytes are stored. An upload is none: its sender is not waited for. */
const isGivenBody = ({ resource, readResource }: Readonly<Record<string, unknown>>): boolean =>
  isObject(resource) || typeof readResource === 'function';

/** Characters of a message, whose body the store keeps in one row. */
const LONGEST_MESSAGE = 1024 * 1024;

/** What a hook gave as messages. Throws `fault` for what is none. */
export function takeMessages(context: Context, owner: string, given: readonly unknown[]): readonly OutboxMessage[] {
  if (given.length > MOST) throw hookFault(context, owner, 'prepare', `gave more than ${MOST} messages`);
  return given.map(message => {
    if (!isMessage(message)) throw hookFault(context, owner, 'prepare', 'gave a message that is none');
    return message;
  });
}

const isMessage = (message: unknown): message is OutboxMessage =>
  isObject(message) &&
  typeof message['topic'] === 'string' &&
  message['topic'] !== '' &&
  typeof message['body'] === 'string' &&
  message['body'].length <= LONGEST_MESSAGE &&
  (message['notBefore'] === undefined || Number.isFinite(message['notBefore']));

/** An outcome with those of its companions. `depth`: of how many companions it is one itself. */
export async function withCompanions(
  context: Context,
  ask: Interaction,
  outcome: Outcome,
  runner: CompanionRunner,
  depth: number,
): Promise<Outcome> {
  const { accompaniment, ...own } = outcome;
  const { messages = [], mustNotMatch = [] } = accompaniment ?? {};
  const together: Committed[] = [own, { messages, mustNotMatch }];
  const partOf = context.partOf ?? subtypeOf(context.engine.subtypes, context.agent, ask);
  const recordedParts: RecordedPart[] = [...(own.recordedParts ?? [{ target: ask, result: own.result }])];
  const written = new Set(writtenBy(own).map(nameOf));
  const alone = new Set([...(own.mustNotMatch ?? []), ...mustNotMatch].map(({ uniquenessKey }) => uniquenessKey));
  for (const companion of accompaniment?.companions ?? []) {
    const { owner } = companion;
    if (depth === DEEPEST) throw hookFault(context, owner, 'prepare', 'gives companions to companions without end');
    const made = await runCompanion({ ...context, partOf }, companion, runner, depth + 1);
    for (const each of writtenBy(made)) {
      if (written.has(nameOf(each)))
        throw hookFault(context, owner, 'prepare', 'gave a companion that is written already');
      written.add(nameOf(each));
    }
    const wanted = new Set(made.mustNotMatch?.map(({ uniquenessKey }) => uniquenessKey));
    if ([...wanted].some(key => alone.has(key))) throw twiceAlone();
    for (const key of wanted) alone.add(key);
    together.push(made);
    const parts = made.recordedParts ?? [{ target: companion.ask, result: withoutText(made.result) }];
    recordedParts.push(...parts.map(part => ({ agent: owner, subtype: partOf, ...part })));
  }
  return { ...own, ...joined(together), recordedParts };
}

const twiceAlone = (): FhirError =>
  new FhirError('conflict', 'Two of what is asked for would each be the only one that there may be: ask for one.', {
    detail: 'not-unique',
  });

type Committed = Pick<Outcome, 'changes' | 'mustNotMatch' | 'mustExist' | 'messages'>;

const writtenBy = ({ changes = [], mustExist = [] }: Committed): readonly ResourceName[] => [...changes, ...mustExist];

const joined = (all: readonly Committed[]): Committed => ({
  changes: all.flatMap(({ changes = [] }) => changes),
  mustNotMatch: all.flatMap(({ mustNotMatch = [] }) => mustNotMatch),
  mustExist: all.flatMap(({ mustExist = [] }) => mustExist),
  messages: all.flatMap(({ messages = [] }) => messages),
});

/** How a companion passes the one door: perform.ts hands it in. */
export interface CompanionRunner {
  admit(caller: Caller, target: Companion): Promise<Allowed>;
  run(context: Context, ask: Interaction, located: undefined, depth: number): Promise<Outcome>;
}

async function runCompanion(
  context: Context,
  { owner, ask }: OwnedCompanion,
  runner: CompanionRunner,
  depth: number,
): Promise<Outcome> {
  const { allowance, engine, principal, requestId, correlationId, address, request, note, settled, stamp, partOf } =
    context;
  const caller: Caller = {
    allowance,
    engine,
    principal,
    agent: owner,
    requestId,
    correlationId,
    address,
    request,
    note,
    settled,
  };
  const isOwn = 'own' in ask && ask.own;
  const { permission, restrictions } = await runner.admit(isOwn ? { ...caller, principal: SYSTEM } : caller, ask);
  const view = createView(engine, restrictions, permission.masks);
  try {
    const own: Context = {
      allowance,
      engine,
      principal,
      agent: owner,
      requestId,
      correlationId,
      address,
      request,
      note,
      settled,
      permission,
      view,
      stamp,
      partOf,
    };
    const made = await runner.run(own, ask, undefined, depth);
    return isOwn ? withOwn(made) : made;
  } catch (error) {
    throw blamed(context, owner, ask, asFhirError(error));
  }
}

/** What it writes is marked; companions of it are not. */
export function withOwn(made: Outcome): Outcome {
  const { subject } = made.result;
  const changes = made.changes?.map(change =>
    change.type === subject?.type && change.id === subject.id ? { ...change, own: true as const } : change,
  );
  return { ...made, ...(changes ? { changes } : {}) };
}

function blamed(context: Context, owner: string, ask: Companion, error: FhirError): FhirError {
  const { kind } = error;
  if (MISTAKES.has(kind)) return hookFault(context, owner, 'prepare', `gave a companion that is ${kind}`, error);
  // What the hook has looked at was changed before the companion came to it.
  return kind === 'precondition' && 'ifMatch' in ask ? overtaken(error) : error;
}

const overtaken = (cause: FhirError): FhirError =>
  new FhirError('conflict', 'Somebody else has changed what belongs to this meanwhile: read it again.', {
    detail: 'overtaken',
    cause,
  });

const nameOf = ({ type, id }: ResourceName): string => `${type}/${id}`;

/** For what is recorded beside an answer: the events say nothing of it. */
export function withoutText(result: Result): Result {
  const { text: _, blobs: __, ...rest } = result;
  return rest;
}
