/**
 * batch: https://hl7.org/fhir/R4/http.html#transaction, #brules. Every entry goes through the door by itself, some at a time;
 * what becomes of one is nothing to the others. They run in the order of a transaction, as R4 supposes: a GET sees what
 * the batch wrote.
 */
import { asFhirError } from '../fhir/error.js';
import { type Answer, answerOf, answerOfError, inEntry, responseBundle, seen } from './bundle-response.js';
import type { Context, Entry, Of, Outcome } from './interaction.js';
import { type Door, isWrite, rankOf } from './steps.js';

const AT_A_TIME = 8;

export async function batch(context: Context, ask: Of<'batch'>, door: Door): Promise<Outcome> {
  const { entries, prefer } = ask;
  const answers: Answer[] = [];
  for (const rank of [0, 1, 2, 3]) {
    const waiting = [...entries.entries()]
      .filter(([, { ask: each }]) => ('error' in each ? 3 : rankOf(each)) === rank)
      .values();
    const work = async (): Promise<void> => {
      for (const [at, entry] of waiting) answers[at] = await one(context, entry, at, prefer, door);
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, work));
  }
  const { engine } = context;
  return { result: { status: 200, text: responseBundle('batch', answers, engine.now()), patients: [] } };
}

async function one(
  context: Context,
  entry: Entry,
  at: number,
  prefer: string | undefined,
  door: Door,
): Promise<Answer> {
  const { ask, request } = entry;
  const { note } = context;
  const own = { ...context, request, ...(note ? { note: () => note(at) } : {}) };
  try {
    if ('error' in ask) {
      if (!ask.target) throw ask.error;
      await door.admit(own, ask.target);
      return await door.refuse(own, ask.target, ask.error);
    }
    return answerOf(await seen(entry, await door.perform(own, ask)), isWrite(ask) && ask.kind !== 'operation', prefer);
  } catch (error) {
    const known = asFhirError(error);
    if (known.kind === 'fault')
      context.engine.log.error({ requestId: context.requestId }, 'An entry of a batch failed');
    return answerOfError(inEntry(known, at));
  }
}
