/**
 * Records work: Tasks of processes, which go from state to state by the transitions that their table has, with terms and alarms.
 * docs/records-desk.md
 */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { textSetting } from '../../interactions/feature-settings.js';
import type { Feature } from '../../interactions/feature.js';
import { createCalendar } from './calendar.js';
import { custodyOperation } from './custody.js';
import { custodyHook } from './custody-hook.js';
import { moveOperation } from './move.js';
import { wakeClock, workClock } from './clock.js';
import { transitionOperation, transitionsOperation } from './operation.js';
import { readProcesses } from './process.js';
import { taskHook, type WorkGround } from './task-hook.js';

const folder = new URL('../../../../profiles/work/', import.meta.url);

const settings = {
  holidays: textSetting(
    'HOLIDAYS',
    '',
    'Days that are no working days beside Saturdays and Sundays, separated by commas: `2026-11-26` is that day, `12-25` one of every year.',
  ),
  workProcesses: textSetting(
    'WORK_PROCESSES',
    '',
    'Folder with the processes of records work, instead of those that the server brings along: for roles of your own.',
  ),
};

const WORK_OPERATIONS = ['custody', 'move', 'transition', 'transitions'];
const WORKING_ROLES = ['writer', 'records-specialist', 'clinician', 'privacy-officer', 'service'];

export const recordsWork: Feature<typeof settings> = {
  name: 'work',
  settings,
  profiles: folder,
  open({ own: { holidays, workProcesses }, clock, settings: { bases, timeZone } }) {
    const own = new URL('processes/', folder);
    const processes = readProcesses(workProcesses === '' ? own : pathToFileURL(`${resolve(workProcesses)}/`));
    const ground: WorkGround = { processes, calendar: createCalendar(timeZone, holidays), clock, bases };
    return {
      hooks: [taskHook(ground), custodyHook(ground), wakeClock(ground)],
      operations: {
        custody: custodyOperation(ground),
        move: moveOperation(ground),
        transition: transitionOperation(ground),
        transitions: transitionsOperation(ground),
      },
      jobs: [workClock(ground)],
      duties: {
        ...Object.fromEntries(WORKING_ROLES.map(role => [role, { operations: WORK_OPERATIONS }])),
        reader: { operations: ['custody', 'transitions'] },
      },
    };
  },
};
