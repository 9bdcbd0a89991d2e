/**
 * Who may read bytes: whoever may read what the securityContext of a Binary names; without one, a resource that points at it; what nothing
 * points at, whoever may read Binaries. Hidden bytes are like none at all. https://hl7.org/fhir/R4/binary.html#security-context
 */
import assert from 'node:assert/strict';
import type { Bundle, FhirResource } from 'fhir/r4.js';
import { beforeEach, it } from 'mocha';
import { POINTED_AT } from '../../../src/access/binaries.js';
import { type Restrictions, UNRESTRICTED } from '../../../src/access/permission.js';
import type { Where } from '../../../src/search/query.js';
import { onStoresInTurn } from '../../support/both-stores.js';
import { restricted, type RestrictedServer } from '../../support/restricted.js';
import { refusal, type Talk } from '../../support/talk.js';

const OPEN: Where = {
  kind: 'param',
  code: '_tag',
  test: { kind: 'token', any: [{ system: 'urn:t', code: 'open' }] },
};
/** As a role sees them that sees a part of the documents. */
const PARTLY: Restrictions = new Map<string, 'hidden' | Where>([
  ['DocumentReference', OPEN],
  ['DiagnosticReport', OPEN],
  ['AuditEvent', 'hidden'],
]);
const POINTED: Restrictions = new Map([...PARTLY, ['Binary', POINTED_AT]]);
const TRAIL_HIDDEN: Restrictions = new Map([['AuditEvent', 'hidden']]);
const HIDDEN = ['closed', 'in-report', 'by-context', 'elsewhere', 'left', 'guarded', 'of-nobody'];
const SEEN = ['open', 'shared', 'of-context', 'of-patient', 'alone'];
const FHIR = 'application/fhir+json';

const document = (tag: string, ...urls: readonly string[]): FhirResource => ({
  resourceType: 'DocumentReference',
  meta: { tag: [{ system: 'urn:t', code: tag }] },
  status: 'current',
  subject: { reference: 'Patient/p' },
  content: urls.map(url => ({ attachment: { contentType: 'text/plain', url } })),
});
const report = (tag: string, url: string): FhirResource => ({
  resourceType: 'DiagnosticReport',
  meta: { tag: [{ system: 'urn:t', code: tag }] },
  status: 'final',
  code: { text: 'x' },
  presentedForm: [{ contentType: 'text/plain', url }],
});

const servers = new WeakMap<object, RestrictedServer>();

async function fill(talk: Talk): Promise<void> {
  const upload = async (id: string, context?: string) => {
    const headers = { 'content-type': 'text/plain', ...(context ? { 'x-security-context': context } : {}) };
    const { status } = await talk.send('PUT', `Binary/${id}`, { headers, body: Buffer.from(`bytes of ${id}`) });
    assert.ok(status < 300);
  };
  await talk.update({ resourceType: 'Patient', id: 'p' });
  for (const id of ['open', 'closed', 'shared', 'in-report', 'left', 'alone', 'guarded']) await upload(id);
  await talk.update({ ...document('open', 'Binary/open', 'Binary/shared'), id: 'open' });
  await talk.update({ ...document('closed', 'Binary/closed', 'Binary/shared'), id: 'closed' });
  await talk.update({ ...report('closed', 'Binary/in-report'), id: 'closed' });
  await upload('of-context', 'DocumentReference/open');
  await upload('of-patient', 'Patient/p');
  await upload('by-context', 'DocumentReference/closed');
  await upload('of-nobody', 'Patient/nobody');
  await talk.update({
    resourceType: 'Binary',
    id: 'elsewhere',
    contentType: 'text/plain',
    securityContext: { reference: 'https://elsewhere.example/fhir/Patient/1' },
    data: Buffer.from('bytes of elsewhere').toString('base64'),
  });
  await upload('guarded', 'DocumentReference/closed');
  // It points at what the context of the bytes hides.
  await talk.update({ ...document('open', 'Binary/by-context'), id: 'beside' });
  await talk.update({ ...document('open', 'Binary/left'), id: 'gone' });
  await talk.send('DELETE', 'DocumentReference/gone');
}

