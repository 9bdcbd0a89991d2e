/**
 * Questions of a privacy officer to the audit trail: their answers are those of a plain count of its events, in every form, and for nobody else.
 * 45 CFR 164.308(a)(1)(ii)(D), 164.312(b), 164.404
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import type { AuditEvent, Bundle } from 'fhir/r4.js';
import { after, describe, it } from 'mocha';
import { type Disclosure, tellDisclosure } from '../../src/interactions/tell.js';
import { onStoresInTurn } from '../support/both-stores.js';
import { depthOf, FULL } from '../support/depth.js';
import { createRandom } from '../support/random.js';
import { type AnswerLine, linesIn, readCsv } from '../support/lines.js';
import { linkOf, refusal, talkTo, walk } from '../support/talk.js';
import { allEvents, commitTrail, randomDeeds } from '../support/trail.js';

const folder = mkdtempSync(join(tmpdir(), 'chartroom-questions-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const ROLES = ['admin', 'privacy-officer', 'administrator', 'clinician', 'records-specialist', 'reader', 'writer'];
const tokens = join(folder, 'tokens.json');
const tokenOf = (role: string) => `token-of-the-${role}`;
writeFileSync(tokens, JSON.stringify(ROLES.map(role => ({ token: tokenOf(role), name: `the-${role}`, role }))));

const START = Date.UTC(2026, 0, 5);
/** Lines of pages: small ones, of which there are many, as far as that does not take long. */
const SIZES = FULL ? [40, 150] : [1, 3];
const PATIENTS = ['q1', 'q2', 'q3'];
const WITHIN = 'start=2026-01-05&end=2026-01-09';
const HOSTILE = `<script>alert(1)</script>"',\r\n=2+5`;

/** What a plain count makes of events: by what tells lines apart. */
function count(events: readonly AuditEvent[], keyOf: (event: AuditEvent) => readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const event of events) for (const key of keyOf(event)) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}
const dayOf = ({ recorded }: AuditEvent) => recorded.slice(0, 10);
const userOf = ({ agent }: AuditEvent) => agent.find(({ requestor }) => requestor)!;
const purposeOf = (event: AuditEvent) =>
  event.purposeOfEvent?.[0]?.coding?.[0]?.code ?? userOf(event).purposeOfUse?.[0]?.coding?.[0]?.code ?? '';
const patientsOf = ({ entity = [] }: AuditEvent) => [
  ...new Set(entity.flatMap(({ what }) => /^Patient\/([^/]+)/.exec(what?.reference ?? '')?.[1] ?? [])),
];
const countedLines = (lines: readonly AnswerLine[], ...columns: readonly string[]) =>
  new Map(lines.map(line => [columns.map(column => line[column] ?? '').join(' | '), line['count'] as number]));
const sorted = (counts: ReadonlyMap<string, number>) => [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1));

