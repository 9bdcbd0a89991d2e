/** The accounting of disclosures that a patient is given: 45 CFR 164.528, https://www.ecfr.gov/current/title-45/section-164.528 */
import assert from 'node:assert/strict';
import type { AuditEvent, Bundle, DocumentReference } from 'fhir/r4.js';
import { it } from 'mocha';
import { type Disclosure, tellDisclosure } from '../../src/interactions/tell.js';
import { onStoresInTurn } from '../support/both-stores.js';
import { as, identifyAs, staffAnd } from '../support/consents.js';
import { type AnswerLine, linesIn, readCsv } from '../support/lines.js';
import { steppedTime } from '../support/stepped-time.js';
import { refusal } from '../support/talk.js';

const PRINCIPALS = staffAnd('rows');
const NOW = Date.UTC(2026, 5, 15, 12);
const time = steppedTime(NOW);
/** The day of now, and so many years and days before or behind it. */
const dayFrom = (years: number, days = 0): string => {
  const date = new Date(time.now());
  return new Date(Date.UTC(date.getUTCFullYear() + years, date.getUTCMonth(), date.getUTCDate() + days))
    .toISOString()
    .slice(0, 10);
};
const DAY = 86_400_000;

/** Each requester class of the law (164.502 to 164.528): whether the accounting has it. */
const ROWS: readonly [what: string, basis: string, purpose: string, told: boolean][] = [
  ['the patient', '164.524', 'PATRQT', false],
  ['whom the patient directs', '164.524(c)(3)(ii)', 'PATRQT', false],
  ['a treating provider', '164.506(c)(2)', 'TREAT', false],
  ['a payer', '164.506', 'HPAYMT', false],
  ['operations', '164.506(c)(4)', 'HOPERAT', false],
  ['an attorney with an authorization', '164.508', 'HLEGAL', false],
  ['the directory', '164.510(a)', 'FAMRQT', false],
  ['incident', '164.502(a)(1)(iii)', 'TREAT', false],
  ['national security', '164.512(k)(2)', 'HLEGAL', false],
  ['a prison', '164.512(k)(5)(i)', 'HLEGAL', false],
  ['a limited data set', '164.514(e)', 'HRESCH', false],
  ['a subpoena', '164.512(e)(1)(ii)', 'HLEGAL', true],
  ['a court order', '164.512(e)(1)(i)', 'HLEGAL', true],
  ['law enforcement', '164.512(f)(2)', 'HLEGAL', true],
  ['public health', '164.512(b)(1)', 'PUBHLTH', true],
  ['an abuse report', '164.512(c)', 'PUBHLTH', true],
  ['oversight', '164.512(d)', 'HLEGAL', true],
  ['a coroner', '164.512(g)', 'HLEGAL', true],
  ['organ donation', '164.512(h)', 'HLEGAL', true],
  ["workers' compensation", '164.512(l)', 'HPAYMT', true],
  ['research with a waiver', '164.512(i)', 'HRESCH', true],
  ['military', '164.512(k)(1)', 'HLEGAL', true],
  ['a wrong recipient', '164.404', 'TREAT', true],
  ['a paragraph nobody knows', '164.5060', 'TREAT', true],
];

