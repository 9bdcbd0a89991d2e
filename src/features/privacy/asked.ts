/** What a question is asked with: `start`, `end` and what is its own, read and checked. Throws FhirError `invalid`, which names the parameter. */
import { parseGivenDateTime } from '../../fhir/datetime.js';
import type { FhirError } from '../../fhir/error.js';
import type { Engine } from '../../interactions/engine.js';
import type { Of, Parameters } from '../../interactions/interaction.js';
import { jsonText } from '../../interactions/operations/operation.js';
import { badParameter, readGiven } from '../../interactions/operations/parameters.js';
import type { TimeSpan } from './trail-reader.js';

export const BESIDE_QUESTION = ['_count'];
const OUTCOMES = ['0', '4', '8', '12'];

export interface QuestionAsked extends TimeSpan {
  /** By name. */
  readonly of: (name: string) => string | undefined;
  /** Of a page; undefined: as many as pages have. */
  readonly count: number | undefined;
  /** As they were given, for links. */
  readonly parameters: Parameters;
}

/** `parameters`: those of the address, or of the first page where a link goes on. */
export function questionGiven(engine: Engine, ask: Of<'operation'>, parameters: Parameters): QuestionAsked {
  const { given } = readGiven(engine, ask, BESIDE_QUESTION, parameters);
  const find = (name: string) => given.find(each => each.name === name);
  const of = (name: string): string | undefined => {
    const found = find(name);
    return found && jsonText(found.value);
  };
  const [start, end] = [of('start'), of('end')];
  const from = start === undefined ? undefined : parseGivenDateTime(start)?.low;
  const to = end === undefined ? undefined : parseGivenDateTime(end)?.high;
  const outcome = of('outcome');
  if (outcome !== undefined && !OUTCOMES.includes(outcome))
    throw badQuestion(`outcome is a code of AuditEvent.outcome: ${OUTCOMES.join(', ')}.`, find('outcome')?.at);
  const asked = of('_count');
  if (asked !== undefined && !/^[1-9]\d{0,5}$/.test(asked))
    throw badQuestion('_count is how many lines a page has: a whole number from 1.', find('_count')?.at);
  const all = given.map(({ name, value }) => [name, jsonText(value)] as const);
  return { from, to, of, count: asked === undefined ? undefined : Number(asked), parameters: all };
}

export const badQuestion = (text: string, expression = 'Parameters.parameter'): FhirError =>
  badParameter(text, expression);
