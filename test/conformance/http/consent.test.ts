/**
 * What Consents leave, row by row, by every path: https://hl7.org/fhir/R4/consent.html, and the levels Basic, Intermediate and Advanced of IHE PCF
 * (https://profiles.ihe.net/ITI/PCF/content.html).
 */
import assert from 'node:assert/strict';
import type { Bundle, ConsentProvision, FhirResource, Group } from 'fhir/r4.js';
import { it } from 'mocha';
import { DENIED } from '../../../src/access/consent.js';
import type { Resource } from '../../../src/fhir/resource.js';
import { hasTurn, onStoresInTurn, type Stage } from '../../support/both-stores.js';
import {
  action,
  actCode,
  actor,
  as,
  confidential,
  identifyAs,
  privacyConsent,
  purpose,
  TPO,
} from '../../support/consents.js';
import { refusal } from '../../support/talk.js';
import { ALL, PRINCIPALS, RECORD, ROWS, subject } from './consent-rows.js';

import { fullIt } from '../../support/depth.js';
const namesIn = ({ entry = [] }: Bundle): string[] =>
  entry.map(({ resource }) => `${resource!.resourceType}/${resource!.id}`);
const sorted = (names: Iterable<string>): string[] => [...new Set(names)].toSorted();

/** What somebody sees by a path, as far as it shows it. */
const PATHS: Readonly<
  Record<string, (stage: Stage, who: string) => Promise<{ readonly names: string[]; readonly of: readonly string[] }>>
> = {
  read: async ({ talk }, who) => {
    const names: string[] = [];
    for (const name of ALL) {
      const { status } = await talk.get(name, as(who));
      assert.ok(status === 200 || status === 404, `${name} ${status}`);
      if (status === 200) names.push(name);
    }
    return { names, of: ALL };
  },
  history: async ({ talk }, who) => {
    const names: string[] = [];
    const of = ['Patient/p', 'Observation/old', 'Observation/psy'];
    for (const name of of) {
      const [version, history] = [
        await talk.get(`${name}/_history/1`, as(who)),
        await talk.get(`${name}/_history`, as(who)),
      ];
      assert.equal(version.status, history.status, name);
      if (version.status === 200) names.push(name);
    }
    return { names, of };
  },
  search: async ({ talk }, who) => {
    const of = ALL.filter(name => name.startsWith('Observation/'));
    const found = await talk.search('Observation?patient=p&_count=50', as(who));
    assert.equal(found.total, found.entry?.length ?? 0);
    const { total } = await talk.search('Observation?patient=p&_summary=count', as(who));
    assert.equal(total, found.total);
    const whole = await talk.search('Observation?_count=50', as(who));
    assert.deepEqual(
      sorted(namesIn(whole)),
      sorted([...namesIn(found), ...(who === 'patient' ? [] : ['Observation/others'])]),
    );
    return { names: namesIn(found), of };
  },
  includes: async ({ talk }, who) => {
    const found = await talk.search(
      'Patient?_id=p,q&_revinclude=Observation:subject&_revinclude=Encounter:subject&_count=50',
      as(who),
    );
    return { names: namesIn(found), of: ALL };
  },
};

const same = async (stage: Stage, who: string, expected: readonly string[], what: string): Promise<void> => {
  for (const [path, see] of Object.entries(PATHS)) {
    const { names, of } = await see(stage, who);
    const wanted = sorted(expected.filter(name => of.includes(name)));
    // What is included stands beside the Patient.
    if (path === 'includes' && !expected.includes('Patient/p'))
      assert.deepEqual(
        names.filter(name => of.includes(name)),
        [],
        what,
      );
    else if (of.length > 0)
      assert.deepEqual(sorted(names.filter(name => of.includes(name))), wanted, `${what}, ${who} by ${path}`);
  }
};

