/**
 * What is told of a document (who sent it with which bytes, what moved, what is to be done with it, what was sent of it) tells nobody of a document that they do not
 * see, by no path, whatever hides it; and whoever sees the document sees it. docs/access.md
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { Bundle, Communication, DocumentReference, OperationOutcome, Provenance, Task } from 'fhir/r4.js';
import { it } from 'mocha';
import { nameOfBytes } from '../../src/fhir/content/bytes-name.js';
import { onStoresInTurn } from '../support/both-stores.js';
import { actor, privacyConsent } from '../support/consents.js';
import { as, FIELDS, fileOf, indexAs, intakeTokens, intakeWorld, notePage, takeIn, toldOf } from '../support/intake.js';
import type { Headers, Talk } from '../support/talk.js';

const ROOT = as('root');
const [SENDER, CLEO] = [as('sender'), as('cleo')];
const R = { system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'R' };
const JSON_BODY = { 'content-type': 'application/fhir+json' };

const TELLING: ReadonlySet<string> = new Set(['Provenance', 'Task', 'Communication']);

/** A document that came in, was indexed, moved and sent; ids by which it would be told. */
interface ToldDocument {
  readonly document: string;
  readonly bytes: string;
  readonly provenances: readonly string[];
  readonly task: string;
  readonly communication: string;
}

const post = <T>(talk: Talk, path: string, body: object, headers: Headers) =>
  talk.send<T>('POST', path, { headers: { ...JSON_BODY, ...headers }, body: JSON.stringify(body) });

async function toldDocument(talk: Talk, words: string): Promise<ToldDocument> {
  const page = notePage(words);
  const reply = await takeIn(talk, [fileOf(page)]);
  assert.equal(reply.status, 201, reply.text);
  const { document, task } = toldOf(reply.body)[0]!;
  assert.equal((await indexAs(talk, document, FIELDS)).status, 200);
  const parameter = [
    { name: 'activity', valueCode: 'receive' },
    { name: 'location', valueReference: { display: 'The desk' } },
  ];
  const moved = await post(
    talk,
    `DocumentReference/${document}/$move`,
    { resourceType: 'Parameters', parameter },
    as('ann'),
  );
  assert.equal(moved.status, 200, moved.text);
  const sent = await talk.create<Communication>(
    {
      resourceType: 'Communication',
      status: 'completed',
      about: [{ reference: `Task/${task}` }],
      payload: [{ contentReference: { reference: `${talk.base}/DocumentReference/${document}` } }],
    },
    ROOT,
  );
  assert.equal(sent.status, 201, sent.text);
  // Of something else, made of it.
  const made = await talk.create<Provenance>(
    {
      resourceType: 'Provenance',
      target: [{ reference: 'Patient/1' }],
      recorded: '2026-01-02T10:00:00Z',
      agent: [{ who: { reference: 'Practitioner/dr' } }],
      entity: [{ role: 'source', what: { reference: `DocumentReference/${document}/_history/1` } }],
    },
    ROOT,
  );
  assert.equal(made.status, 201, made.text);
  const about = await talk.search<Provenance>(`Provenance?target=DocumentReference/${document}`, ROOT);
  const worked = await talk.search<Provenance>(`Provenance?target=Task/${task}`, ROOT);
  const of = [...(about.entry ?? []), ...(worked.entry ?? [])].map(({ resource }) => resource!.id!);
  const provenances = [made.body.id, ...new Set(of)];
  assert.ok((worked.entry ?? []).length > 0 && provenances.length >= 4, String(provenances.length));
  const bytes = nameOfBytes(createHash('sha256').update(page).digest('hex'));
  return { document, bytes, provenances, task, communication: sent.body.id };
}

