/**
 * Operations as they are defined, listed and answered are the same, on both stores:
 * https://hl7.org/fhir/R4/operations.html, https://hl7.org/fhir/R4/capabilitystatement-definitions.html
 */
import assert from 'node:assert/strict';
import type { CapabilityStatement, OperationDefinition, OperationOutcome } from 'fhir/r4.js';
import { before, describe, it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { FULL, fullIt, sampleOf } from '../../support/depth.js';
import { allOperations } from '../../support/operations.js';
import { idsOf, type Reply, walk } from '../../support/talk.js';

const LEVELS = ['system', 'type', 'instance', 'version'] as const;
const TYPES = [
  'Patient',
  'Encounter',
  'Group',
  'Observation',
  'AuditEvent',
  'Binary',
  'Composition',
  'DocumentReference',
];

/** Of terminology, by the type that they are asked of. */
const OF_CODES: Readonly<Record<string, readonly string[]>> = {
  ValueSet: ['batch-validate-code', 'expand', 'validate-code'],
  CodeSystem: ['batch-validate-code', 'lookup', 'subsumes', 'validate-code'],
  ConceptMap: ['translate'],
};
const TERMINOLOGY = new Set(Object.values(OF_CODES).flat());

/** Of the system, as they are listed. */
const QUESTIONS_TO_THE_TRAIL = ['what-did', 'denials', 'disclosures', 'breach-affected', 'audit-anomalies'];

const GENDER = 'http://hl7.org/fhir/administrative-gender';
/** Where an operation is asked, and with what, if it is not of any resource or needs to be told something. */
const QUESTIONS: Readonly<Record<string, readonly [place: string, question: string]>> = {
  'batch-validate-code': ['ValueSet/', ''],
  chart: ['List/', 'patient=p&'],
  document: ['Composition/c/', ''],
  'estimate-fee': ['Task/r/', 'pages=1&'],
  expand: ['ValueSet/administrative-gender/', ''],
  'intake-rates': ['DocumentReference/', ''],
  lookup: ['CodeSystem/', `system=${GENDER}&code=male&`],
  subsumes: ['CodeSystem/', `system=${GENDER}&codeA=male&codeB=female&`],
  translate: ['ConceptMap/', `system=${GENDER}&code=male&`],
  transitions: ['Task/t/', ''],
  'validate-code': ['CodeSystem/', `url=${GENDER}&code=male&`],
};

onStoresInTurn(
  'operations',
  stage => {
    const rest = async () => (await stage().talk.get<CapabilityStatement>('metadata')).body.rest![0]!;

    it('are listed where they are: of the system, or of every type that has them', async () => {
      const { operation, resource = [] } = await rest();
      assert.deepEqual(
        operation?.map(({ name }) => name),
        [
          ...[
            'audit-checkpoint',
            'horizon',
            'import',
            'jobs',
            'jobs-cancel',
            'jobs-status',
            'reindex',
            'reindex-status',
            'decide',
          ],
          ...(stage().server.engine.store.backup ? ['backup'] : []),
          ...QUESTIONS_TO_THE_TRAIL,
        ],
      );
      const changing = ['meta-add', 'meta-delete', 'purge'];
      for (const { type, operation: own = [] } of resource) {
        const everything = ['Patient', 'Encounter', 'Group'].includes(type) ? ['everything'] : [];
        const all = [
          ...everything,
          ...(OF_CODES[type] ?? []),
          'meta',
          'validate',
          ...(type === 'Binary' ? ['render'] : []),
          ...(type === 'Patient'
            ? ['break-glass', 'break-glass-end', 'disclose', 'who-saw', 'accounting-of-disclosures']
            : []),
          ...(type === 'Composition' ? ['document'] : []),
          ...(type === 'List' ? ['chart'] : []),
          ...(type === 'Task'
            ? [
                'transition',
                'transitions',
                'request-records',
                'request-status',
                'check-authorization',
                'release',
                'release-confirm',
                'release-package',
                'release-preview',
                'letter',
                'charge',
                'deliver',
                'delivery-outcome',
                'estimate-fee',
                'release-select',
              ]
            : []),
          ...(type === 'Patient' ? ['custody', 'separator-sheet'] : []),
          ...(['DocumentReference', 'List'].includes(type) ? ['move'] : []),
          ...(type === 'DocumentReference'
            ? ['arrange-pages', 'docref', 'generate-metadata', 'index', 'intake', 'intake-rates']
            : []),
          ...(type === 'AuditEvent' ? ['proof'] : changing),
        ];
        assert.deepEqual(own.map(({ name }) => name).toSorted(), all.toSorted(), type);
      }
    });

    for (const [code, operation] of sampleOf([...allOperations], 4, () => 'operation'))
      describe(`$${code}`, () => {
        before(function () {
          // A database has tools of its own for backups.
          if (code === 'backup' && !stage().server.engine.store.backup) this.skip();
        });
        const defined = async () =>
          (await stage().talk.get<OperationDefinition>(`OperationDefinition/${operation.definition}`)).body;

        it('is defined at the address that is listed', async () => {
          const { operation: ofSystem = [], resource = [] } = await rest();
          const listed = [...ofSystem, ...resource.flatMap(each => each.operation ?? [])].filter(
            ({ name }) => name === code,
          );
          assert.ok(listed.length > 0);
          const definition = await defined();
          for (const each of listed) assert.equal(each.definition, definition.url);
          assert.deepEqual([definition.code, definition.kind, definition.status], [code, 'operation', 'active']);
        });

        it('is there at the levels, for the types and by the methods that its definition says', async () => {
          const { talk } = stage();
          const definition = await defined();
          const { system, type: ofType, instance, affectsState, resource = [] } = definition;
          const offered = { system, type: ofType, instance, version: operation.levels.includes('version') };
          assert.ok(!offered.version || instance, 'of a version only what is of an instance');
          const isNamed = (type: string) => resource.some(each => each === 'Resource' || each === type);
          const types = sampleOf(TYPES, 12, type => (type === 'AuditEvent' ? type : String(isNamed(type))));
          for (const level of LEVELS)
            for (const type of level === 'system' ? [''] : types) {
              const path = {
                system: '',
                type: `${type}/`,
                instance: `${type}/none/`,
                version: `${type}/none/_history/1/`,
              };
              const is = offered[level] && (type === '' || isNamed(type));
              for (const method of ['GET', 'POST', 'PUT']) {
                const reply = await talk.send<OperationOutcome>(method, `${path[level]}$${code}?_format=json`);
                const refused =
                  method === 'PUT' ||
                  (method === 'GET' && affectsState) ||
                  (type === 'AuditEvent' && operation.effect === 'changes');
                expectOffer(
                  reply,
                  is ? (refused ? 'refused' : 'offered') : 'unknown',
                  `${method} ${path[level]}$${code}`,
                );
              }
            }
        });

        it('shows its result as _summary and _elements say, and refuses nonsense in them, where GET asks', async function () {
          const asksMore = operation.parameters.some(({ min }) => min > 0);
          // The answers of $render and $separator-sheet are pages; $proof is asked of an event, in test/flow/ledger.test.ts.
          const isOther = ['render', 'separator-sheet', 'proof'].includes(code);
          if (!operation.methods.includes('GET') || asksMore || isOther) this.skip();
          const [place, question] = QUESTIONS[code] ?? ['Patient/p/', ''];
          const path = `${operation.levels.includes('system') ? '' : place}$${code}`;
          for (const query of [
            '_summary=abc',
            '_summary=count',
            '_elements=nothing',
            '_pretty=abc',
            '_format=abc',
            'abc=1',
          ])
            assert.ok([400, 406].includes((await stage().talk.get(`${path}?${question}${query}`)).status), query);
          for (const query of ['_summary=true', '_summary=data', '_elements=id', '_pretty=true'])
            assert.equal((await stage().talk.get(`${path}?${question}${query}`)).status, 200, query);
        });
      });
  },
  {
    set: async ({ talk }) => {
      await talk.update({ resourceType: 'Patient', id: 'p', active: true });
      await talk.update({
        resourceType: 'Composition',
        id: 'c',
        status: 'final',
        type: { text: 'note' },
        subject: { reference: 'Patient/p' },
        date: '2026-01-02',
        author: [{ display: 'nobody' }],
        title: 'A note',
      });
      await talk.update({
        resourceType: 'Task',
        id: 't',
        status: 'requested',
        intent: 'order',
        code: { coding: [{ system: 'urn:chartroom:task', code: 'chart-checkout' }] },
        for: { reference: 'Patient/p' },
        focus: { reference: 'List/chart' },
      });
      await talk.update({
        resourceType: 'Task',
        id: 'r',
        status: 'requested',
        intent: 'order',
        code: { coding: [{ system: 'urn:chartroom:task', code: 'release-of-information' }] },
        for: { reference: 'Patient/p' },
        requester: { display: 'Somebody' },
        reasonCode: { text: 'Asked for' },
        input: [
          { type: { coding: [{ system: 'urn:chartroom:input', code: 'requester-class' }] }, valueCode: 'patient' },
        ],
      });
    },
  },
);

/** The answer of an operation that is unknown at its address, not to be asked so, or there. */
function expectOffer(
  { status, body }: Reply<OperationOutcome>,
  offer: 'unknown' | 'refused' | 'offered',
  asked: string,
) {
  const detail = body.issue?.[0]?.details?.coding?.[0]?.code;
  const what = `${asked}: ${status} ${detail}`;
  if (offer === 'unknown') assert.deepEqual([status, detail], [404, 'unknown-operation'], what);
  else if (offer === 'refused') assert.equal(status, 405, what);
  else assert.ok(status !== 405 && detail !== 'unknown-operation', what);
}

/** Ids of those that are asked of the system alone. */
const SYSTEM_ALONE =
  /^(?:audit-(?:anomalies|checkpoint)|backup|breach|decide|denials|disclosures|horizon|import|jobs|reindex|what-did)/;
const OF_TYPES_TOO = new Set([
  'chart',
  'docref',
  'document',
  'validate',
  'generate-metadata',
  'arrange-pages',
  'intake',
  'intake-rates',
  'transition',
  'request-records',
  'request-status',
  ...TERMINOLOGY,
]);
const ALL = [...allOperations.values()].map(({ definition }) => definition).toSorted();

onStoresInTurn('definitions of operations', stage => {
  const offered = () => ALL.filter(id => id !== 'backup' || 'backup' in stage().server.engine.store);
  const found = async (query: string) => idsOf(await stage().talk.search(`OperationDefinition?_count=200&${query}`));

  fullIt('are found by what they say', async () => {
    const { base } = stage().server;
    const OWN = offered();
    const rows: [query: string, ids: string[]][] = [
      ['', OWN],
      ['name=Purge', ['purge']],
      ['name:exact=Purge', ['purge']],
      ['code=purge', ['purge']],
      ['code=reindex,purge', ['purge', 'reindex']],
      [`url=${base}/OperationDefinition/meta`, ['meta']],
      ['_id=reindex', ['reindex']],
      ['system=true', OWN.filter(id => SYSTEM_ALONE.test(id))],
      ['status=active&instance=true&type=false', OWN.filter(id => !SYSTEM_ALONE.test(id) && !OF_TYPES_TOO.has(id))],
      [
        'status=active&instance=true&type=true',
        ['chart', 'document', 'expand', 'subsumes', 'transition', 'translate', 'validate', 'validate-code'],
      ],
      ['status=draft', []],
      ['code:not=purge', OWN.filter(id => id !== 'purge')],
      ['name=nothing', []],
      ['_lastUpdated=gt2020-01-01', OWN],
      ['_lastUpdated=gt2999-01-01', []],
      ['_filter=code eq purge', ['purge']],
    ];
    for (const [query, ids] of rows) assert.deepEqual(await found(query), ids, query);
    assert.deepEqual(idsOf(await stage().talk.search('?_type=OperationDefinition&_count=200')), OWN);
    const counted = await stage().talk.search('OperationDefinition?_summary=count&code=meta,purge');
    assert.equal(counted.total, 2);
    const short = await stage().talk.search<OperationDefinition>('OperationDefinition?code=purge&_elements=code');
    assert.equal(short.entry?.[0]?.resource?.description, undefined);
  });

  describe('beside those that are stored', () => {
    before('stores some', async () => {
      for (const id of ['a', 'b', 'c', 'meta'])
        await stage().talk.update<OperationDefinition>({
          resourceType: 'OperationDefinition',
          id,
          name: id.toUpperCase(),
          status: 'draft',
          kind: 'operation',
          code: `own-${id}`,
          system: true,
          type: false,
          instance: false,
        });
    });

    it('stand before them, page by page, forward and back, each once, with the right total', async () => {
      const all = ['a', 'b', 'c', ...offered()].toSorted();
      for (const count of FULL ? [1, 2, 3, 4, 5, 7, 50] : [7, 50]) {
        const { talk } = stage();
        const first = await talk.search(`OperationDefinition?_count=${count}&_total=accurate`);
        const pages = await walk(talk, first);
        assert.deepEqual(pages.flatMap(idsOf).toSorted(), all, `pages of ${count}`);
        for (const page of pages) {
          assert.ok(idsOf(page).length <= count && idsOf(page).length > 0);
          assert.equal(page.total, all.length);
        }
        const back = await walk(talk, pages.at(-1)!, 'previous');
        assert.deepEqual(back.toReversed().map(idsOf), pages.map(idsOf), `back in pages of ${count}`);
      }
    });

    it('are hidden by what is stored under their id', async () => {
      assert.deepEqual(await found('_id=meta&status=draft'), ['meta']);
      assert.deepEqual(await found('code=meta'), []);
      await stage().talk.delete('OperationDefinition/meta');
      assert.deepEqual(await found('_id=meta'), []);
    });
  });
});