onStoresInTurn(
  'Consents in force',
  (stage, store) => {
    for (const [level, rows] of Object.entries(ROWS))
      it(`leave what they say (${level})`, async () => {
        const { talk } = stage();
        for (const { what, provision, more, sees } of rows.filter((_, at) => hasTurn(at, store))) {
          const stored = await talk.update(privacyConsent('c', 'p', provision, more), as('officer'));
          assert.ok(stored.status < 300, `${what}: ${stored.text}`);
          for (const [who, names] of Object.entries(sees)) await same(stage(), who, names, what);
        }
        await talk.delete('Consent/c', as('officer'));
        await same(stage(), 'doctor', ALL, 'without one');
      });

    it('are told from others by what is more specific', async () => {
      const { talk } = stage();
      await talk.update(privacyConsent('c', 'p', { type: 'deny', purpose: TPO }), as('officer'));
      const narrow = { type: 'permit', purpose: TPO, actor: [actor('Practitioner/doctor')] } as const;
      await talk.update(
        privacyConsent('d', 'p', { ...narrow, purpose: [...TPO], actor: [...narrow.actor] }),
        as('officer'),
      );
      await same(stage(), 'doctor', ALL, 'a permit for one person');
      await same(stage(), 'other', [], 'a permit for one person');
      for (const id of ['c', 'd']) await talk.delete(`Consent/${id}`, as('officer'));
    });

    it('do not bind somebody who has broken the glass for the patient', async () => {
      const { talk } = stage();
      await talk.update(privacyConsent('c', 'p', { type: 'deny' }), as('officer'));
      await same(stage(), 'doctor', [], 'a denial');
      await same(stage(), 'broken', ALL, 'a denial');
      await talk.delete('Consent/c', as('officer'));
    });

    it('bind those who write by rules about writing alone', async () => {
      const { talk } = stage();
      const one = { resourceType: 'Observation', status: 'final', code: { text: 'x' }, subject } as const;
      const made = () => talk.create({ ...one }, as('doctor'));
      await talk.update(privacyConsent('c', 'p', { type: 'deny' }), as('officer'));
      assert.equal((await made()).status, 201);
      await talk.update(privacyConsent('c', 'p', { type: 'deny', action: [action('collect')] }), as('officer'));
      assert.deepEqual(refusal(await made()), { status: 403, detail: 'outside-permission' });
      const { body } = await talk.get<FhirResource & { id: string }>('Observation/old', as('doctor'));
      await talk.update(privacyConsent('c', 'p', { type: 'deny', action: [action('correct')] }), as('officer'));
      assert.deepEqual(refusal(await talk.update({ ...body, status: 'amended' } as typeof body, as('doctor'))), {
        status: 403,
        detail: 'outside-permission',
      });
      assert.equal((await made()).status, 201);
      await talk.delete('Consent/c', as('officer'));
    });

    it('bind those who write what no index knows a patient of, where it names one who has said no', async () => {
      const { talk } = stage();
      const bundle = (reference: string, id?: string) => ({
        ...({ resourceType: 'Bundle', type: 'collection' } as const),
        ...(id === undefined ? {} : { id }),
        entry: [
          {
            fullUrl: 'urn:uuid:c0000000-0000-4000-8000-000000000001',
            resource: { resourceType: 'Basic', code: { text: 'x' }, subject: { reference } } as const,
          },
        ],
      });
      const group = (id: string): Group => ({
        ...{ resourceType: 'Group', type: 'person', actual: true },
        member: [{ entity: { reference: `Patient/${id}` } }],
      });
      const written = async (): Promise<readonly number[]> => {
        const replies = [
          await talk.create(bundle('Patient/q'), as('doctor')),
          await talk.create(bundle('Patient/p'), as('doctor')),
          await talk.create(group('q'), as('doctor')),
          await talk.create(group('p'), as('doctor')),
          await talk.update(bundle('Patient/q', 'of-q'), as('doctor')),
          await talk.update(bundle('Patient/p', 'of-q'), as('doctor')),
          await talk.update(bundle('Patient/q', 'of-p'), as('doctor')),
        ];
        return replies.map(({ status }) => status);
      };
      const set = async (): Promise<void> => {
        for (const id of ['p', 'q']) await talk.update(bundle(`Patient/${id}`, `of-${id}`), as('owner'));
      };
      const say = (code: 'collect' | 'correct') =>
        talk.update(privacyConsent('c', 'p', { type: 'deny', action: [action(code)] }), as('officer'));
      await set();
      await say('collect');
      assert.deepEqual(await written(), [201, 403, 201, 403, 200, 200, 200]);
      await set();
      await say('correct');
      assert.deepEqual(await written(), [201, 201, 201, 201, 200, 403, 403]);
      await talk.delete('Consent/c', as('officer'));
    });

    const refused = async (provision: ConsentProvision, expression: string): Promise<void> => {
      const reply = await stage().talk.update(privacyConsent('c', 'p', provision), as('officer'));
      assert.deepEqual(refusal(reply), { status: 422, detail: 'consent-not-understood' }, reply.text);
      assert.ok(reply.text.includes(`"${expression}"`), reply.text);
    };
    it('are refused where they are not understood', async () => {
      const nested = { type: 'permit', provision: [{ type: 'deny', provision: [{ type: 'permit' }] }] } as const;
      await refused(structuredClone(nested) as unknown as ConsentProvision, 'Consent.provision.provision[0].provision');
      await refused({ type: 'deny', actor: [actor('Group/g')] }, 'Consent.provision.actor[0].reference');
      await refused({ type: 'deny', actor: [actor('Practitioner/doctor', 'WIT')] }, 'Consent.provision.actor[0].role');
      await refused({ type: 'deny', class: [{ system: 'urn:x', code: 'y' }] }, 'Consent.provision.class[0]');
      await refused({ purpose: TPO }, 'Consent.provision.type');
      await refused({ type: 'deny', code: [{ text: 'x' }] }, 'Consent.provision.code[0]');
      // Nobody is bound by it.
      const reply = await stage().talk.update(
        privacyConsent('c', 'p', structuredClone(nested) as unknown as ConsentProvision, { status: 'draft' }),
        as('officer'),
      );
      assert.ok(reply.status < 300, reply.text);
      await stage().talk.delete('Consent/c', as('officer'));
    });

    it('are written by those who keep them and by the patient, and not by whom they bind', async () => {
      const { talk } = stage();
      const permit = (): ConsentProvision => ({ type: 'permit', purpose: [...TPO] });
      const make = (consent: ReturnType<typeof privacyConsent>, who: string) => talk.create(consent, as(who));
      const stored = await make(privacyConsent('c', 'p', { type: 'deny' }), 'patient');
      assert.equal(stored.status, 201, stored.text);
      const name = `Consent/${stored.body.id}`;
      await same(stage(), 'doctor', [], 'a denial by the patient');
      const ended = JSON.stringify([{ op: 'replace', path: '/status', value: 'inactive' }]);
      for (const who of ['doctor', 'service']) {
        const written = [
          await make(privacyConsent('d', 'p', permit()), who),
          await talk.send('PATCH', name, {
            headers: { ...as(who), 'content-type': 'application/json-patch+json' },
            body: ended,
          }),
        ];
        for (const reply of written) assert.equal(reply.status, 403, reply.text);
      }
      assert.equal((await make(privacyConsent('d', 'q', permit()), 'patient')).status, 403);
      for (const who of ['specialist', 'officer', 'owner']) {
        const reply = await make(privacyConsent('d', 'q', permit()), who);
        assert.equal(reply.status, 201, reply.text);
        await talk.delete(`Consent/${reply.body.id}`, as('owner'));
      }
      await talk.delete(name, as('owner'));
    });

    it('are refused where they would deny nothing unnoticed, and deny everything where they are there', async () => {
      const { server } = stage();
      const ofRule = (...coding: readonly object[]) => ({ policyRule: { coding: [...coding] } });
      const deny = (more: ConsentProvision): ConsentProvision => ({ type: 'deny', ...more });
      const types = 'http://hl7.org/fhir/resource-types';
      const scope = 'http://terminology.hl7.org/CodeSystem/consentscope';
      const rows: readonly (readonly [string, ConsentProvision | undefined, Parameters<typeof privacyConsent>[3]])[] = [
        ['Consent.policyRule', undefined, { policyRule: { text: 'No' } }],
        ['Consent.policyRule', undefined, ofRule(actCode('OPTNO'))],
        ['Consent.policyRule', undefined, ofRule({ system: 'urn:x', code: 'OPTOUT' })],
        ['Consent.policyRule', undefined, ofRule({ code: 'OPTOUT' })],
        ['Consent.patient', { type: 'deny' }, { patient: undefined }],
        ['Consent.patient', { type: 'deny' }, { patient: { display: 'x' } }],
        ['Consent.provision.class[0]', deny({ class: [{ system: types, code: 'Observations' }] }), {}],
        ['Consent.provision.securityLabel[0]', deny({ securityLabel: [confidential('r')] }), {}],
        ['Consent.provision.purpose[0]', deny({ purpose: [purpose('treat')] }), {}],
        ['Consent.provision.purpose[1]', deny({ purpose: [purpose('TREAT'), { code: 'x' }] }), {}],
        ['Consent.provision.type', { purpose: [...TPO] }, { scope: { text: 'Privacy' } }],
        ['Consent.provision.type', { purpose: [...TPO] }, { scope: { coding: [{ system: scope, code: 'Privacy' }] } }],
      ];
      for (const [expression, provision, more] of rows) {
        const consent = privacyConsent('c', 'p', provision, more);
        const reply = await stage().talk.update(consent, as('officer'));
        assert.deepEqual(refusal(reply), { status: 422, detail: 'consent-not-understood' }, JSON.stringify(consent));
        assert.ok(reply.text.includes(`"${expression}"`), reply.text);
        const { rules = [] } = server.engine.consents.entry(consent as unknown as Resource, 'c') ?? {};
        const isNobodys = expression === 'Consent.patient';
        assert.equal(rules.includes(DENIED), !isNobodys, expression);
      }
    });

    fullIt('have a thousand provisions of one patient, and not one more', async () => {
      const { talk } = stage();
      const nested = (count: number): ConsentProvision => ({
        type: 'permit',
        provision: Array.from({ length: count }, () => ({ type: 'permit', purpose: [...TPO] })),
      });
      assert.equal((await talk.update(privacyConsent('many', 'q', nested(998)), as('officer'))).status, 201);
      assert.equal((await talk.update(privacyConsent('more', 'q', { type: 'deny' }), as('officer'))).status, 201);
      const reply = await talk.update(privacyConsent('most', 'q', { type: 'deny' }), as('officer'));
      assert.deepEqual(refusal(reply), { status: 422, detail: 'too-many-provisions' });
      // What one transaction makes and ends counts together.
      const entryOf = (id: string, count: number, status: 'active' | 'inactive' = 'active') => ({
        resource: privacyConsent(id, 'q', nested(count), { status }),
        request: { method: 'PUT' as const, url: `Consent/${id}` },
      });
      const commit = (...entry: readonly ReturnType<typeof entryOf>[]) =>
        talk.send('POST', '', {
          headers: { ...as('officer'), 'content-type': 'application/fhir+json' },
          body: JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry }),
        });
      const together = await commit(entryOf('many', 600), entryOf('most', 400));
      assert.deepEqual(refusal(together), { status: 422, detail: 'too-many-provisions' });
      assert.ok(together.text.includes('Bundle.entry[1].resource.provision'), together.text);
      assert.equal((await talk.get('Consent/most', as('officer'))).status, 404);
      assert.equal((await commit(entryOf('many', 998, 'inactive'), entryOf('most', 998))).status, 200);
      for (const id of ['many', 'more', 'most']) await talk.delete(`Consent/${id}`, as('officer'));
    });

    it('bind what is in the record of a patient by another element than that of its patient', async () => {
      const { talk } = stage();
      const [q, p] = [{ reference: 'Patient/q' }, { reference: 'Patient/p' }];
      const active = 'active' as const;
      const beside: readonly (FhirResource & { id: string })[] = [
        { resourceType: 'Communication', id: 'sent', status: 'completed', subject: q, recipient: [p] },
        { resourceType: 'Communication', id: 'nobodys', status: 'completed', sender: p },
        {
          resourceType: 'CarePlan',
          id: 'plan',
          status: active,
          intent: 'plan',
          subject: q,
          activity: [{ detail: { status: 'unknown', performer: [p] } }],
        },
        {
          resourceType: 'Coverage',
          id: 'cover',
          status: active,
          beneficiary: q,
          payor: [{ display: 'x' }],
          subscriber: p,
        },
        { resourceType: 'List', id: 'list', status: 'current', mode: 'working', source: p },
        { resourceType: 'QuestionnaireResponse', id: 'answers', status: 'completed', subject: q, author: p },
        {
          resourceType: 'Observation',
          id: 'performed',
          status: 'final',
          code: { text: 'x' },
          subject: q,
          performer: [p],
        },
        {
          resourceType: 'DocumentReference',
          id: 'written',
          status: 'current',
          author: [p],
          content: [{ attachment: { title: 'x' } }],
        },
      ];
      // It names the patient in a text, and is not in the record.
      const named = {
        resourceType: 'Observation',
        id: 'named',
        status: 'final',
        code: { text: 'Patient/p' },
        subject: q,
      } as const;
      const names = [...beside, named].map(({ resourceType, id }) => `${resourceType}/${id}`);
      for (const one of [...beside, named]) {
        const reply = await talk.update(one, as('owner'));
        assert.ok(reply.status < 300, reply.text);
      }
      const seen = async () => {
        const found = new Set<string>();
        for (const name of names) {
          const [type, id] = name.split('/') as [string, string];
          const { status } = await talk.get(name, as('doctor'));
          const { total } = (await talk.get<Bundle>(`${type}?_id=${id}&_total=accurate`, as('doctor'))).body;
          const history = await talk.get(`${name}/_history/1`, as('doctor'));
          assert.deepEqual([total, history.status], status === 200 ? [1, 200] : [0, 404], name);
          if (status === 200) found.add(name);
        }
        return [...found];
      };
      assert.deepEqual(await seen(), names);
      assert.equal((await talk.update(privacyConsent('beside', 'p', { type: 'deny' }), as('officer'))).status, 201);
      assert.deepEqual(await seen(), ['Observation/named']);
      // Of a part of the record what it says.
      const some = {
        type: 'deny',
        class: [{ system: 'http://hl7.org/fhir/resource-types', code: 'Communication' }],
      } as const;
      const partly = privacyConsent('beside', 'p', { ...some, class: [...some.class] });
      assert.equal((await talk.update(partly, as('officer'))).status, 200);
      assert.deepEqual(
        await seen(),
        names.filter(name => !name.startsWith('Communication/')),
      );
      await talk.delete('Consent/beside', as('officer'));
      for (const name of names) await talk.delete(name, as('owner'));
    });

    it('are told by their names to whoever records what was decided', async () => {
      const { server, talk } = stage();
      const told = (who: keyof typeof PRINCIPALS, patient: string) => {
        const decision = server.engine.decide(PRINCIPALS[who], { type: 'Observation', needs: 'r' });
        assert.ok(decision.allow);
        return decision.permission.consented?.(patient);
      };
      const write = async (...consents: readonly ReturnType<typeof privacyConsent>[]) => {
        for (const one of consents) assert.ok((await talk.update(one, as('officer'))).status < 300);
      };
      await write(
        privacyConsent('all', 'q', { type: 'permit' }),
        privacyConsent('research', 'q', { type: 'deny', purpose: [purpose('HRESCH')] }),
        privacyConsent('some', 'q', { type: 'deny', securityLabel: [actCode('PSY')] }),
      );
      assert.deepEqual(told('doctor', 'q'), { consents: ['Consent/some', 'Consent/all'], permits: 'some' });
      await talk.delete('Consent/some', as('officer'));
      await write(privacyConsent('none', 'q', { type: 'deny' }));
      assert.deepEqual(told('doctor', 'q'), { consents: ['Consent/none', 'Consent/all'], permits: 'none' });
      assert.equal(told('doctor', 'p'), undefined);
      assert.equal(told('officer', 'q'), undefined);
      for (const id of ['all', 'research', 'none']) await talk.delete(`Consent/${id}`, as('officer'));
    });

    it('about labels bind the versions from before a label, too', async () => {
      const { talk } = stage();
      const plain = {
        resourceType: 'Observation',
        id: 'labelled-later',
        status: 'final',
        code: { text: 'x' },
      } as const;
      const meta = { security: [actCode('PSY')] };
      for (const one of [
        { ...plain, subject },
        { ...plain, subject, meta },
      ])
        assert.ok((await talk.update(one, as('owner'))).status < 300);
      const seen = async () => {
        const version = await talk.get('Observation/labelled-later/_history/1', as('doctor'));
        const { total } = (await talk.get<Bundle>('Observation/labelled-later/_history', as('doctor'))).body;
        return [version.status, total];
      };
      assert.deepEqual(await seen(), [200, 2]);
      const denies = privacyConsent('labels', 'p', { type: 'deny', securityLabel: [actCode('PSY')] });
      assert.equal((await talk.update(denies, as('officer'))).status, 201);
      assert.deepEqual(await seen(), [404, undefined]);
      await talk.delete('Consent/labels', as('officer'));
    });
  },
  {
    set: async ({ server, talk }) => {
      Object.assign(server.engine, { identify: identifyAs(PRINCIPALS) });
      for (const one of RECORD) {
        const reply = await talk.update(one as FhirResource & { id: string }, as('owner'));
        assert.ok(reply.status < 300, reply.text);
      }
    },
  },
);
