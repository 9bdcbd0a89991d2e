/**
 * The questions for another terminology server, and what its answers mean: together by $batch-validate-code where it knows that, else one
 * by one, some at a time. https://hl7.org/fhir/R4/valueset-operation-validate-code.html, https://hl7.org/fhir/uv/tx-ecosystem/
 */
import { isObject, itemsOf, type Json, type JsonObject } from '../fhir/resource.js';
import { verdictIn } from './ask-code.js';
import type { MemberVerdict } from './member-test.js';
import type { RemoteQuestion } from './remote-answers.js';

/** Any status is an answer; throws where there is none. */
export type SendQuestion = (
  operation: string,
  body: JsonObject,
) => Promise<{ readonly status: number; readonly body: Json | undefined }>;

/** A verdict that is undefined: the other server does not know. */
export interface RemoteAnswer {
  readonly verdict: MemberVerdict;
}

export interface WaitingQuestion {
  readonly question: RemoteQuestion;
  /** Called once; undefined: there was no answer, but an error. */
  readonly answered: (answer: RemoteAnswer | undefined) => void;
}

/** One by one at a time. */
const AT_ONCE = 8;
/** ms after which a server without $batch-validate-code is asked for it again. */
const FORGET_LACK = 600_000;

/** Asks questions of one type: `ValueSet`, or `CodeSystem` for those without a value set. Throws nothing. */
export function createAsking(send: SendQuestion, now: () => number) {
  const lacksBatch = new Map<string, number>();

  async function askOne(type: string, { question, answered }: WaitingQuestion): Promise<void> {
    let answer: RemoteAnswer | undefined;
    try {
      const { status, body } = await send(`${type}/$validate-code`, parametersOf(question));
      if (status === 200) answer = verdictThere(body);
    } catch {
      // Whoever waits hears that there was no answer.
    }
    answered(answer);
  }

  /** Undefined: the other server does not know how to be asked so. */
  async function answersOf(
    type: string,
    all: readonly WaitingQuestion[],
  ): Promise<readonly (RemoteAnswer | undefined)[] | undefined> {
    const parameter = all.map(({ question }): Json => ({ name: 'validation', resource: parametersOf(question) }));
    try {
      const { status, body } = await send(`${type}/$batch-validate-code`, { resourceType: 'Parameters', parameter });
      if (status >= 500 && status !== 501) return all.map(() => undefined);
      const found = status === 200 && isObject(body) ? itemsOf(body['parameter']).filter(isValidation) : [];
      return found.length === all.length ? found.map(({ resource }) => verdictThere(resource)) : undefined;
    } catch {
      return all.map(() => undefined);
    }
  }

  return async (type: string, all: readonly WaitingQuestion[]): Promise<void> => {
    if (all.length > 1 && (lacksBatch.get(type) ?? 0) <= now()) {
      const answers = await answersOf(type, all);
      if (answers) return all.forEach((waiting, at) => waiting.answered(answers[at]));
      lacksBatch.set(type, now() + FORGET_LACK);
    }
    const queue = [...all];
    const work = async (): Promise<void> => {
      for (let next = queue.shift(); next; next = queue.shift()) await askOne(type, next);
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, queue.length) }, work));
  };
}

const isValidation = (each: Json): each is JsonObject => isObject(each) && each['name'] === 'validation';

/** Undefined: it is no answer, but an error. */
function verdictThere(answer: Json | undefined): RemoteAnswer | undefined {
  if (!isObject(answer) || answer['resourceType'] !== 'Parameters') return undefined;
  const parameters = itemsOf(answer['parameter']).filter(isObject);
  if (typeof parameters.find(({ name }) => name === 'result')?.['valueBoolean'] !== 'boolean') return undefined;
  const verdict = verdictIn(answer);
  // Other servers say of both that the system is not known.
  const isUnknown = verdict === false && parameters.some(({ name }) => name === 'x-unknown-system');
  return { verdict: isUnknown ? undefined : verdict };
}

/** All that leaves the house. */
function parametersOf({ valueSet, system, version, code }: RemoteQuestion): JsonObject {
  const uri = (name: string, valueUri: string): Json => ({ name, valueUri });
  const parameter: Json[] =
    valueSet === undefined
      ? [uri('url', system), ...(version === undefined ? [] : [{ name: 'version', valueString: version }])]
      : [
          ...canonicalParameters(valueSet),
          uri('system', system),
          ...(version === undefined ? [] : [{ name: 'systemVersion', valueString: version }]),
        ];
  return { resourceType: 'Parameters', parameter: [...parameter, { name: 'code', valueCode: code }] };
}

function canonicalParameters(valueSet: string): Json[] {
  const [url = '', version] = valueSet.split('|');
  return [
    { name: 'url', valueUri: url },
    ...(version === undefined ? [] : [{ name: 'valueSetVersion', valueString: version }]),
  ];
}
