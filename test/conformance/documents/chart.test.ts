/** `List/$chart` on both stores: documents in the order of a chart, and the ordinary searches that find the same ones. */
import assert from 'node:assert/strict';
import type { DocumentReference, List, OperationOutcome } from 'fhir/r4.js';
import { describe, it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { FHIR_JSON } from '../../support/docref.js';
import { aDocument, base64 } from '../../support/document-reference.js';
import { hiding } from '../../support/restricted.js';
import { idsOf, refusal } from '../../support/talk.js';

const CATEGORIES = 'urn:categories';
const filed = (
  id: string,
  [title, category, start, date, encounter]: readonly [string, string, string, string, string],
  more: Partial<DocumentReference> = {},
): DocumentReference =>
  aDocument(
    { contentType: 'text/plain', data: base64(id), title },
    {
      id,
      subject: { reference: 'Patient/chart' },
      date,
      type: { coding: [{ system: 'urn:types', code: title }] },
      category: [{ coding: [{ system: CATEGORIES, code: category }] }],
      context: { encounter: [{ reference: `Encounter/${encounter}` }], period: { start, end: start } },
      ...more,
    },
  );

onStoresInTurn(
  '$chart',
  stage => {
    const chart = (query: string, list = '') =>
      stage().talk.get<Omit<List, 'resourceType'> & Pick<OperationOutcome, 'issue'>>(
        `List/${list}$chart${query === '' ? '' : `?${query}`}`,
      );
    const idsIn = ({ entry = [] }: Pick<List, 'entry'>) => entry.map(({ item }) => item.reference!.split('/')[1]);
    const ids = async (query: string, list?: string) => {
      const { status, body, text } = await chart(query, list);
      assert.equal(status, 200, text);
      return idsIn(body);
    };

    for (const [order, expected] of [
      [undefined, ['c3', 'c1', 'c4', 'c2']],
      ['event-date', ['c3', 'c1', 'c4', 'c2']],
      ['entry-date', ['c2', 'c4', 'c1', 'c3']],
      ['alphabetic', ['c2', 'c3', 'c1', 'c4']],
      ['category', ['c3', 'c1', 'c2', 'c4']],
      ['encounter', ['c1', 'c2', 'c3', 'c4']],
    ] as const)
      it(`puts the documents of a patient in order by ${order ?? 'the time of care'}`, async () => {
        assert.deepEqual(await ids(`patient=chart${order === undefined ? '' : `&order=${order}`}`), expected);
      });

    it('is a List that says what it is, of each document when it was and what it is called', async () => {
      const { body } = await chart('patient=chart&order=category');
      const { id, status, mode, subject, orderedBy, entry } = body;
      assert.deepEqual([id, status, mode, subject], [undefined, 'current', 'snapshot', { reference: 'Patient/chart' }]);
      assert.equal(orderedBy?.coding?.[0]?.code, 'category');
      assert.deepEqual(entry![0], {
        flag: { coding: [{ system: CATEGORIES, code: 'a-letters' }] },
        item: { reference: 'DocumentReference/c3', display: 'Discharge 2, 2025-06-01' },
      });
      const validated = await stage().talk.send<OperationOutcome>('POST', 'List/$validate', {
        headers: FHIR_JSON,
        body: JSON.stringify(body),
      });
      assert.deepEqual(
        validated.body.issue.filter(({ severity }) => severity === 'error'),
        [],
      );
      assert.deepEqual((await chart('patient=chart&order=encounter')).body.entry![0]!.flag, { text: 'Encounter/e1' });
    });

    for (const [condition, expected] of [
      ['encounter=Encounter/e1', ['c1', 'c2']],
      ['category=a-letters', ['c3']],
      ['category=a-letters,b-notes', ['c3', 'c1', 'c2']],
      ['period=ge2025-01-01', ['c3', 'c1']],
      ['period=ge2024-06-01&period=le2025-03-01', ['c1', 'c4']],
      ['type=urn:types|Admission', ['c2']],
      ['category=none', []],
    ] as const)
      it(`has those alone that a search by ${condition} finds`, async () => {
        assert.deepEqual(await ids(`patient=chart&${condition}`), expected);
        const found = await stage().talk.search(`DocumentReference?patient=chart&status=current&${condition}`);
        assert.deepEqual(new Set(idsOf(found)), new Set(expected));
      });

    it('has the documents of a folder, as _list finds them', async () => {
      assert.deepEqual(await ids('order=alphabetic', 'folder/'), ['c2', 'c4']);
      assert.deepEqual(await ids('category=b-notes', 'folder/'), ['c2']);
      const { body } = await chart('', 'folder/');
      assert.deepEqual(body.subject, { reference: 'Patient/chart' });
      const found = await stage().talk.search('DocumentReference?_list=folder&status=current');
      assert.deepEqual(new Set(idsOf(found)), new Set(['c2', 'c4']));
    });

    it('takes Parameters, too', async () => {
      const parameter = [
        { name: 'patient', valueId: 'chart' },
        { name: 'order', valueCode: 'alphabetic' },
        { name: 'category', valueString: 'a-letters' },
      ];
      const { body } = await stage().talk.send<List>('POST', 'List/$chart', {
        headers: FHIR_JSON,
        body: JSON.stringify({ resourceType: 'Parameters', parameter }),
      });
      assert.deepEqual(idsIn(body), ['c3']);
    });

    it('has nothing that is hidden, and says that it is empty', async () => {
      const { server } = stage();
      const nothing = await hiding(server, ['DocumentReference'], () => chart('patient=chart'));
      assert.equal(nothing.status, 403);
      assert.equal((await hiding(server, ['Patient'], () => chart('patient=chart'))).status, 404);
      assert.equal((await hiding(server, ['List'], () => chart('', 'folder/'))).status, 404);
      const { body } = await chart('patient=chart-empty');
      assert.deepEqual([body.entry, body.emptyReason], [undefined, { text: 'No document here fits.' }]);
    });

    describe('refuses', () => {
      for (const [query, list, status] of [
        ['', '', 400],
        ['patient=nobody', '', 404],
        ['', 'nothing/', 404],
        ['patient=chart', 'folder/', 400],
        ['patient=chart&order=size', '', 400],
        ['patient=chart&order=constructor', '', 400],
        ['patient=chart&period=yesterday', '', 400],
        ['patient=chart&author=Practitioner/1', '', 400],
        ['patient=chart&patient=chart', '', 400],
      ] as const)
        it(`List/${list}$chart?${query} with ${status}, and says what to do`, async () => {
          const reply = await chart(query, list);
          assert.equal(reply.status, status, reply.text);
          assert.equal(refusal(reply as never).status, status);
          assert.ok((reply.body.issue[0]?.details?.text ?? '').length > 10);
        });
    });
  },
  {
    set: async ({ talk }) => {
      for (const resource of [
        ...['chart', 'chart-empty'].map(id => ({ resourceType: 'Patient', id }) as const),
        ...['e1', 'e2', 'e3'].map(
          id => ({ resourceType: 'Encounter', id, status: 'finished', class: { code: 'AMB' } }) as const,
        ),
        filed('c1', ['Discharge 10', 'b-notes', '2025-02-01', '2025-07-01T00:00:00Z', 'e1']),
        filed('c2', ['Admission', 'b-notes', '2024-01-01', '2025-09-01T00:00:00Z', 'e1']),
        filed('c3', ['Discharge 2', 'a-letters', '2025-06-01', '2025-06-02T00:00:00Z', 'e2']),
        filed('c4', ['Zoster', 'c-images', '2024-07-01', '2025-08-01T00:00:00Z', 'e3']),
        filed('c5', ['Mistake', 'a-letters', '2025-06-01', '2025-06-02T00:00:00Z', 'e2'], {
          status: 'entered-in-error',
        }),
        aDocument({ contentType: 'text/plain', data: base64('other') }, { id: 'of-nobody' }),
        {
          resourceType: 'List',
          id: 'folder',
          status: 'current',
          mode: 'working',
          subject: { reference: 'Patient/chart' },
          entry: ['c4', 'c2', 'c5'].map(id => ({ item: { reference: `DocumentReference/${id}` } })),
        } as const,
      ])
        assert.equal((await talk.update(resource)).status, 201, JSON.stringify(resource));
    },
  },
);
