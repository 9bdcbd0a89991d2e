/**
 * Stories of work over a year, told to a server whose clock the test-harness mode leads: every alarm is raised on its day, when that begins in the zone of the
 * organisation, over both ends of daylight saving, and no other one. In a full run in three zones.
 */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { Communication, Task } from 'fhir/r4.js';
import { it } from 'mocha';
import { recordsWork } from '../../src/features/work/index.js';
import { onStoresInTurn, type Stage } from '../support/both-stores.js';
import { FULL } from '../support/depth.js';
import { toldHarness } from '../support/harness.js';
import { DESK, lead, workStateOf } from '../support/work.js';

const BEGIN = '2026-01-05';
const noonOf = (day: string): number => Date.parse(`${day}T12:00:00Z`);
const QUARTER = 15 * 60_000;

/** When a day begins in a zone. */
function beginOf(day: string, timeZone: string): number {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' });
  for (let at = Date.parse(`${day}T00:00:00Z`) - 15 * 3_600_000; ; at += QUARTER)
    if (format.format(at) === `${day} 00:00`) return at;
}

type Act = (stage: Stage) => Promise<void>;
interface Story {
  readonly id: string;
  readonly begins: string;
  readonly code: string;
  readonly status: Task['status'];
  readonly more?: Partial<Task>;
  /** What is done, by day: transitions, each with what it says. */
  readonly acts: readonly (readonly [day: string, name: string, more?: Readonly<Record<string, object | string>>])[];
  /** By day. */
  readonly alarms: readonly (readonly [day: string, code: string])[];
  readonly ends: string;
}

const reason = { reason: 'So it is.' };
const release = { code: 'release-of-information', status: 'requested' } as const;
const california: Partial<Task> = {
  input: [{ type: { coding: [{ system: 'urn:chartroom:input', code: 'jurisdiction' }] }, valueCode: 'US-CA' }],
};
const STORIES: readonly Story[] = [
  {
    // Ten working days, then it is not back; given up, and found in the end.
    ...{ id: 'chart', begins: BEGIN, code: 'chart-checkout', status: 'requested' },
    acts: [
      [BEGIN, 'check-out', { location: DESK }],
      ['2026-01-21', 'report-missing', reason],
      ['2026-02-10', 'give-up', reason],
      ['2026-08-03', 'find', { location: DESK }],
    ],
    alarms: [
      ['2026-01-15', 'due-soon'],
      ['2026-01-20', 'overdue'],
      ['2026-02-03', 'unaccounted'],
    ],
    ends: 'returned',
  },
  {
    ...{ id: 'breach', begins: BEGIN, code: 'privacy-incident', status: 'requested' },
    acts: [
      ['2026-01-12', 'look-at'],
      ['2026-01-30', 'assess'],
      ['2026-02-10', 'find-breach', reason],
      ['2026-02-20', 'notify'],
      ['2026-03-03', 'close', reason],
    ],
    alarms: [
      ['2026-02-04', 'thirty-days'],
      ['2026-02-19', 'forty-five-days'],
      ['2026-03-01', 'fifty-five-days'],
    ],
    ends: 'closed',
  },
  {
    // Nobody looks at it in time.
    ...{ id: 'forgotten', begins: '2026-02-02', code: 'privacy-incident', status: 'requested' },
    acts: [
      ['2026-05-04', 'look-at'],
      ['2026-05-05', 'dismiss', reason],
    ],
    alarms: [
      ['2026-03-04', 'thirty-days'],
      ['2026-03-19', 'forty-five-days'],
      ['2026-03-29', 'fifty-five-days'],
      ['2026-04-04', 'overdue'],
    ],
    ends: 'not-breach',
  },
  {
    // Extended once, it has the alarms of its new term.
    ...{ id: 'extended', begins: BEGIN, ...release },
    acts: [
      [BEGIN, 'log'],
      ['2026-02-01', 'extend-identity', { ...reason, until: '2026-03-06' }],
      ['2026-03-20', 'deny', reason],
    ],
    alarms: [
      ['2026-01-28', 'due-soon'],
      ['2026-02-27', 'due-soon'],
      ['2026-03-07', 'overdue'],
    ],
    ends: 'denied',
  },
  {
    // On hold for want of an authorization: no term waits for that.
    ...{ id: 'on-hold', begins: BEGIN, ...release, more: california },
    acts: [
      [BEGIN, 'log'],
      ['2026-01-06', 'identify', reason],
      ['2026-01-08', 'find-deficient', reason],
      ['2026-06-01', 'withdraw', reason],
    ],
    alarms: [
      ['2026-01-13', 'due-soon'],
      ['2026-01-21', 'overdue'],
    ],
    ends: 'withdrawn',
  },
  {
    ...{ id: 'spring', begins: '2026-03-20', ...release },
    acts: [
      ['2026-03-20', 'log'],
      ['2026-05-01', 'withdraw', reason],
    ],
    alarms: [
      ['2026-04-12', 'due-soon'],
      ['2026-04-20', 'overdue'],
    ],
    ends: 'withdrawn',
  },
  {
    ...{ id: 'autumn', begins: '2026-10-20', ...release },
    acts: [
      ['2026-10-20', 'log'],
      ['2026-12-01', 'withdraw', reason],
    ],
    alarms: [
      ['2026-11-12', 'due-soon'],
      ['2026-11-20', 'overdue'],
    ],
    ends: 'withdrawn',
  },
  {
    // Two working days, over a holiday and a weekend.
    ...{ id: 'scan', begins: '2026-12-23', code: 'scan-quality', status: 'requested' },
    acts: [['2026-12-30', 'reject', reason]],
    alarms: [['2026-12-29', 'overdue']],
    ends: 'rejected',
  },
];