onStoresInTurn(
  'questions to the audit trail',
  stage => {
    const as = (role: string, headers = {}) =>
      talkTo(stage().server.base, { authorization: `Bearer ${tokenOf(role)}`, ...headers });
    const officer = () => as('privacy-officer');
    const lines = async (path: string) => {
      const reply = await officer().get<Bundle>(path);
      assert.equal(reply.status, 200, reply.text);
      return (await walk(officer(), reply.body)).flatMap(linesIn);
    };

    it('say who saw a patient as a plain count does, and mark what was denied and done through a broken glass', async () => {
      for (const patient of PATIENTS) {
        const events = await allEvents(officer(), `patient=Patient/${patient}&date=ge2026-01-05&date=le2026-01-09`);
        assert.ok(events.length > 20, 'there are some');
        const key = (event: AuditEvent) =>
          [dayOf(event), userOf(event).name, userOf(event).role![0]!.text, purposeOf(event)].join(' | ');
        const told = await lines(`Patient/${patient}/$who-saw?${WITHIN}`);
        const columns = ['day', 'person', 'role', 'purpose'];
        assert.deepEqual(sorted(countedLines(told, ...columns)), sorted(count(events, event => [key(event)])));
        const denied = events.filter(({ outcomeDesc }) => outcomeDesc === 'forbidden');
        assert.deepEqual(
          sorted(
            new Map(
              told.flatMap(line =>
                line['denied'] ? [[columns.map(each => line[each] ?? '').join(' | '), line['denied'] as number]] : [],
              ),
            ),
          ),
          sorted(count(denied, event => [key(event)])),
        );
        for (const line of told) assert.equal(line['break-glass'], line['purpose'] === 'BTG');
        assert.deepEqual(
          told.map(({ day }) => day),
          told.map(({ day }) => String(day)).toSorted((a, b) => (a < b ? 1 : -1)),
          'the newest day first',
        );
      }
    });

    it('narrow who saw a patient by user, purpose and outcome', async () => {
      const all = await lines(`Patient/q2/$who-saw?${WITHIN}`);
      const only = (narrowed: readonly AnswerLine[]) =>
        narrowed.map(({ day, person, purpose }) => `${day} ${person} ${purpose}`);
      assert.deepEqual(
        only(await lines(`Patient/q2/$who-saw?${WITHIN}&user=dr-b`)),
        only(all.filter(({ person }) => person === 'dr-b')),
      );
      assert.deepEqual(
        only(await lines(`Patient/q2/$who-saw?${WITHIN}&purpose=TREAT`)),
        only(all.filter(({ purpose }) => purpose === 'TREAT')),
      );
      const failed = await lines(`Patient/q2/$who-saw?${WITHIN}&outcome=4`);
      assert.equal(
        failed.reduce((sum, line) => sum + Number(line['count']), 0),
        all.reduce((sum, line) => sum + Number(line['denied']) + Number(line['failed']), 0),
      );
    });

    it('say what a user did, and whose data they touched, as a plain count does', async () => {
      const events = await allEvents(officer(), 'agent-name:exact=dr-b&date=ge2026-01-05&date=le2026-01-09');
      assert.ok(events.length > 20);
      const did = await lines(`$what-did?user=dr-b&${WITHIN}`);
      assert.deepEqual(
        sorted(count(events, event => [`${dayOf(event)} | ${patientsOf(event).join(' ')}`])),
        sorted(
          did.reduce((sums, line) => {
            const key = `${line['day']} | ${line['patient'] ?? ''}`;
            return sums.set(key, (sums.get(key) ?? 0) + Number(line['count']));
          }, new Map<string, number>()),
        ),
      );
      const touched = await lines(`$breach-affected?agent=dr-b&${WITHIN}`);
      assert.deepEqual(
        sorted(countedLines(touched, 'patient')),
        sorted(
          count(
            events.filter(({ outcome }) => outcome === '0'),
            patientsOf,
          ),
        ),
      );
      assert.deepEqual(await lines(`$breach-affected?agent=nobody&${WITHIN}`), []);
    });

    it('say what was denied, and nothing that failed otherwise', async () => {
      const events = await allEvents(officer(), 'date=ge2026-01-05&date=le2026-01-09&outcome=4');
      const denied = events.filter(({ outcomeDesc }) => outcomeDesc === 'forbidden');
      assert.ok(denied.length > 10 && denied.length < events.length);
      const told = await lines(`$denials?${WITHIN}`);
      assert.equal(
        told.reduce((sum, line) => sum + Number(line['count']), 0),
        denied.length,
      );
      for (const { reason, sentence } of told) {
        assert.equal(reason, 'forbidden');
        assert.match(String(sentence), /^On 2026-01-0\d .+ was denied \d+ times? \(forbidden\)/);
      }
    });

    it('say what was given out, when it happened and not when it was told', async () => {
      const { engine } = stage().server;
      const given = (patient: string, name: string, more: Partial<Disclosure> = {}) =>
        tellDisclosure(
          { engine, requestId: 'd' },
          {
            ...{ direction: 'given', patient, other: { name, address: '12 Main Street' }, purpose: 'HLEGAL' },
            ...{ basis: '164.512(e)', data: ['DocumentReference/1'], ...more },
          },
        );
      await given('q1', 'The court', { when: '2025-12-01T10:00:00Z' });
      await given('q2', 'The "registry"', { purpose: 'PUBHLTH', basis: '164.512(b)', when: '2025-12-02' });
      await given('q2', 'The court', { direction: 'received' });
      await given('q3', 'The court');
      const told = await lines('$disclosures?start=2025-12-01&end=2025-12-31');
      assert.deepEqual(
        told.map(({ patient, recipient, address, purpose, basis, data, time }) => [
          ...[patient, recipient, address, purpose, basis, data, time],
        ]),
        [
          ['q2', 'The "registry"', '12 Main Street', 'PUBHLTH', '164.512(b)', 'DocumentReference/1', '2025-12-02'],
          ['q1', 'The court', '12 Main Street', 'HLEGAL', '164.512(e)', 'DocumentReference/1', '2025-12-01T10:00:00Z'],
        ],
      );
      const all = await lines('$disclosures?recipient=The%20court');
      assert.deepEqual(
        all.map(({ patient }) => patient),
        ['q3', 'q1'],
      );
      assert.equal(
        told[1]!['sentence'],
        'On 2025-12-01T10:00:00Z DocumentReference/1 of Patient/q1 was given to The court (12 Main Street) for the purpose HLEGAL by 45 CFR 164.512(e).',
      );
    });

    it('come in pages that are the whole together, each line once', async () => {
      for (const question of [
        `Patient/q1/$who-saw?${WITHIN}`,
        `$what-did?user=dr-a&${WITHIN}`,
        `$denials?${WITHIN}`,
        `$breach-affected?agent=dr-a&${WITHIN}`,
      ]) {
        const whole = await lines(`${question}&_count=1000`);
        for (const size of SIZES) {
          const pages = await walk(officer(), await officer().search(`${question}&_count=${size}`));
          assert.ok(pages.length > 1);
          for (const page of pages) assert.ok((page.entry ?? []).length <= size);
          assert.deepEqual(pages.flatMap(linesIn), whole, question);
        }
      }
      const first = await officer().search(`$denials?${WITHIN}&_count=1`);
      assert.deepEqual(refusal(await as('admin').get(linkOf(first, 'next')!)), { status: 400, detail: 'page-invalid' });
    });

    it('come in pages of one state of the trail, whatever other processes had under way', async () => {
      const { engine } = stage().server;
      const seen = (patient: string, at: number) =>
        commitTrail(engine, [{ at, principal: { role: 'clinician', name: 'late' }, patients: [patient] }]);
      const now = () => engine.clock.now();
      for (const patient of ['a', 'b', 'c']) await seen(patient, now());
      const last = now();
      while (engine.store.horizon() <= last) await turn();
      const slow = engine.store.openStamp();
      try {
        const at = slow.now();
        while (now() <= at) await turn();
        const first = await officer().search('$what-did?user=late&_count=2');
        assert.ok(Date.parse(first.meta!.lastUpdated!) <= at, 'it says up to when it is complete');
        await seen('z', at);
        const told = (await walk(officer(), first)).flatMap(linesIn).map(({ patient }) => patient);
        assert.deepEqual(told, ['c', 'b', 'a']);
        assert.equal((await lines('$what-did?user=late')).length, 4, 'who asks anew gets all that is there');
      } finally {
        slow.close();
      }
    });

    it('know users of other systems by their other name', async () => {
      const event: AuditEvent = {
        resourceType: 'AuditEvent',
        type: { system: 'http://terminology.hl7.org/CodeSystem/audit-event-type', code: 'rest' },
        recorded: '2026-01-06T10:00:00Z',
        outcome: '0',
        agent: [{ requestor: true, altId: 'alt-7', name: 'Somebody' }],
        source: { observer: { display: 'elsewhere' } },
      };
      const reply = await as('admin').create(event);
      assert.equal(reply.status, 201, reply.text);
      const told = await lines(`$what-did?user=alt-7&${WITHIN}`);
      assert.deepEqual(
        told.map(({ day, person, count: times }) => [day, person, times]),
        [['2026-01-06', 'Somebody', 1]],
      );
    });

    it('count a breach once for all of its pages', async () => {
      const question = `$breach-affected?agent=dr-breach&${WITHIN}&_count=1`;
      const touch = () =>
        commitTrail(
          stage().server.engine,
          PATIENTS.map(patient => ({
            at: START + 1,
            principal: { role: 'clinician', name: 'dr-breach' },
            patients: [patient],
          })),
        );
      await touch();
      const first = await officer().search(question);
      await touch();
      const counts = (pages: readonly Bundle[]) => pages.flatMap(linesIn).map(({ count: times }) => times);
      assert.deepEqual(counts(await walk(officer(), first)), [1, 1, 1]);
      assert.deepEqual(counts(await walk(officer(), await officer().search(question))), [2, 2, 2]);
    });

    it('are the same as CSV and as a page, chosen by Accept and _format', async () => {
      const whole = await lines(`Patient/q1/$who-saw?${WITHIN}`);
      const csv = await officer().get(`Patient/q1/$who-saw?${WITHIN}`, { accept: 'text/csv' });
      assert.match(csv.header('content-type')!, /^text\/csv; charset=utf-8/);
      assert.match(csv.header('content-disposition')!, /^attachment; filename.*who-saw\.csv$/);
      const [head, ...rows] = readCsv(csv.text);
      assert.equal(rows.length, whole.length);
      for (const [at, row] of rows.entries())
        for (const [column, name] of head!.entries())
          assert.equal(row[column]!.replace(/^'(?=[=+\-@])/, ''), String(whole[at]![name] ?? ''), name);
      assert.equal((await officer().get(`Patient/q1/$who-saw?${WITHIN}&_format=csv`)).text, csv.text);
      const html = await officer().get(`Patient/q1/$who-saw?${WITHIN}`, { accept: 'text/html,*/*;q=0.8' });
      assert.match(html.header('content-type')!, /^text\/html; charset=utf-8/);
      assert.match(html.header('content-security-policy')!, /default-src 'none'.*sandbox/);
      assert.equal(html.text.match(/<tr>/g)!.length, whole.length + 1);
      assert.ok(html.text.endsWith('</body></html>'));
      assert.equal(
        (await officer().get(`Patient/q1/$who-saw?_format=html`)).header('content-type'),
        html.header('content-type'),
      );
      assert.equal((await officer().get(`Patient/q1/$who-saw?_format=text/plain`)).status, 406);
      assert.equal((await officer().get(`Patient/q1/$who-saw`, { accept: 'image/png' })).status, 406);
      assert.match((await officer().get(`Patient/q1/$who-saw?_format=xml`)).text.slice(0, 60), /^<\?xml [^>]+><Bundle/);
    });

    it('show hostile names as text, and no spreadsheet takes them for a formula', async () => {
      const at = Date.UTC(2026, 1, 1, 9);
      await commitTrail(stage().server.engine, [
        { at, principal: { role: 'clinician', name: HOSTILE }, patients: ['hostile'] },
        { at, principal: { role: 'clinician', name: '=cmd|x' }, patients: ['hostile'] },
        { at, principal: { role: 'clinician', name: '\u200B@SUM(1)' }, patients: ['hostile'] },
      ]);
      const html = await officer().get('Patient/hostile/$who-saw?start=2026-02-01&end=2026-02-01', {
        accept: 'text/html',
      });
      assert.ok(html.text.includes('&lt;script&gt;alert(1)&lt;/script&gt;'));
      assert.doesNotMatch(html.text, /<script|onerror|javascript:/);
      const csv = await officer().get('Patient/hostile/$who-saw?start=2026-02-01&end=2026-02-01', {
        accept: 'text/csv',
      });
      const [, ...rows] = readCsv(csv.text);
      assert.equal(rows.length, 3);
      for (const cell of rows.flat()) assert.doesNotMatch(cell, /^[\s\u200B]*[=+\-@]/);
    });

    describe('are refused', () => {
      const ASKED = ['Patient/q1/$who-saw', '$what-did?user=dr-a', '$denials', '$breach-affected?agent=dr-a'];
      it('to every other role, in every form, and the refusal is recorded', async () => {
        for (const role of ROLES)
          for (const path of ASKED)
            for (const accept of ['application/fhir+json', 'text/csv', 'text/html']) {
              const may = role === 'admin' || role === 'privacy-officer';
              const reply = await as(role, { accept }).get(path);
              assert.equal(reply.status, may ? 200 : 403, `${role} ${path} ${accept}: ${reply.text.slice(0, 200)}`);
              if (!may) assert.doesNotMatch(reply.text, /dr-a|dr-b/);
            }
        for (const path of ASKED) assert.equal((await talkTo(stage().server.base).get(path)).status, 401);
        const told = await lines('$denials?start=2026-03-01');
        for (const role of ['clinician', 'reader', 'administrator'])
          assert.ok(
            told.some(({ person }) => person === `the-${role}`),
            role,
          );
      });

      it('with what is wrong, where, and what would be right', async () => {
        for (const [path, place, says] of [
          ['Patient/q1/$who-saw?start=yesterday', 'http.start', /dateTime/],
          ['Patient/q1/$who-saw?start=2026-01-02&end=2026-01-01', 'http.end', /before start/],
          ['Patient/q1/$who-saw?outcome=5', 'http.outcome', /0, 4, 8, 12/],
          ['Patient/q1/$who-saw?_count=0', 'http._count', /from 1/],
          ['Patient/q1/$who-saw?who=dr-a', 'http.who', /knows .*user/],
          ['$what-did', 'Parameters.parameter', /needs the parameter user/],
          ['$breach-affected?start=2026-01-01', 'Parameters.parameter', /needs the parameter agent/],
          ['$denials?_page=abc', 'http._page', /paging link/],
        ] as const) {
          const reply = await officer().get(path);
          const { status } = refusal(reply);
          const [issue] = (reply.body as { issue: { expression?: string[]; details: { text: string } }[] }).issue;
          assert.deepEqual([status, issue!.expression], [400, [place]], path);
          assert.match(issue!.details.text, says, path);
        }
      });
    });

    it('are recorded themselves, each with the patient', async () => {
      const asked = await as('privacy-officer', { 'x-request-id': 'asks-who-saw' }).get('Patient/q3/$who-saw');
      assert.equal(asked.status, 200);
      const [event, ...more] = await allEvents(officer(), 'entity:identifier=asks-who-saw');
      assert.equal(more.length, 0);
      assert.deepEqual([patientsOf(event!), userOf(event!).name], [['q3'], 'the-privacy-officer']);
    });
  },
  {
    config: { auth: 'token', tokens },
    set: async ({ server }) => {
      await commitTrail(server.engine, randomDeeds(createRandom(7), depthOf('QUESTIONED'), START, PATIENTS));
    },
  },
);
