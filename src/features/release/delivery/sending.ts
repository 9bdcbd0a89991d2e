/**
 * Deliveries that the server makes itself (email-way.ts, ehr-way.ts): a job sends each, again where that may do, and writes into its Communication what proves that it was
 * taken. What is refused, or fails too often, is told by `$delivery-outcome`, so that the request is worked on again. All of that the server writes on its own account:
 * whoever may deliver need not have the work of the request. Before each attempt the request is read: what is not released any more is not sent. The job is noted before
 * the delivery is committed: one whose delivery never comes ends by itself. Killed between sending and writing it sends once more, under the same id.
 */
import { isDeepStrictEqual } from 'node:util';
import { FhirError } from '../../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../../fhir/json/json.js';
import { isObject, itemsOf, type JsonObject, type Parsed, type Resource } from '../../../fhir/resource.js';
import type { Caller } from '../../../interactions/engine.js';
import { actingFor } from '../../../interactions/feature.js';
import type {
  FeatureFinished,
  FeatureJob,
  FeatureStepped,
  FeatureWork,
  PerformedByJob,
} from '../../../interactions/jobs.js';
import { perform } from '../../../interactions/perform.js';
import { jsonText } from '../../../interactions/operations/operation.js';
import { isReleased } from '../chosen.js';
import { orNothing } from '../document-bytes.js';
import { CLOSED_STATE, outputsOfKind, PACKAGE_OUTPUT, RELEASED, requestState } from '../request-task.js';
import type { DeliveryAsked } from './deliver-operation.js';
import { detailOfDelivery, localTarget } from './delivery.js';
import { deliveriesOf } from './kept-deliveries.js';

const SENDING_JOB = 'release-sending';
const SECOND = 1000;
const MINUTE = 60 * SECOND;
/** ms after each attempt that may be made again. */
const RESTS = [5 * SECOND, MINUTE, 10 * MINUTE, 60 * MINUTE, 240 * MINUTE];
/** ms between looks for a delivery that is about to be committed, and how many. */
const LOOKS = { rest: 250, most: 240 };
/** ms that what is sealed may wait. */
const SEALED_FOR = 2 * 24 * 60 * MINUTE;
const LONGEST_PROOF = 200;
/** States of a request whose records have gone out. */
const GONE_OUT: ReadonlySet<string> = new Set([RELEASED, CLOSED_STATE]);

export interface DeliveryToSend {
  /** Ids of the Communication and of the Task. */
  readonly delivery: string;
  readonly task: string;
  /** The way that sends it. */
  readonly method: string;
  /** What it needs for that: links are secrets. */
  readonly sealed: string;
}

interface SendingState {
  readonly looks?: number;
  readonly tries?: number;
  /** It was sent: what proves it. */
  readonly proof?: string;
  /** It will not be sent. */
  readonly failed?: string;
}

/** Sends it: what proves that it was taken. `delivery`: its id. Throws FhirError: `unprocessable` and `invalid` where no other attempt helps. */
export type DeliverySender = (caller: Caller, told: JsonObject, delivery: string) => Promise<string>;

export type DeliverySenders = Readonly<Record<string, DeliverySender>>;

/** Notes that a delivery is to be sent. */
export async function sendLater(
  { context, delivery, task }: DeliveryAsked,
  method: string,
  told: JsonObject,
): Promise<void> {
  const sealed = context.engine.pageTokens.close({ told }, SEALED_FOR);
  const input: DeliveryToSend = { delivery, task, method, sealed };
  await context.engine.jobs.start(actingFor(context, 'release'), SENDING_JOB, input);
}

type SendingWork = FeatureWork<DeliveryToSend> & { readonly state: SendingState };

export const sendingJob = (
  senders: DeliverySenders,
  bases: readonly string[],
): FeatureJob<DeliveryToSend, SendingState> => ({
  kind: SENDING_JOB,
  atOnce: 4,
  patience: 2 * MINUTE,
  begin: () => ({ state: {}, total: 1 }),
  async step(work) {
    const { input, state, server } = work;
    const { looks = 0 } = state;
    const delivery = await readByServer(server, 'Communication', input.delivery);
    if (!delivery)
      return looks < LOOKS.most ? { state: { looks: looks + 1 }, wait: LOOKS.rest } : { state, last: true };
    // Revoked meanwhile, or told otherwise.
    if (delivery.resource['status'] !== 'in-progress') return { state, last: true };
    const { proof, failed } = state;
    if (proof !== undefined) return { ...over(state), performs: takenTold(input, delivery, proof), own: true };
    // What was released since is another delivery, and is not worked on again because of this one.
    if (!(await isReleasedStill(server, input, delivery.resource, bases)))
      return { ...over(state), performs: outcomeTold(input, 'revoked', NOT_RELEASED), own: true };
    if (failed === undefined) return attempted(senders, work);
    return { ...over(state), performs: outcomeTold(input, 'failed', `It could not be sent: ${failed}`), own: true };
  },
  /** What left the house by it is told with its end, and who has it. */
  finish: ({ input, state, caller }) => (state.proof === undefined ? {} : { moved: movedBy(input, caller) }),
  /** What is known of it is told: that it was taken, too. */
  async cancelled({ input, server, state }) {
    const delivery = await readByServer(server, 'Communication', input.delivery);
    if (delivery?.resource['status'] !== 'in-progress') return;
    const performs =
      state?.proof === undefined ? outcomeTold(input, 'revoked', CANCELLED) : takenTold(input, delivery, state.proof);
    await orNothing(perform(server, performs));
  },
});

