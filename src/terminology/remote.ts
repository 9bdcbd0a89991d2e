/**
 * Asks another terminology server about codes of code systems that are not complete here: SNOMED CT, LOINC, RxNorm and others.
 * https://hl7.org/fhir/R4/terminology-service.html
 *
 * Nothing leaves the house but code, system, version and the canonical of a value set: never a resource, a display, or whose it is.
 * Questions that come at the same time, of one resource or of many, are gathered and asked together, each once. What was told is kept.
 *
 * Nothing here throws, and nobody waits longer than his time: what is not answered in time, or at all, is not known.
 */
import { realTimeout } from '../platform/real-time.js';
import { createRemoteAnswers, keyOfQuestion, type RemoteQuestion } from './remote-answers.js';
import { createAsking, type RemoteAnswer, type SendQuestion, type WaitingQuestion } from './remote-asking.js';

/** `answered`, `unknown` there, `failed`, too `late`, or `kept` from before. */
export type RemoteOutcome = 'answered' | 'unknown' | 'failed' | 'late' | 'kept';

export interface RemoteOptions {
  readonly send: SendQuestion;
  /** ms that whoever asks may still wait. */
  readonly timeLeft: () => number;
  /** Told of what becomes of questions. */
  readonly count: (outcome: RemoteOutcome) => void;
  /** Urls of code systems, or beginnings of them, that may be asked about; none: all. */
  readonly systems?: readonly string[];
  /** ms. */
  readonly now?: () => number;
}

export interface RemoteTerminology {
  /** Whether it may be asked about. */
  accepts(question: RemoteQuestion): boolean;
  /** What is kept; undefined: it is to be asked. */
  answerAt(question: RemoteQuestion): RemoteAnswer | undefined;
  ask(question: RemoteQuestion): Promise<void>;
}

/** ms in which questions are gathered. */
const GATHERING = 5;
/** Questions that are asked together; that may wait in all. */
const IN_A_BATCH = 100;
const MOST_WAITING = 2000;
/** Codes are short: what is longer is a text, and stays here. */
const LONGEST_CODE = 100;
const ABSOLUTE = /^(?:https?:\/\/|urn:)\S{1,300}$/;

export function createRemoteTerminology(options: RemoteOptions): RemoteTerminology {
  const { send, timeLeft, count, systems = [], now = () => performance.now() } = options;
  const answers = createRemoteAnswers(now);
  const askAll = createAsking(send, now);
  const asked = new Map<string, Promise<void>>();
  let gathered: WaitingQuestion[] = [];

  function flush(): void {
    const all = gathered;
    gathered = [];
    for (const type of ['ValueSet', 'CodeSystem']) {
      const mine = all.filter(({ question }) => (question.valueSet === undefined) === (type === 'CodeSystem'));
      for (let at = 0; at < mine.length; at += IN_A_BATCH) void askAll(type, mine.slice(at, at + IN_A_BATCH));
    }
  }

  function put(question: RemoteQuestion, key: string): Promise<void> {
    if (asked.size >= MOST_WAITING) {
      count('failed');
      return Promise.resolve();
    }
    const promise = new Promise<void>(resolve => {
      const answered = (answer: RemoteAnswer | undefined): void => {
        if (answer) answers.keep(key, answer.verdict);
        count(!answer ? 'failed' : answer.verdict === undefined ? 'unknown' : 'answered');
        asked.delete(key);
        resolve();
      };
      if (gathered.push({ question, answered }) === 1) realTimeout(GATHERING, flush);
    });
    asked.set(key, promise);
    return promise;
  }

  /** Resolves when there is an answer, or the time is over. */
  async function inTime(work: Promise<void>, left: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>(resolve => {
      timer = realTimeout(left, () => {
        count('late');
        resolve();
      });
    });
    await Promise.race([work, late]);
    clearTimeout(timer);
  }

  return {
    accepts: ({ system, code }) =>
      code.length <= LONGEST_CODE &&
      ABSOLUTE.test(system) &&
      (systems.length === 0 || systems.some(each => system.startsWith(each))),
    answerAt(question) {
      const found = answers.at(keyOfQuestion(question));
      if (found) count('kept');
      return found;
    },
    async ask(question) {
      const key = keyOfQuestion(question);
      const left = timeLeft();
      if (left <= 0) return count('late');
      return inTime(asked.get(key) ?? put(question, key), left);
    },
  };
}
