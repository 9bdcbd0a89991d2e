/**
 * batch: https://hl7.org/fhir/R4/http.html#transaction, #brules. Every entry goes through the door by itself, some at a time;
 * what becomes of one is nothing to the others. They run in the order of a transaction, as R4 supposes: a GET sees what
 * the batch wrote.
 */
import { asFhirError, FhirError } from '../fhir/error.js';
import type { Allowance, Caller, Engine } from './engine.js';
import { allowanceOf, shareOf, answerTooLarge } from './response/allowance.js';
import { type Answer, answerOfError, inEntry, responseBundle, seen, within } from './response/transaction-response.js';
import type { Entry, Interaction, Of, Outcome } from './interaction.js';
import { strayTarget } from './kinds.js';
import { type Named, type Names, pathTo, rename } from './transaction/references.js';
import { type EntryRunner, isWrite, rankOf, resourceIn, sitesIn } from './transaction/steps.js';

const ENTRIES_UNDER_WAY = 8;
/** Entries that may need no store, and so nobody to wait for, before others are let in. */
const ENTRIES_A_TURN = 16;
/** Bytes that an answer should have at the least. */
const LEAST = 1024;

export async function batch(around: Caller, ask: Of<'batch'>, runner: EntryRunner): Promise<Outcome> {
  const context = { ...around, allowance: allowanceOf(around) };
  const { entries, prefer } = ask;
  const answers: Answer[] = [];
  const names = namesIn(entries);
  for (const rank of [0, 1, 2, 3]) {
    const waiting = [...entries.entries()]
      .filter(([, { ask: each }]) => ('error' in each ? 3 : rankOf(each)) === rank)
      .values();
    const work = async (): Promise<void> => {
      for (const [at, entry] of waiting) {
        answers[at] = await one(context, entry, at, prefer, runner, names);
        if (at % ENTRIES_A_TURN === 0) await new Promise(setImmediate);
      }
    };
    await Promise.all(Array.from({ length: ENTRIES_UNDER_WAY }, work));
  }
  const { engine } = context;
  const result = { status: 200, ...responseBundle('batch', answers, engine.clock.now()), patients: [] };
  // Every entry was recorded by itself.
  return { result, recordedParts: [] };
}

async function one(
  context: Caller & { readonly allowance: Allowance },
  entry: Entry,
  at: number,
  prefer: string | undefined,
  runner: EntryRunner,
  names: Names,
): Promise<Answer> {
  const { ask, request } = entry;
  const { note } = context;
  const { allowance: whole } = context;
  const allowance = shareOf(whole);
  const own = { ...context, allowance, request, note: note && (() => note(at)) };
  try {
    if ('error' in ask) {
      if (!ask.target) return await runner.refuse(own, strayTarget(request.split(' ', 1)[0]!, ask.error), ask.error);
      await runner.admit(own, ask.target);
      return await runner.refuse(own, ask.target, ask.error);
    }
    // What cannot be shown any more is not looked for; what is to be written is written.
    const fault =
      referenceFault(context.engine, ask, names) ??
      (!isWrite(ask) && whole.left < LEAST ? answerTooLarge() : undefined);
    if (fault) {
      await runner.admit(own, ask);
      return await runner.refuse(own, ask, fault);
    }
    const result = await seen(entry, await runner.perform(own, ask), whole);
    return within(whole, result, isWrite(ask), ask.kind === 'operation' ? 'representation' : prefer);
  } catch (error) {
    const known = asFhirError(error);
    if (known.kind === 'fault')
      context.engine.log.error({ requestId: context.requestId }, 'An entry of a batch failed');
    return answerOfError(inEntry(known, at));
  }
}

/** What entries are called in their Bundle alone. */
function namesIn(entries: readonly Entry[]): Names {
  const names = new Map<string, Named>();
  for (const { fullUrl } of entries) if (fullUrl?.startsWith('urn:')) names.set(fullUrl, { target: '' });
  return { get: name => names.get(name), starts: new Set(names.size > 0 ? ['u'.charCodeAt(0)] : []) };
}

/** Whether a resource refers to an entry by such a name: R4 has no references between the entries of a batch. */
function referenceFault({ definitions }: Engine, ask: Interaction, names: Names): FhirError | undefined {
  if (names.starts.size === 0) return undefined;
  const site = sitesIn(ask, definitions, names, undefined).find(each => rename(each, names, undefined) !== each.text);
  if (!site) return undefined;
  const resource = resourceIn(ask);
  return new FhirError('invalid', 'Entries of a batch cannot refer to each other: send a transaction.', {
    expression: resource ? `${resource.resourceType}.${pathTo(resource, site)}` : 'http.resource',
    detail: 'reference-within-batch',
  });
}
