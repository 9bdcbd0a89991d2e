/** Walks through the processes of the project, as their tables have them: what a table allows is done, and nothing else is. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as fc from 'fast-check';
import { describe, it } from 'mocha';
import { FhirError } from '../../../src/fhir/error.js';
import type { Resource } from '../../../src/fhir/resource.js';
import { judgeBegin, judgeChange } from '../../../src/features/work/judge.js';
import {
  codeOfSystem,
  processFault,
  readProcesses,
  STATE_SYSTEM,
  stateOf,
  TASK_SYSTEM,
  type WorkProcess,
} from '../../../src/features/work/process.js';
import { FULL } from '../../support/depth.js';

const folder = new URL('../../../../profiles/work/processes/', import.meta.url);
const processes = readProcesses(folder);
const ROLES = ['records-specialist', 'clinician', 'privacy-officer', 'reader', 'admin'];
const person = (name: string, role: string) => ({ name, role });

const taskIn = ({ code, states }: WorkProcess, state: string, more: object = {}): Resource => ({
  resourceType: 'Task',
  status: states[state]!.status,
  businessStatus: { coding: [{ system: STATE_SYSTEM, code: state }] },
  intent: 'order',
  code: { coding: [{ system: TASK_SYSTEM, code }] },
  for: { reference: 'Patient/1' },
  focus: { reference: 'List/1' },
  statusReason: { text: 'Because.' },
  location: { reference: 'Location/1' },
  requester: { identifier: { value: 'asker' } },
  owner: { identifier: { value: 'owner' } },
  ...more,
});

interface Walker {
  readonly name: string;
  readonly role: string;
  readonly feature: string | undefined;
}

/** What a table says by itself, in the shortest words. */
const expected = ({ transitions }: WorkProcess, from: string, to: string, walker: Walker): string => {
  const { role, name, feature } = walker;
  const ways = Object.values(transitions).filter(each => each.from.includes(from) && each.to === to && from !== to);
  if (ways.length === 0) return 'unprocessable';
  const way = ways.find(({ by }) => by.includes(role) || role === 'admin');
  if (!way) return 'forbidden';
  if (way.operation && way.operation.feature !== feature) return 'unprocessable';
  return way.otherThan === name ? 'unprocessable' : 'done';
};

const outcomeOf = (work: () => unknown): string => {
  try {
    work();
    return 'done';
  } catch (error) {
    assert.ok(error instanceof FhirError);
    return error.kind;
  }
};