/** Of mail nothing: it has a link alone, each use of which is told. */
function movedBy({ sealed, delivery }: DeliveryToSend, { engine }: Caller): NonNullable<FeatureFinished['moved']> {
  const opened = engine.pageTokens.open(sealed, true);
  const value = typeof opened === 'string' ? undefined : opened.value;
  const { receiver, hash } = isObject(value) && isObject(value['told']) ? value['told'] : {};
  if (typeof receiver !== 'string' || typeof hash !== 'string') return [];
  const file = `Communication/${delivery}`;
  return [
    {
      what: 'data-exported',
      by: 'deliver',
      lifecycle: 'transmit',
      receiver,
      file,
      sha256: hash,
      counts: { deliveries: 1 },
    },
  ];
}

const NOT_RELEASED = 'It was not sent: the request is worked on again, is over, or has another package.';
const CANCELLED = 'Its sending was cancelled: an attempt that was under way may have reached them.';

async function readByServer(server: Caller, type: string, id: string): Promise<Parsed | undefined> {
  const { text } = (await orNothing(perform(server, { kind: 'read', type, id }))) ?? {};
  return text && parseJson(text, STORED_JSON);
}

/** Whether what was to be delivered is what the request has released last, and is told of as its delivery. */
async function isReleasedStill(
  server: Caller,
  { task: id, delivery }: DeliveryToSend,
  { payload }: Resource,
  bases: readonly string[],
): Promise<boolean> {
  const task = (await readByServer(server, 'Task', id))?.resource;
  if (!task || !GONE_OUT.has(requestState(task).code) || !deliveriesOf(task, bases).includes(delivery)) return false;
  const output = outputsOfKind(task, PACKAGE_OUTPUT).findLast(isReleased);
  const released = localTarget(output?.['valueReference'], bases);
  const [sent] = itemsOf(payload).map(each =>
    localTarget(isObject(each) ? each['contentReference'] : undefined, bases),
  );
  return released !== undefined && isDeepStrictEqual(released, sent);
}

async function attempted(
  senders: DeliverySenders,
  { input, state, caller }: SendingWork,
): Promise<FeatureStepped<SendingState>> {
  const { tries = 0 } = state;
  try {
    const send = senders[input.method];
    if (!send) throw new FhirError('unprocessable', 'The server does not deliver in this way any more.');
    const proof = await send(caller, openSealed(caller, input.sealed), input.delivery);
    return { state: { tries, proof: proof.slice(0, LONGEST_PROOF) } };
  } catch (error) {
    if (!(error instanceof FhirError)) throw error;
    const wait = error.kind === 'unprocessable' || error.kind === 'invalid' ? undefined : RESTS[tries];
    if (wait !== undefined) return { state: { tries: tries + 1 }, wait };
    return { state: { tries, failed: error.message } };
  }
}

/** Throws `unprocessable` where the secret of the server is another one than then. */
function openSealed({ engine: { pageTokens } }: Caller, sealed: string): JsonObject {
  const opened = pageTokens.open(sealed);
  const value = typeof opened === 'string' ? undefined : opened.value;
  const told = isObject(value) ? value['told'] : undefined;
  if (isObject(told)) return told;
  throw new FhirError('unprocessable', 'What was to be sent is not known any more: deliver it again.');
}

/** It is over once that is written, where nobody has said before what came of it. */
const over = (state: SendingState): FeatureStepped<SendingState> => ({
  ...{ state, done: 1, last: true },
  refused: again(state),
});

/** What proves that it was taken. */
function takenTold(input: DeliveryToSend, { resource, decimals }: Parsed, proof: string): PerformedByJob {
  const extension = [...itemsOf(resource['extension']), detailOfDelivery('proof', proof)];
  const ifMatch = [jsonText(isObject(resource['meta']) ? resource['meta']['versionId'] : undefined)];
  const body = { resource: { ...resource, status: 'completed', extension }, decimals };
  return { kind: 'update', type: 'Communication', id: input.delivery, ifMatch, body };
}

function outcomeTold(input: DeliveryToSend, outcome: 'failed' | 'revoked', reason: string): PerformedByJob {
  const parameter = [
    { name: 'delivery', valueReference: { reference: `Communication/${input.delivery}` } },
    { name: 'outcome', valueCode: outcome },
    { name: 'reason', valueString: reason },
  ];
  return {
    ...({ kind: 'operation', operation: 'delivery-outcome', type: 'Task', id: input.task } as const),
    ...{ safe: false, parameters: [], lenient: false },
    body: { resource: { resourceType: 'Parameters', parameter }, decimals: undefined },
  };
}

/** Somebody has written it meanwhile: it is looked at again. What is refused for good is over: that it is told already. */
const again =
  (state: SendingState) =>
  ({ kind }: FhirError): FeatureStepped<SendingState> =>
    kind === 'conflict' || kind === 'precondition' ? { state } : { state, done: 1, last: true };