const begins =
  ({ id, begins: day, code, more }: Story): Act =>
  async ({ talk }) => {
    await talk.update({ resourceType: 'List', id: `thing-${id}`, status: 'current', mode: 'working' });
    const { status, text } = await talk.update<Task>({
      ...{ resourceType: 'Task', id, status: 'requested', intent: 'order', authoredOn: `${day}T12:00:00Z` },
      code: { coding: [{ system: 'urn:chartroom:task', code }] },
      focus: { reference: `List/thing-${id}` },
      for: { reference: 'Patient/1' },
      requester: { display: 'Somebody' },
      reasonCode: { text: 'A reason' },
      input: [{ type: { text: 'Anything' }, valueString: 'Anything' }],
      ...more,
    });
    assert.equal(status, 201, text);
  };

const acts = (story: Story): readonly (readonly [string, Act])[] => [
  [story.begins, begins(story)],
  ...story.acts.map(
    ([day, name, more = {}]) =>
      [
        day,
        async ({ talk }: Stage) => {
          const { status, text } = await lead(talk, story.id, { name, ...more }, {});
          assert.equal(status, 200, `${story.id}, ${name}: ${text}`);
        },
      ] as const,
  ),
];

const ZONES = ['America/New_York', 'Asia/Kolkata', 'Europe/Berlin'];
for (const timeZone of FULL ? ZONES : ZONES.slice(0, 1))
  onStoresInTurn(
    `a year of work in ${timeZone}`,
    stage => {
      it(`${STORIES.length} stories, with every alarm on its day and no other one`, async () => {
        const { talk, server } = stage();
        const tell = toldHarness(server);
        let now = noonOf(BEGIN);
        const goTo = async (at: number): Promise<void> => {
          if (at > now) await tell('POST', '/clock', { step: at - now });
          now = Math.max(now, at);
        };
        const raised = async (): Promise<readonly string[]> => {
          const found = await talk.search<Communication>('Communication?_count=200');
          return (found.entry ?? [])
            .map(({ resource }) => resource!)
            .map(({ sent, about, topic }) => `${sent} ${about![0]!.reference} ${topic!.coding![0]!.code}`)
            .toSorted();
        };
        const expected: string[] = [];
        const days = new Set(STORIES.flatMap(story => [...acts(story), ...story.alarms].map(([day]) => day)));
        for (const day of [...days].toSorted()) {
          const due = STORIES.flatMap(({ id, alarms }) =>
            alarms.flatMap(([on, code]) => (on === day ? [`Task/${id} ${code}`] : [])),
          );
          if (due.length > 0) {
            const at = beginOf(day, timeZone);
            await goTo(at - 1);
            assert.deepEqual(await raised(), expected.toSorted(), `before ${day}`);
            await goTo(at);
            expected.push(...due.map(each => `${new Date(at).toISOString()} ${each}`));
            while ((await raised()).length < expected.length) await pause(20);
            assert.deepEqual(await raised(), expected.toSorted(), day);
          }
          await goTo(noonOf(day));
          for (const story of STORIES) for (const [on, act] of acts(story)) if (on === day) await act(stage());
        }
        await goTo(noonOf('2027-01-05'));
        assert.deepEqual(await raised(), expected.toSorted());
        for (const { id, ends } of STORIES) {
          const { body } = await talk.get<Task>(`Task/${id}`);
          assert.equal(workStateOf(body), ends, id);
        }
        assert.equal((await talk.search('Task?next-alarm=ge2000-01-01')).total, 0);
      });
    },
    {
      config: { harness: 'on', timeZone, holidays: '12-25' },
      features: [recordsWork],
      set: async ({ talk, server }) => {
        await toldHarness(server)('POST', '/clock', { fixed: `${BEGIN}T12:00:00Z` });
        await talk.update({ resourceType: 'Patient', id: '1' });
      },
    },
  );
