/** What hooks want to be committed with a write (src/interactions/write/companions.ts): other writes, and messages. */
import assert from 'node:assert/strict';
import type { AuditEvent, Basic, FhirResource, OperationOutcome, Patient } from 'fhir/r4.js';
import { beforeEach, describe, it } from 'mocha';
import { FhirError } from '../../../src/fhir/error.js';
import type { Resource } from '../../../src/fhir/resource.js';
import type { FeatureHook, Preparation } from '../../../src/interactions/write/hooks.js';
import { onStoresInTurn } from '../../support/both-stores.js';
import { done, entry, post, put, send } from '../../support/bundles.js';
import { hookUp } from '../../support/hooked.js';
import { idsOf, refusal } from '../../support/talk.js';

const basic = (code: string): Resource => ({ resourceType: 'Basic', code: { text: code } });
const makeBasic = (code: string): Preparation => ({
  companions: [{ kind: 'create', type: 'Basic', body: { resource: basic(code), decimals: undefined } }],
});
const tagger: FeatureHook = {
  types: ['Basic'],
  prepare: ({ resource }) => resource && { resource: { ...resource, meta: { tag: [{ code: 'companion' }] } } },
};
const codesOf = ({ meta }: FhirResource): (string | undefined)[] | undefined => meta?.tag?.map(({ code }) => code);
const refusing = (): never => {
  throw new FhirError('unprocessable', 'Not today.', { detail: 'not-today' });
};

let count = 0;
const fresh = (): string => `c${++count}`;