onStoresInTurn(
  'an accounting of disclosures',
  stage => {
    const give = (patient: string, more: Partial<Disclosure> = {}) =>
      tellDisclosure(
        { engine: stage().server.engine, requestId: 'd' },
        {
          ...{ direction: 'given', patient, other: { name: 'County Court', address: '1 Court Street' } },
          ...{
            purpose: 'HLEGAL',
            basis: '164.512(e)',
            data: ['DocumentReference/letter'],
            when: '2026-03-01',
            ...more,
          },
        },
      );
    const post = (patient: string, query = '', headers = {}, who = 'officer') =>
      stage().talk.send<Bundle>('POST', `Patient/${patient}/$accounting-of-disclosures${query}`, {
        headers: { ...as(who), ...headers },
      });
    const accounting = async (patient: string, query = ''): Promise<{ about: AnswerLine; entries: AnswerLine[] }> => {
      const reply = await post(patient, query);
      assert.equal(reply.status, 200, reply.text);
      const [about, ...entries] = linesIn(reply.body);
      return { about: about!, entries };
    };

    it('has what 164.528 does not leave out, by the paragraph of each', async () => {
      for (const [name, basis, purpose] of ROWS) await give('rows', { other: { name, address: '' }, basis, purpose });
      const { entries } = await accounting('rows');
      assert.deepEqual(
        entries.map(({ recipient }) => String(recipient)).toSorted(),
        ROWS.filter(([, , , told]) => told)
          .map(([what]) => what)
          .toSorted(),
      );
    });

    it('leaves out by its purpose what names no paragraph, and tells the rest', async () => {
      for (const purpose of ['TREAT', 'HPAYMT', 'HOPERAT', 'PATRQT', 'HLEGAL', ''])
        await give('bare', { other: { name: `for ${purpose}`, address: '' }, basis: '', purpose });
      const { entries } = await accounting('bare');
      assert.deepEqual(entries.map(({ recipient }) => String(recipient)).toSorted(), ['for', 'for HLEGAL']);
    });

    it('says when, to whom and where, what and why, and sums what went to the same for the same', async () => {
      await give('sums', { when: '2026-02-03' });
      await give('sums', { when: '2026-01-02', description: 'Letters of January' });
      await give('sums', { when: '2026-04-05T10:00:00Z' });
      await give('sums', { when: '2026-03-03', other: { name: 'County Court', address: '2 Other Street' } });
      await give('sums', {
        when: '2026-03-04',
        purpose: 'PUBHLTH',
        basis: '164.512(b)',
        other: { name: 'Registry', address: 'https://r.example' },
      });
      await give('sums', { direction: 'received' });
      await give('others');
      const { entries } = await accounting('sums');
      assert.deepEqual(
        entries.map(({ first, last, number, recipient, address, data, purpose, basis }) => [
          first,
          last,
          number,
          recipient,
          address,
          data,
          purpose,
          basis,
        ]),
        [
          [
            '2026-01-02',
            '2026-04-05',
            3,
            'County Court',
            '1 Court Street',
            'Letters of January',
            'legal proceedings: judicial and administrative proceedings',
            '164.512(e)',
          ],
          [
            '2026-03-03',
            undefined,
            1,
            'County Court',
            '2 Other Street',
            'Discharge letter of 2026-01-01',
            'legal proceedings: judicial and administrative proceedings',
            '164.512(e)',
          ],
          [
            '2026-03-04',
            undefined,
            1,
            'Registry',
            'https://r.example',
            'Discharge letter of 2026-01-01',
            'public health',
            '164.512(b)',
          ],
        ],
      );
      assert.match(
        String(entries[0]!['sentence']),
        /^On 2026-01-02 3 times, the last time on 2026-04-05, Letters of January went to County Court \(1 Court Street\): legal/,
      );
    });

    it('reaches six years back, by when something was given out', async () => {
      await give('years', { when: dayFrom(-6), other: { name: 'inside', address: '' } });
      await give('years', { when: dayFrom(-6, -1), other: { name: 'outside', address: '' } });
      await give('years', { when: dayFrom(0, -2), other: { name: 'lately', address: '' } });
      const names = async (query: string) =>
        (await accounting('years', query)).entries.map(({ recipient }) => recipient);
      assert.deepEqual(await names(''), ['inside', 'lately']);
      assert.deepEqual(await names(`?start=${dayFrom(-6)}`), ['inside', 'lately']);
      assert.deepEqual(await names(`?start=${dayFrom(0, -9)}`), ['lately']);
      assert.deepEqual(await names(`?end=${dayFrom(-1)}`), ['inside']);
      assert.deepEqual(await names(`?start=${dayFrom(0, -2)}&end=${dayFrom(0, -2)}`), ['lately']);
      const refused = await post('years', `?start=${dayFrom(-6, -1)}`);
      assert.equal(refusal(refused).status, 400);
      assert.ok(refused.text.includes(`${dayFrom(-6)} at the earliest`), refused.text);
      assert.equal((await post('years', `?start=${dayFrom(0, -2)}&end=${dayFrom(0, -3)}`)).status, 400);
      assert.equal((await post('years', '?start=2999')).status, 400);
    });

    it('tells research of fifty individuals by its protocol, and of fewer by itself', async () => {
      const study = { basis: '164.512(i)', purpose: 'HRESCH', other: { name: 'University', address: 'u.example' } };
      for (let at = 0; at < 50; at++)
        await give(at === 0 ? 'studied' : `studied-${at}`, { ...study, request: 'ResearchStudy/large' });
      await give('studied', { ...study, data: ['ResearchStudy/small', 'DocumentReference/letter'] });
      const { entries } = await accounting('studied');
      assert.deepEqual(
        entries.map(({ purpose, recipient, number, data }) => [purpose, recipient, number, data]),
        [
          ['research', 'University', 1, 'Research study, Discharge letter of 2026-01-01'],
          ['research by the protocol A large study', 'University', undefined, 'Letters of all'],
        ],
      );
      assert.match(String(entries[1]!['note']), /may or may not have been disclosed.*Contact: Dr Large, \+1 555/);
    });

    it('is a table and a page as well', async () => {
      await give('forms', { description: '=1+1', other: { name: '@evil', address: '' } });
      const csv = await post('forms', '', { accept: 'text/csv' });
      const [head, row, ...more] = readCsv(csv.text);
      assert.deepEqual([head![0], more.length, row![1], row![3]], ['first', 0, "'@evil", "'=1+1"]);
      const html = await post('forms', '?_format=html');
      assert.match(html.header('content-type')!, /^text\/html/);
      assert.match(html.header('content-security-policy')!, /default-src 'none'/);
      assert.ok(html.text.includes('<td>@evil</td>'));
    });

    it('is given by privacy officers alone, to nobody by GET, of nobody who is not there, and recorded', async () => {
      for (const who of ['administrator', 'specialist', 'clinician', 'patient'])
        assert.equal((await post('rows', '', {}, who)).status, 403, who);
      assert.equal((await post('rows', '', {}, 'owner')).status, 200);
      assert.equal((await stage().talk.get('Patient/rows/$accounting-of-disclosures', as('officer'))).status, 405);
      assert.equal((await post('nobody')).status, 404);
      await post('others', '', { 'x-request-id': 'accounting-of-others' });
      const { entry = [] } = await stage().talk.search<AuditEvent>(
        'AuditEvent?entity:identifier=accounting-of-others',
        as('officer'),
      );
      const recorded = entry
        .map(({ resource }) => resource!)
        .filter(({ entity = [] }) => entity.some(({ what }) => what?.reference === 'Patient/others'))
        .map(({ subtype }) => String(subtype![0]!.code));
      assert.deepEqual(recorded.toSorted(), ['create', 'operation']);
    });

    it('leaves out what is suspended, until the day is over', async () => {
      const until = dayFrom(0, 5);
      await give('suspended', { basis: '164.512(f)', other: { name: 'Police', address: '' }, suspendedUntil: until });
      const names = async () => (await accounting('suspended')).entries.map(({ recipient }) => recipient);
      assert.deepEqual(await names(), []);
      time.step(Date.parse(until) + DAY - 1 - time.now());
      assert.deepEqual(await names(), []);
      time.step(1);
      assert.deepEqual(await names(), ['Police']);
    });

    it('is kept as a document of the record, and says whether it is the first in twelve months', async () => {
      await give('fees', { description: '=HYPERLINK("x") <b>bold</b>' });
      const first = await post('fees');
      const [about] = linesIn(first.body);
      assert.equal(about!['free'], true);
      assert.equal(first.header('location'), `${stage().server.base}/${about!['document']}/_history/1`);
      const { body } = await stage().talk.get<DocumentReference>(String(about!['document']), as('officer'));
      assert.deepEqual(
        [body.type?.coding?.[0]?.code, body.subject?.reference, body.date],
        ['accounting-of-disclosures', 'Patient/fees', new Date(time.now()).toISOString()],
      );
      const page = Buffer.from(body.content[0]!.attachment.data!, 'base64').toString();
      assert.ok(page.includes('County Court') && page.includes('free of charge') && page.includes('&lt;b&gt;bold'));
      assert.doesNotMatch(page, /<b>|<script/);
      const given = dayFrom(0);
      time.step(30 * DAY);
      const second = linesIn((await post('fees')).body)[0]!;
      assert.deepEqual([second['free'], String(second['sentence']).includes(`given on ${given}`)], [false, true]);
      time.step(370 * DAY);
      assert.equal(linesIn((await post('fees')).body)[0]!['free'], true);
      const found = await stage().talk.search(
        'DocumentReference?patient=fees&type=urn:chartroom:document|accounting-of-disclosures',
        as('officer'),
      );
      assert.equal(found.total, 3);
    });
  },
  {
    time,
    set: async ({ server, talk }) => {
      Object.assign(server.engine, { identify: identifyAs(PRINCIPALS) });
      for (const id of ['rows', 'bare', 'sums', 'others', 'years', 'suspended', 'studied', 'fees', 'forms'])
        await talk.update({ resourceType: 'Patient', id, name: [{ text: `Name of ${id}` }] }, as('owner'));
      await talk.update(
        {
          resourceType: 'DocumentReference',
          id: 'letter',
          status: 'current',
          type: { text: 'Discharge letter' },
          date: '2026-01-01T00:00:00Z',
          content: [{ attachment: { contentType: 'text/plain', data: 'eA==' } }],
        },
        as('owner'),
      );
      await talk.update(
        {
          resourceType: 'ResearchStudy',
          id: 'large',
          status: 'active',
          title: 'A large study',
          description: 'Letters of all',
          contact: [{ name: 'Dr Large', telecom: [{ system: 'phone', value: '+1 555' }] }],
        },
        as('owner'),
      );
    },
  },
);