/** Ways to what is told; `secrets` are in none of their answers. */
function paths({ document, bytes, provenances, task, communication }: ToldDocument): readonly string[] {
  const hash = `entity:identifier=urn:ietf:rfc:3986|${encodeURIComponent(bytes)}`;
  const accounts = [
    ...provenances.map(id => `Provenance/${id}`),
    ...[`Task/${task}`, `Communication/${communication}`],
  ];
  return [
    ...accounts.flatMap(name => [name, `${name}/_history/1`, `${name}/_history`]),
    ...accounts.map(name => `${name.replace('/', '?_id=')}&_total=accurate`),
    ...['Provenance', 'Task', 'Communication'].flatMap(type => [
      `${type}?_count=50&_sort=-_lastUpdated`,
      `${type}/_history`,
    ]),
    `Provenance?${hash}`,
    `Provenance?_filter=target re "DocumentReference/${document}"`,
    `Provenance?target=DocumentReference/${document}&_elements=id`,
    `Provenance?entity=DocumentReference/${document}&_summary=data`,
    `Task?focus=DocumentReference/${document}`,
    `Task?patient=Patient/1&_include=Task:focus`,
    `Patient?_id=1&_revinclude=Provenance:target&_revinclude=Task:patient`,
    `Practitioner?_id=dr&_revinclude=Provenance:agent`,
    'Patient/1/$everything',
    'Patient/1/*',
    '_history?_count=50',
    '?_type=Provenance,Task,Communication&_count=50',
  ];
}

/** Counts by which they would be told. */
const counts = ({ document, bytes, task, communication }: ToldDocument): readonly string[] => [
  `Provenance?entity:identifier=urn:ietf:rfc:3986|${encodeURIComponent(bytes)}&_summary=count`,
  `Provenance?target=DocumentReference/${document}&_summary=count`,
  `Patient?_id=1&_has:Provenance:target:entity=DocumentReference/${document}&_summary=count`,
  `Practitioner?_id=dr&_has:Provenance:agent:entity=DocumentReference/${document}&_summary=count`,
  `Task?focus=DocumentReference/${document}&_summary=count`,
  `Task?_id=${task}&_summary=count`,
  `Communication?_id=${communication}&_summary=count`,
];

