/** What `$estimate-fee` and `$charge` are asked with, as one case: the schedule of the request, and the work of copying. */
import { FhirError } from '../../../fhir/error.js';
import type { Resource } from '../../../fhir/resource.js';
import { jsonText } from '../../../interactions/operations/operation.js';
import { badParameter, type GivenParameter } from '../../../interactions/operations/parameters.js';
import { inputValues } from '../request-task.js';
import type { FeeWork } from './fee.js';
import { FEE_FORMATS, type FeeSchedule, type FeeSchedules, scheduleFor } from './fee-schedules.js';
import { parseCents } from './money.js';

export interface FeeAsked {
  readonly schedule: FeeSchedule;
  readonly format: string;
  readonly work: FeeWork;
}

const MOST_PAGES = 100_000;
const MOST_MINUTES = 6_000;
const MOST_POSTAGE = 100_000n;

/** Throws `invalid` for what the schedule does not charge by, and `unprocessable` where there is none. */
export function feeAsked(schedules: FeeSchedules, task: Resource, given: readonly GivenParameter[]): FeeAsked {
  const find = (name: string): GivenParameter | undefined => given.find(each => each.name === name);
  const text = (name: string): string | undefined => {
    const found = find(name);
    return found && jsonText(found.value);
  };
  const input = (code: string): string | undefined => {
    const [value] = inputValues(task, code);
    return typeof value === 'string' ? value : undefined;
  };
  const format = text('format') ?? input('format') ?? 'paper';
  if (!FEE_FORMATS.includes(format))
    throw badParameter(`format is one of ${FEE_FORMATS.join(', ')}.`, find('format')?.at ?? 'Task.input');
  const requesterClass = input('requester-class') ?? '';
  const schedule = scheduleFor(schedules, { requesterClass, format, jurisdiction: input('jurisdiction') });
  if (!schedule)
    throw new FhirError('unprocessable', 'There is no schedule of fees for requests of this class.', {
      ...{ expression: 'Task.input', detail: 'no-fee-schedule' },
    });
  const count = (name: string, most: number): number => {
    const value = Number(text(name) ?? 0);
    if (value > most) throw badParameter(`${name} is ${most} at most.`, find(name)!.at);
    return value;
  };
  const [pages, minutes] = [count('pages', MOST_PAGES), count('minutes', MOST_MINUTES)];
  for (const [name, charged] of Object.entries({ pages: schedule.pages, minutes: schedule.labour })) {
    const one = find(name);
    if (one && charged === undefined && !schedule.waived)
      throw badParameter(`The schedule ${schedule.code} does not charge by ${name}.`, one.at);
  }
  if (schedule.pages && !find('pages'))
    throw badParameter(`How many? The schedule ${schedule.code} charges by pages.`, 'Parameters.parameter');
  const medium = text('medium');
  const media = Object.keys(schedule.media ?? {});
  if (medium !== undefined && !media.includes(medium))
    throw badParameter(
      media.length === 0 ? `The schedule ${schedule.code} has no media.` : `medium is one of ${media.join(', ')}.`,
      find('medium')!.at,
    );
  const postage = postageOf(schedule, find('postage'), input('delivery-method') === 'mail');
  return { schedule, format, work: { pages, minutes, medium, postage, isWaived: find('waive') !== undefined } };
}

/** Cents. Postage is charged where records are mailed: 45 CFR 164.524(c)(4)(iii). */
function postageOf(schedule: FeeSchedule, given: GivenParameter | undefined, isMailed: boolean): bigint {
  if (!given) return 0n;
  if (!schedule.postage && !schedule.waived)
    throw badParameter(`The schedule ${schedule.code} has no postage.`, given.at);
  if (!isMailed) throw badParameter('These records are not mailed: there is no postage.', given.at);
  const cents = parseCents(jsonText(given.value));
  if (cents !== undefined && cents <= MOST_POSTAGE) return cents;
  throw badParameter('postage is an amount of 1000.00 at most, with two decimal places at most.', given.at);
}