onStoresInTurn(
  'access to bytes',
  stage => {
    const server = () => servers.get(stage())!;
    const talk = () => server().talk;
    const read = (path: string, headers: Record<string, string> = {}) =>
      talk().get(path, { accept: '*/*', ...headers });
    /** What an answer says, without what differs from request to request. */
    const said = ({ text }: { readonly text: string }, id: string) =>
      text.replaceAll(id, 'ID').replaceAll(/"id":"[^"]*"/g, '');

    beforeEach(() => void (server().sees = PARTLY));

    it('are read by whoever may read what stands for them, in every form', async () => {
      for (const id of SEEN) {
        assert.equal((await read(`Binary/${id}`)).text, `bytes of ${id}`, id);
        assert.equal((await read(`Binary/${id}`, { range: 'bytes=0-4' })).text, 'bytes', id);
        assert.equal((await read(`Binary/${id}`, { accept: FHIR })).status, 200, id);
        assert.equal((await read(`Binary/${id}/_history/1`)).status, 200, id);
        assert.equal((await read(`Binary/${id}/_history`)).status, 200, id);
        assert.equal((await read(`Binary/${id}/$render`)).status, 200, id);
      }
    });

    it('are not there for anybody else, in any form', async () => {
      const forms: readonly [string, Record<string, string>][] = [
        ['', {}],
        ['', { accept: FHIR }],
        ['', { range: 'bytes=0-4' }],
        ['', { 'if-none-match': 'W/"1"' }],
        ['/_history/1', {}],
        ['/_history/1', { accept: FHIR }],
        ['/_history', { accept: FHIR }],
        ['/$render', {}],
        ['/$meta', { accept: FHIR }],
      ];
      for (const id of HIDDEN) {
        for (const [path, headers] of forms) {
          const [hidden, never] = await Promise.all(
            [id, 'never-there'].map(each => read(`Binary/${each}${path}`, headers)),
          );
          assert.deepEqual([hidden!.status, said(hidden!, id)], [404, said(never!, 'never-there')], `${id}${path}`);
        }
        const head = await talk().send('HEAD', `Binary/${id}`, { headers: { accept: '*/*' } });
        assert.equal(head.status, 404);
      }
    });

    it('are neither found nor counted', async () => {
      const ids = async (path: string) => {
        const { entry = [], total } = await talk().search(path);
        return { ids: entry.map(({ resource }) => resource!.id!).toSorted(), total };
      };
      const all = { ids: SEEN.toSorted(), total: SEEN.length };
      assert.deepEqual(await ids('Binary?_total=accurate'), all);
      assert.deepEqual(await ids('?_type=Binary&_total=accurate'), all);
      assert.equal((await ids('Binary?_summary=count')).total, SEEN.length);
      assert.deepEqual((await ids(`Binary?_id=${[...HIDDEN, 'open'].join(',')}`)).ids, ['open']);
      const pages: string[] = [];
      for (let next: string | undefined = 'Binary?_count=2&_sort=-_lastUpdated'; next; ) {
        const bundle: Bundle = await talk().search(next);
        pages.push(...(bundle.entry ?? []).map(({ resource }) => resource!.id!));
        assert.ok((bundle.entry ?? []).length <= 2);
        next = bundle.link
          ?.find(({ relation }) => relation === 'next')
          ?.url.split('/fhir/')
          .at(-1);
      }
      assert.deepEqual(pages.toSorted(), all.ids);
      for (const path of ['Binary/_history', '_history?_count=100']) {
        const { entry = [] } = await talk().search(path);
        const told = entry
          .map(({ fullUrl = '' }) => /\/Binary\/(.*)/.exec(fullUrl)?.[1])
          .filter(id => id !== undefined);
        assert.deepEqual([...new Set(told)].toSorted(), all.ids, path);
      }
    });

    it('are included beside documents as far as they may be seen', async () => {
      const { entry = [] } = await talk().search('DocumentReference?_include=DocumentReference:attachment');
      const included = entry.filter(({ search }) => search?.mode === 'include').map(({ resource }) => resource!.id!);
      assert.deepEqual(included.toSorted(), ['open', 'shared']);
      server().sees = UNRESTRICTED;
      const found = await talk().search('DocumentReference?attachment=Binary/shared&_elements=id');
      assert.deepEqual(found.entry?.map(({ resource }) => resource!.id!).toSorted(), ['closed', 'open']);
    });

    it('are all seen where nothing but the trail is hidden', async () => {
      for (const sees of [TRAIL_HIDDEN, UNRESTRICTED]) {
        server().sees = sees;
        for (const id of [...SEEN, ...HIDDEN]) assert.equal((await read(`Binary/${id}`)).status, 200, id);
        assert.equal((await talk().search('Binary?_summary=count')).total, SEEN.length + HIDDEN.length);
      }
    });

    it('are seen by what points at them alone where the role says so', async () => {
      server().sees = POINTED;
      assert.equal((await read('Binary/alone')).status, 404);
      assert.equal((await read('Binary/open')).status, 200);
      server().sees = new Map([...PARTLY, ['Binary', 'hidden' as const]]);
      assert.equal((await read('Binary/open')).status, 404);
    });

    it('are not laid open by a resource that is made to point at them', async () => {
      for (const id of ['closed', 'in-report', 'never-there']) {
        for (const body of [document('open', `Binary/${id}`), report('open', `Binary/${id}`)]) {
          assert.deepEqual(refusal(await talk().create(body)), { status: 422, detail: 'url-not-found' }, id);
        }
        const escaped = JSON.stringify(report('open', `Binary/${id}`)).replace('"Binary/', '"\\u0042inary/');
        const sent = await talk().send('POST', 'DiagnosticReport', {
          headers: { 'content-type': FHIR },
          body: escaped,
        });
        assert.deepEqual(refusal(sent), { status: 422, detail: 'url-not-found' });
        const entry = [
          { resource: report('open', `Binary/${id}`), request: { method: 'POST', url: 'DiagnosticReport' } },
        ];
        const body = JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry });
        const together = await talk().send('POST', '', { headers: { 'content-type': FHIR }, body });
        assert.equal(together.status, 422);
        assert.equal((await read(`Binary/${id}`)).status, 404);
      }
      assert.equal((await talk().create(report('open', 'Binary/alone'))).status, 201);
    });

    it('are not laid open for others by somebody who sees no bytes', async () => {
      server().sees = new Map([...PARTLY, ['Binary', 'hidden' as const]]);
      for (const id of ['closed', 'in-report', 'open', 'never-there'])
        assert.deepEqual(refusal(await talk().create(report('open', `Binary/${id}`))), {
          status: 422,
          detail: 'url-not-found',
        });
      server().sees = PARTLY;
      for (const id of ['closed', 'in-report']) assert.equal((await read(`Binary/${id}`)).status, 404, id);
    });

    it('are named as the document says, to those who may see it', async () => {
      const named = async (id: string) => (await read(`Binary/${id}`)).header('content-disposition');
      const titled = (id: string, tag: string, title: string) => {
        const content = [{ attachment: { contentType: 'text/plain', url: `Binary/${id}`, title } }];
        return { ...document(tag), id: `titled-${id}-${tag}`, content } as FhirResource & { id: string };
      };
      server().sees = UNRESTRICTED;
      await talk().update(titled('shared', 'closed', 'Secret'));
      await talk().update(titled('of-patient', 'closed', "Müller's (1)/*.txt"));
      const asWritten = 'M%C3%BCller%27s %281%29 .txt'.replaceAll(' ', '%20');
      assert.equal(await named('of-patient'), `attachment; filename*=UTF-8''${asWritten}`);
      assert.equal(await named('shared'), "attachment; filename*=UTF-8''Secret.txt");
      assert.equal(await named('alone'), "attachment; filename*=UTF-8''alone.txt");
      server().sees = PARTLY;
      assert.equal(await named('of-patient'), "attachment; filename*=UTF-8''of-patient.txt");
      assert.equal(await named('shared'), "attachment; filename*=UTF-8''shared.txt");
      server().sees = UNRESTRICTED;
      await talk().update(titled('shared', 'open', 'Open'));
      server().sees = PARTLY;
      assert.equal(await named('shared'), "attachment; filename*=UTF-8''Open.txt");
    });

    it('cannot be taken over by their id, nor changed or deleted', async () => {
      const upload = { headers: { 'content-type': 'text/plain' }, body: Buffer.from('mine') };
      assert.deepEqual(refusal(await talk().send('PUT', 'Binary/closed', upload)), {
        status: 404,
        detail: 'id-not-chosen',
      });
      assert.equal((await talk().send('DELETE', 'Binary/closed')).status, 204);
      server().sees = UNRESTRICTED;
      assert.equal((await read('Binary/closed')).text, 'bytes of closed');
    });

    it('follow what stands for them', async () => {
      const current: Where = { kind: 'param', code: 'status', test: { kind: 'token', any: [{ code: 'current' }] } };
      const statuses = async () => [(await read('Binary/open')).status, (await read('Binary/of-context')).status];
      server().sees = new Map([['DocumentReference', current]]);
      assert.deepEqual(await statuses(), [200, 200]);
      const shown = document('open', 'Binary/open', 'Binary/shared');
      await talk().update({ ...shown, id: 'open', status: 'superseded' } as FhirResource);
      assert.deepEqual(await statuses(), [404, 404]);
      server().sees = UNRESTRICTED;
      await talk().update({ ...shown, id: 'open' });
      server().sees = new Map([['DocumentReference', current]]);
      assert.deepEqual(await statuses(), [200, 200]);
    });

    it('have a securityContext that can stand for them', async () => {
      for (const context of ['AuditEvent/1', 'Binary/open']) {
        const headers = { 'content-type': 'text/plain', 'x-security-context': context };
        const reply = await talk().send('POST', 'Binary', { headers, body: Buffer.from('x') });
        assert.deepEqual(refusal(reply), { status: 422, detail: 'bad-security-context' });
      }
    });
  },
  {
    set: async stage => {
      servers.set(stage, restricted(stage.server));
      await fill(stage.talk);
    },
  },
);