onStoresInTurn(
  'what is told of a document that is hidden',
  stage => {
    /** Paths and counts by which somebody is told of it. */
    const tellingPaths = async (told: ToldDocument, who: Headers): Promise<string[]> => {
      const { talk } = stage();
      const secrets = [told.document, told.bytes, told.task, told.communication, ...told.provenances];
      const tells = async (path: string): Promise<string[]> => {
        const { status, body, text } = await talk.get<Bundle>(path, who);
        assert.ok(status === 200 || status === 404, `${path}: ${text}`);
        // What was asked for is said again; the names of documents in Lists and their own versions are not what is told of them.
        const entries = body.entry?.filter(({ resource }) => TELLING.has(resource?.resourceType ?? ''));
        const shown = body.resourceType === 'Bundle' ? JSON.stringify([body.total, entries]) : text;
        if (path.includes('_total') && status === 200 && body.total !== 0) return [path];
        return status === 200 && secrets.some(secret => shown.includes(secret)) ? [path] : [];
      };
      const isCounted = async (path: string): Promise<string[]> =>
        (await talk.get<Bundle>(path, who)).body.total ? [path] : [];
      return (await Promise.all([...paths(told).map(tells), ...counts(told).map(isCounted)])).flat();
    };

    /** All of them tell. */
    const isSeen = async (told: ToldDocument, who: Headers): Promise<void> => {
      const telling = await tellingPaths(told, who);
      for (const path of [...paths(told), ...counts(told)]) assert.ok(telling.includes(path), `${path} tells nothing`);
    };

    it('is hidden with it by a label, and seen again without (LBL-3, AUD-2)', async () => {
      const { talk } = stage();
      const told = await toldDocument(talk, 'labelled later');
      await isSeen(told, SENDER);
      const meta = { resourceType: 'Parameters', parameter: [{ name: 'meta', valueMeta: { security: [R] } }] };
      const name = `DocumentReference/${told.document}`;
      assert.equal((await post(talk, `${name}/$meta-add`, meta, ROOT)).status, 200);
      assert.equal((await talk.get(name, SENDER)).status, 404);
      assert.deepEqual(await tellingPaths(told, SENDER), []);
      await isSeen(told, CLEO);
      // Nor does a write tell: what is hidden counts as nothing.
      const hash = `entity:identifier=urn:ietf:rfc:3986|${told.bytes}`;
      const body = {
        resourceType: 'Provenance',
        target: [{ reference: 'Patient/2' }],
        recorded: '2026-01-02T10:00:00Z',
        agent: [{ who: { reference: 'Practitioner/dr' } }],
        entity: [{ role: 'source', what: { identifier: { system: 'urn:ietf:rfc:3986', value: told.bytes } } }],
      };
      const once = { ...SENDER, 'if-none-exist': hash };
      assert.equal((await post(talk, 'Provenance', body, once)).status, 201);
      assert.equal((await post(talk, 'Provenance', body, once)).status, 200, 'the control');
      const gone = await talk.send<OperationOutcome>('DELETE', `Task?focus=${name}`, { headers: SENDER });
      assert.equal(gone.status, 204, gone.text);
      assert.equal((await talk.get<Task>(`Task/${told.task}`, ROOT)).status, 200, 'nothing was deleted');
      assert.equal((await talk.delete(`Communication/${told.communication}`, SENDER)).status, 204);
      assert.equal((await talk.get(`Communication/${told.communication}`, ROOT)).status, 200);
      assert.equal((await post(talk, `${name}/$meta-delete`, meta, ROOT)).status, 200);
      await isSeen(told, SENDER);
    });

    it('is hidden by a Consent of the patient as whose it was indexed, versions from before among it (PRV, E2)', async () => {
      const { talk } = stage();
      const { document } = await toldDocument(talk, 'came in as nobody');
      const name = `DocumentReference/${document}`;
      const first = await talk.get<DocumentReference>(`${name}/_history/1`, ROOT);
      assert.equal(first.body.subject, undefined, 'nobody knew whose it is');
      const histories = [`${name}/_history`, 'DocumentReference/_history?_count=50', '_history?_count=50'];
      const told = async (): Promise<string[]> => {
        const telling: string[] = [];
        for (const path of [name, `${name}/_history/1`, ...histories]) {
          const { status, body } = await talk.get<Bundle | DocumentReference>(path, CLEO);
          // Lists and Tasks may go on naming it.
          const shown = body.resourceType === 'Bundle' ? (body.entry ?? []).map(({ resource }) => resource) : [body];
          if (status === 200 && shown.some(each => each?.id === document)) telling.push(path);
        }
        return telling;
      };
      assert.deepEqual(await told(), [name, `${name}/_history/1`, ...histories], 'the control');
      const denial = privacyConsent('denied', '1', {
        type: 'deny',
        class: [{ system: 'http://hl7.org/fhir/resource-types', code: 'DocumentReference' }],
      });
      const consent = await talk.update(denial, ROOT);
      assert.ok(consent.status < 300, consent.text);
      assert.deepEqual(await told(), []);
      assert.equal((await talk.delete('Consent/denied', ROOT)).status, 204);
      assert.equal((await told()).length, 5);
    });

    it('is hidden with it by a Consent about the document alone (PRV, E2)', async () => {
      const { talk } = stage();
      const told = await toldDocument(talk, 'denied later');
      const name = `DocumentReference/${told.document}`;
      await isSeen(told, CLEO);
      const denied = privacyConsent('denies', '1', {
        type: 'deny',
        actor: [actor('Practitioner/dr', 'AUT')],
        class: [{ system: 'http://hl7.org/fhir/resource-types', code: 'DocumentReference' }],
      });
      const consent = await talk.update(denied, ROOT);
      assert.ok(consent.status < 300, consent.text);
      assert.equal((await talk.get(name, CLEO)).status, 404);
      assert.deepEqual(await tellingPaths(told, CLEO), []);
      await isSeen(told, ROOT);
      assert.equal((await talk.delete('Consent/denies', ROOT)).status, 204);
      await isSeen(told, CLEO);
    });
  },
  { config: { tokens: intakeTokens, auth: 'token', pageSize: '50' }, set: intakeWorld },
);