onStoresInTurn('what goes with a write', stage => {
  const hook = (features: Readonly<Record<string, FeatureHook>>) => hookUp(stage().server, features);
  beforeEach(() => void hook({}));
  const basics = async (code: string) => idsOf(await stage().talk.search(`Basic?code:text=${code}`));
  const eventsAbout = async (name: string) =>
    (await stage().talk.search<AuditEvent>(`AuditEvent?entity=${name}&_sort=_lastUpdated`)).entry?.map(
      ({ resource }) => `${resource?.subtype?.[0]?.code} ${resource?.outcome}`,
    );

  describe('companions', () => {
    const withBasic = (code: string): FeatureHook => ({ types: ['Patient'], prepare: () => makeBasic(code) });

    it('are committed with the write, indexed, and recorded by events of their own', async () => {
      const code = fresh();
      hook({ maker: withBasic(code), tagger });
      const { talk } = stage();
      const { body } = await talk.create<Patient>({ resourceType: 'Patient' });
      const [id = '', ...more] = await basics(code);
      assert.deepEqual(more, []);
      assert.deepEqual(codesOf((await talk.get<Basic>(`Basic/${id}`)).body), ['companion']);
      assert.deepEqual((await eventsAbout(`Basic/${id}`))?.slice(0, 1), ['create 0']);
      assert.deepEqual(await eventsAbout(`Patient/${body.id}`), ['create 0']);
    });

    it('are not there where the write is refused, and refuse it where they are', async () => {
      const code = fresh();
      const { talk } = stage();
      hook({ maker: withBasic(code), strict: { types: ['Patient'], check: refusing } });
      assert.equal((await talk.create<Patient>({ resourceType: 'Patient' })).status, 422);
      hook({ maker: withBasic(code), strict: { types: ['Basic'], check: refusing } });
      const id = fresh();
      assert.equal((await talk.update<Patient>({ resourceType: 'Patient', id })).status, 422);
      assert.equal((await talk.get(`Patient/${id}`)).status, 404);
      assert.deepEqual(await basics(code), []);
    });

    it('go with deletions, and with entries of Bundles', async () => {
      const { talk } = stage();
      const [id, other] = [fresh(), fresh()];
      const [code, gone] = [fresh(), fresh()];
      await talk.update<Patient>({ resourceType: 'Patient', id });
      hook({ maker: { types: ['Patient'], prepare: ({ resource }) => makeBasic(resource ? code : gone) } });
      await done(
        send(talk, 'transaction', [put({ resourceType: 'Patient', id: other }), entry('DELETE', `Patient/${id}`)]),
      );
      assert.deepEqual([(await basics(code)).length, (await basics(gone)).length], [1, 1]);
      await done(send(talk, 'batch', [post({ resourceType: 'Patient' }), post({ resourceType: 'Patient' })]));
      assert.equal((await basics(code)).length, 3);
    });

    it('do not come with a write that leaves its resource as it is', async () => {
      const { talk } = stage();
      const [id, code] = [fresh(), fresh()];
      hook({ maker: withBasic(code) });
      for (const version of ['1', '1'])
        assert.equal((await talk.update<Patient>({ resourceType: 'Patient', id })).body.meta.versionId, version);
      assert.equal((await basics(code)).length, 1);
    });

    it('may refer to what is written, update and delete', async () => {
      const { talk } = stage();
      const [old, gone] = [fresh(), fresh()];
      for (const id of [old, gone]) await talk.update({ ...basic(id), id } as unknown as Basic);
      hook({
        keeper: {
          types: ['Patient'],
          prepare: ({ type, id }) => ({
            companions: [
              {
                kind: 'update',
                type: 'Basic',
                id: old,
                body: {
                  resource: { ...basic(old), id: old, subject: { reference: `${type}/${id}` } },
                  decimals: undefined,
                },
              },
              { kind: 'delete', type: 'Basic', id: gone },
            ],
          }),
        },
      });
      const { body } = await talk.create<Patient>({ resourceType: 'Patient' });
      assert.deepEqual(idsOf(await talk.search(`Basic?subject=Patient/${body.id}`)), [old]);
      assert.equal((await talk.get(`Basic/${gone}`)).status, 410);
    });

    it('cannot be the same with two entries of a transaction, which names both', async () => {
      const { talk } = stage();
      const [list, first, second, third] = [fresh(), fresh(), fresh(), fresh()];
      /** Lists all patients with a language. */
      const resource = { ...basic(list), id: list };
      hook({
        lister: {
          types: ['Patient'],
          prepare: ({ resource: written }) =>
            written?.['language']
              ? { companions: [{ kind: 'update', type: 'Basic', id: list, body: { resource, decimals: undefined } }] }
              : undefined,
        },
      });
      const patient = (id: string, language?: string) =>
        put({ resourceType: 'Patient', id, ...(language ? { language } : {}) });
      const both = await send(talk, 'transaction', [patient(first, 'en'), patient(second), patient(third, 'de')]);
      const { issue } = both.body as unknown as OperationOutcome;
      assert.deepEqual(refusal(both), { status: 422, detail: 'duplicate-companion' });
      assert.deepEqual(
        issue.map(({ expression }) => expression?.[0]),
        ['Bundle.entry[0]', 'Bundle.entry[2]'],
      );
      assert.equal((await talk.get(`Patient/${first}`)).status, 404);
      const own = put({ ...basic(list), id: list } as unknown as Basic);
      const beside = await send(talk, 'transaction', [patient(first, 'en'), own]);
      assert.deepEqual(refusal(beside), { status: 422, detail: 'duplicate-companion' });
      await done(send(talk, 'transaction', [patient(first, 'en'), patient(second)]));
      assert.equal((await talk.get(`Basic/${list}`)).status, 200);
    });

    it('are nothing that the writer may not do', async () => {
      const { talk } = stage();
      const id = fresh();
      hook({
        eraser: {
          types: ['Patient'],
          prepare: () => ({ companions: [{ kind: 'delete', type: 'AuditEvent', id: 'x' }] }),
        },
      });
      assert.equal((await talk.update<Patient>({ resourceType: 'Patient', id })).status, 405);
      assert.equal((await talk.get(`Patient/${id}`)).status, 404);
    });
  });

  describe('messages', () => {
    const topic = 'hooks-test';
    const leaves = (what: string): FeatureHook => ({
      types: ['Patient'],
      prepare: ({ id, resource }) => ({ messages: [{ topic, body: `${what} ${id} ${resource ? 'kept' : 'gone'}` }] }),
    });
    const left = async (): Promise<readonly string[]> =>
      (await stage().server.engine.store.pendingMessages(topic, 100)).map(({ body }) => body);

    it('are left with the write, of companions and of entries, too', async () => {
      const { talk } = stage();
      const [id, other, companion] = [fresh(), fresh(), fresh()];
      hook({
        first: leaves('first'),
        maker: {
          types: ['Patient'],
          prepare: ({ resource, id: written }) => {
            const child = { resourceType: 'Patient', id: companion };
            return resource && written === id
              ? {
                  companions: [
                    { kind: 'update', type: 'Patient', id: companion, body: { resource: child, decimals: undefined } },
                  ],
                }
              : undefined;
          },
        },
      });
      const before = (await left()).length;
      await talk.update<Patient>({ resourceType: 'Patient', id });
      await done(
        send(talk, 'transaction', [entry('DELETE', `Patient/${id}`), put({ resourceType: 'Patient', id: other })]),
      );
      assert.deepEqual(
        (await left()).slice(before).toSorted(),
        [`first ${companion} kept`, `first ${id} gone`, `first ${id} kept`, `first ${other} kept`].toSorted(),
      );
    });

    it('are not left where the write is refused, or leaves its resource as it is', async () => {
      const { talk } = stage();
      const id = fresh();
      await talk.update<Patient>({ resourceType: 'Patient', id });
      const before = await left();
      hook({ first: leaves('first'), strict: { types: ['Patient'], check: refusing } });
      assert.equal((await talk.create<Patient>({ resourceType: 'Patient' })).status, 422);
      hook({ first: leaves('first') });
      assert.equal((await talk.update<Patient>({ resourceType: 'Patient', id })).body.meta.versionId, '1');
      assert.deepEqual(await left(), before);
    });
  });
});