describe('work of a process', () => {
  it('has tables that lead somewhere', () => {
    assert.ok(processes.size > 0);
    for (const process of processes.values()) assert.equal(processFault(process), undefined, process.code);
    const [one] = processes.values();
    const { states, transitions } = one!;
    const broken: readonly Partial<WorkProcess>[] = [
      { start: [] },
      { start: ['nowhere'] },
      { states: { ...states, apart: { status: 'draft', display: 'Apart' } } },
      { states: { ...states, requested: { status: 'asked', display: 'Asked' } } },
      { transitions: { ...transitions, again: Object.values(transitions)[0]! } },
      { transitions: { ...transitions, away: { display: 'Away', from: ['requested'], to: 'nowhere', by: [] } } },
    ];
    for (const part of broken) assert.notEqual(processFault({ ...one!, ...part }), undefined, JSON.stringify(part));
  });

  it('is read from files that have its form, of one folder or another', () => {
    const at = (text: string): URL => {
      const own = mkdtempSync(join(tmpdir(), 'chartroom-processes-'));
      writeFileSync(join(own, 'one.json'), text);
      return pathToFileURL(`${own}/`);
    };
    const text = readFileSync(new URL('chart-checkout.json', folder), 'utf8');
    assert.deepEqual(readProcesses(at(text)), new Map([['chart-checkout', processes.get('chart-checkout')]]));
    for (const wrong of [
      '',
      '[]',
      '{}',
      text.replace('"days": 10', '"days": "10"'),
      text.replace('"reason": true', '"raison": true'),
      text.replace('"working"', '"monthly"'),
      text.replace('"to": "pulled"', '"to": "nowhere"'),
    ])
      assert.throws(() => readProcesses(at(wrong)), /^Error: one\.json/, wrong);
    assert.throws(() => readProcesses(new URL('nowhere/', folder)), /CHARTROOM_WORK_PROCESSES/);
  });

  it('goes by its table on walks of any length, whoever walks', () => {
    const all = [...processes.values()];
    fc.assert(
      fc.property(
        fc.constantFrom(...all),
        fc.array(
          fc.tuple(
            fc.nat(),
            fc.constantFrom(...ROLES),
            fc.constantFrom('owner', 'requester', 'other'),
            fc.constantFrom(undefined, 'release', 'work'),
          ),
          { minLength: 1, maxLength: 12 },
        ),
        (process, steps) => {
          const names = Object.keys(process.states);
          let state = process.start[0]!;
          for (const [nth, role, who, feature] of steps) {
            const to = names[nth % names.length]!;
            if (to === state) continue;
            const before = taskIn(process, state);
            const by = person(who === 'requester' ? 'asker' : who, role);
            const task = taskIn(process, to);
            const outcome = outcomeOf(() => judgeChange(process, before, task, by, feature));
            assert.equal(
              outcome,
              expected(process, state, to, { role, name: who, feature }),
              `${process.code}: ${state} to ${to}, ${role}, ${feature}`,
            );
            if (outcome === 'done') state = to;
          }
        },
      ),
      { numRuns: FULL ? 5000 : 1000 },
    );
  });

  it('follows a status or a business status alone, where that says enough', () => {
    const process = processes.get('chart-checkout')!;
    const clerk = person('clerk', 'records-specialist');
    const out = taskIn(process, 'out');
    const statusAlone = { ...taskIn(process, 'returned'), businessStatus: out['businessStatus']! };
    assert.equal(judgeChange(process, out, statusAlone, clerk).to, 'returned');
    const stateAlone = { ...taskIn(process, 'returned'), status: out['status']! };
    assert.equal(judgeChange(process, out, stateAlone, clerk).transition?.[0], 'check-in');
    const contradicting = { ...taskIn(process, 'returned'), status: 'on-hold' };
    assert.equal(
      outcomeOf(() => judgeChange(process, out, contradicting, clerk)),
      'unprocessable',
    );
  });

  it('falls back to its status where its table does not know its state', () => {
    const process = processes.get('chart-checkout')!;
    const clerk = person('clerk', 'records-specialist');
    for (const name of ['lent-to-the-moon', 'constructor', '__proto__']) {
      const businessStatus = { coding: [{ system: STATE_SYSTEM, code: name }] };
      const old = taskIn(process, 'out', { businessStatus });
      assert.equal(stateOf(process, old), 'out');
      assert.equal(judgeChange(process, old, { ...old, note: [{ text: 'Still out.' }] }, clerk).to, 'out');
      assert.equal(judgeChange(process, old, { ...old, status: 'on-hold' }, clerk).transition?.[0], 'report-missing');
      const out = taskIn(process, 'out');
      assert.equal(
        outcomeOf(() => judgeChange(process, out, { ...out, businessStatus }, clerk)),
        'unprocessable',
      );
    }
  });

  it('moves its term by a transition alone', () => {
    const process = processes.get('chart-checkout')!;
    const clerk = person('clerk', 'records-specialist');
    const until = (end: string) => ({ restriction: { period: { end } } });
    const out = taskIn(process, 'out', until('2026-12-01'));
    const later = taskIn(process, 'out', until('2026-12-09'));
    assert.equal(judgeChange(process, out, later, clerk).transition?.[0], 'extend');
    assert.equal(
      outcomeOf(() => judgeChange(process, out, later, person('c', 'clinician'))),
      'forbidden',
    );
    const requested = taskIn(process, 'requested', until('2026-12-01'));
    assert.equal(
      outcomeOf(() => judgeChange(process, requested, taskIn(process, 'requested', until('2026-12-09')), clerk)),
      'unprocessable',
    );
  });

  it('begins where it begins, goes on saying what it is about, and is over in the end', () => {
    const process = processes.get('chart-checkout')!;
    const clerk = person('clerk', 'records-specialist');
    for (const state of Object.keys(process.states))
      assert.equal(
        outcomeOf(() => judgeBegin(process, taskIn(process, state))),
        state === 'requested' ? 'done' : 'unprocessable',
      );
    assert.equal(
      outcomeOf(() => judgeBegin(process, taskIn(process, 'requested', { focus: undefined }))),
      'unprocessable',
    );
    const out = taskIn(process, 'out');
    for (const [name, value] of Object.entries({
      for: { reference: 'Patient/2' },
      focus: { reference: 'List/2' },
      requester: { identifier: { value: 'else' } },
      authoredOn: '2026-01-01',
      intent: 'plan',
    }))
      assert.equal(
        outcomeOf(() => judgeChange(process, out, { ...out, [name]: value }, clerk)),
        'unprocessable',
        name,
      );
    const over = taskIn(process, 'cancelled');
    assert.equal(
      outcomeOf(() => judgeChange(process, over, { ...over, note: [{ text: 'So it was.' }] }, clerk)),
      'done',
    );
    assert.equal(
      outcomeOf(() => judgeChange(process, over, { ...over, owner: { display: 'x' } }, clerk)),
      'unprocessable',
    );
  });

  it('says who has it by those whose work it is, where it is by a transition, and keeps what it needs and its notes', () => {
    const process = processes.get('chart-checkout')!;
    const [specialist, clinician] = [person('anna', 'records-specialist'), person('bob', 'clinician')];
    const out = taskIn(process, 'out', { note: [{ text: 'one' }] });
    const other = { ...out, owner: { identifier: { value: 'other' } } };
    const { focus: _, ...lacking } = out;
    const over = taskIn(process, 'returned', { note: [{ text: 'one' }] });
    const rows: [what: string, before: Resource, after: Resource, by: typeof specialist, outcome: string][] = [
      ['owner', out, other, specialist, 'done'],
      ['owner, by another role', out, other, clinician, 'forbidden'],
      ['location alone', out, { ...out, location: { reference: 'Location/2' } }, specialist, 'unprocessable'],
      ['what it is about taken away', out, lacking, specialist, 'unprocessable'],
      ['a note more', over, { ...over, note: [{ text: 'one' }, { text: 'two' }] }, specialist, 'done'],
      ['another note in its place', over, { ...over, note: [{ text: 'two' }] }, specialist, 'unprocessable'],
      ['no note any more', over, { ...over, note: [] }, specialist, 'unprocessable'],
    ];
    for (const [what, before, after, by, outcome] of rows)
      assert.equal(
        outcomeOf(() => judgeChange(process, before, after, by)),
        outcome,
        what,
      );
  });

  it('needs what its transitions need', () => {
    for (const process of processes.values())
      for (const [name, { from, to, reason, location, term, operation }] of Object.entries(process.transitions)) {
        if (term) continue;
        const before = taskIn(process, from[0]!, { statusReason: undefined, location: undefined });
        const lacking = { ...before, ...taskIn(process, to) };
        for (const [is, element] of [
          [reason, 'statusReason'],
          [location, 'location'],
        ] as const) {
          const { [element]: _lacked, ...task } = lacking;
          const outcome = outcomeOf(() => judgeChange(process, before, task, person('a', 'admin'), operation?.feature));
          assert.equal(outcome, is ? 'unprocessable' : 'done', `${process.code} ${name} without ${element}`);
        }
      }
  });

  it('has the elements that a transition needs, which are said once', () => {
    const process = processes.get('release-of-information')!;
    const clerk = person('clerk', 'records-specialist');
    const nameless = taskIn(process, 'identity-check', { for: undefined });
    delete nameless['for'];
    const identified = taskIn(process, 'authorization-check');
    const { for: _for, ...still } = identified;
    assert.equal(
      outcomeOf(() => judgeChange(process, nameless, still as Resource, clerk)),
      'unprocessable',
    );
    assert.equal(judgeChange(process, nameless, identified, clerk).transition?.[0], 'identify');
    assert.equal(
      outcomeOf(() => judgeChange(process, identified, { ...identified, for: { reference: 'Patient/2' } }, clerk)),
      'unprocessable',
    );
  });

  it('is said in files whose codes are their names', () => {
    for (const code of processes.keys()) {
      const file = JSON.parse(readFileSync(new URL(`${code}.json`, folder), 'utf8')) as { readonly code: string };
      assert.equal(file.code, code);
      assert.equal(codeOfSystem({ coding: [{ system: TASK_SYSTEM, code }] }, TASK_SYSTEM), code);
    }
  });
});
