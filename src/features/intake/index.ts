/**
 * Intake of scans: many files at once become documents that are indexed, checked by a second person where that is asked for, and final, or are taken back.
 * The work itself is a process of profiles/work/processes. docs/records-desk.md
 */
import { wholeNumber } from '../../interactions/feature-settings.js';
import type { Feature } from '../../interactions/feature.js';
import { newId } from '../../platform/ids.js';
import { arrangePagesOperation } from './arrange/arrange-operation.js';
import { intakeOperation } from './batch-operation.js';
import { documentGuard } from './document-guard.js';
import { replacedBytesHook } from './machine-text/bytes-hook.js';
import { findReadingCommand, readingCommandSetting } from './machine-text/reading-command.js';
import { readingJob } from './machine-text/reading-job.js';
import { machineTextHook } from './machine-text/text-hook.js';
import { readIndexRules } from './index-fields.js';
import { indexOperation } from './index-operation.js';
import { intakeRatesOperation } from './rates-operation.js';
import { separatorSheetOperation } from './sheets/sheet-operation.js';
import { scanHook, type ScanGround } from './scan-hook.js';

const folder = new URL('../../../../profiles/intake/', import.meta.url);

const settings = {
  intakeSample: wholeNumber(
    'INTAKE_SAMPLE',
    10,
    'Percent of the scans taken in by `$intake` that a second person checks before they are final; those about which something is noticed always are.',
    10,
    100,
  ),
  intakeNewStaff: wholeNumber(
    'INTAKE_NEW_STAFF',
    50,
    'How many scans somebody indexes before they are new no more: until then a second person checks all of theirs.',
    0,
    1000,
  ),
  intakeWait: wholeNumber(
    'INTAKE_WAIT',
    10,
    'Seconds for which the pages of what `$intake` takes in are looked at while its sender waits; what nobody has looked at by then has `DQ-not-looked-at`.',
    1,
    120,
  ),
  ocr: readingCommandSetting,
  ocrTime: wholeNumber('OCR_TIME', 60, 'Seconds that the command of `CHARTROOM_OCR` has for one scan.', 1, 600),
};

const INDEXING_ROLES = ['writer', 'records-specialist'];

export const scanIntake: Feature<typeof settings> = {
  name: 'intake',
  settings,
  profiles: folder,
  open({ own, clock, log, metrics, settings: { bases } }) {
    const { intakeSample, intakeNewStaff, intakeWait, ocr, ocrTime } = own;
    const command = findReadingCommand(ocr, process.env['PATH']);
    const ground: ScanGround = {
      rules: readIndexRules(new URL('rules/index-fields.json', folder)),
      sample: { percent: intakeSample, newStaff: intakeNewStaff },
      bases,
      now: () => clock.now(),
      newId: () => newId(clock.now()),
      together: new WeakMap(),
      arranged: new WeakMap(),
      copied: new WeakMap(),
    };
    return {
      hooks: [
        scanHook(ground),
        documentGuard(bases),
        machineTextHook({ bases, isReading: command !== undefined }),
        replacedBytesHook(bases),
      ],
      jobs: command ? [readingJob({ command, time: ocrTime * 1000, bases, clock, log, metrics })] : [],
      operations: {
        'arrange-pages': arrangePagesOperation(ground.arranged),
        index: indexOperation(ground),
        intake: intakeOperation({ lookFor: intakeWait * 1000 }),
        'separator-sheet': separatorSheetOperation,
        'intake-rates': intakeRatesOperation,
      },
      duties: {
        ...Object.fromEntries(
          INDEXING_ROLES.map(role => [
            role,
            { operations: ['arrange-pages', 'index', 'intake', 'intake-rates', 'separator-sheet'] },
          ]),
        ),
        'privacy-officer': { operations: ['intake-rates'] },
        service: { operations: ['intake'] },
      },
    };
  },
};
