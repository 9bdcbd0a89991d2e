/**
 * What a user chooses on the way to a token, and afterwards: a visit, parts of a type in place of the whole, the end of a session and of what was
 * granted. https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import { FhirError } from '../../src/fhir/error.js';
import {
  askWithCode,
  authOf,
  authorizeUrl,
  boxesIn,
  Browser,
  type BrowserAnswer,
  codeIn,
  newVerifier,
  refresh,
} from '../support/smart-app.js';
import { actor, privacyConsent } from '../support/consents.js';
import {
  consent,
  enter,
  getAs,
  journeyOf,
  launchApp,
  PASSWORD,
  type SmartServer,
  startSmart,
  STATIC_TOKEN,
} from '../support/smart-server.js';

describe('what users of SMART apps choose', () => {
  let smart: SmartServer;
  let base = '';
  const category = (code: string) => `http://terminology.hl7.org/CodeSystem/observation-category|${code}`;
  before(async function () {
    smart = await startSmart(this, 'embedded');
    ({ base } = smart);
    const headers = { authorization: `Bearer ${STATIC_TOKEN}`, 'content-type': 'application/fhir+json' };
    const encounter = (id: string, patient: string, start: string) => ({
      ...{ resourceType: 'Encounter', id, status: 'finished', subject: { reference: `Patient/${patient}` } },
      ...{ class: { code: 'AMB', display: 'ambulatory' }, period: { start } },
    });
    const observation = (id: string, code: string) => ({
      ...{ resourceType: 'Observation', id, status: 'final', subject: { reference: 'Patient/p1' } },
      ...{ code: { text: 'x' }, category: [{ coding: [{ system: category('').slice(0, -1), code }] }] },
    });
    for (const resource of [
      encounter('e1', 'p1', '2026-01-02T10:00:00Z'),
      encounter('e2', 'p1', '2026-03-04T10:00:00Z'),
      encounter('other', 'p2', '2026-03-04T10:00:00Z'),
      observation('lab', 'laboratory'),
      observation('vital', 'vital-signs'),
    ]) {
      const at = `${base}/${resource.resourceType}/${resource.id}`;
      assert.equal((await fetch(at, { method: 'PUT', headers, body: JSON.stringify(resource) })).status, 201);
    }
  });
  after(() => smart?.stop());

  const journey = () => journeyOf(base);
  const begin = async (scope: string, name = 'anna') => {
    const browser = new Browser(base);
    const verifier = newVerifier();
    const page = await enter(browser, await browser.follow(authorizeUrl(journey(), verifier, { scope })), name);
    return { browser, verifier, page };
  };
  const tokenOf = async (back: BrowserAnswer, verifier: string) => {
    const { status, body } = await askWithCode(journey(), codeIn(back, journey()), verifier);
    assert.equal(status, 200, JSON.stringify(body));
    return body;
  };

  it('is among the patients whom the token will show, by Consents that name practitioners', async () => {
    const headers = { authorization: `Bearer ${STATIC_TOKEN}`, 'content-type': 'application/fhir+json' };
    const at = `${base}/Consent/names`;
    const deny = async (who: string) => {
      const consented = privacyConsent('names', 'p2', { type: 'deny', actor: [actor(`Practitioner/${who}`)] });
      const { status } = await fetch(at, { method: 'PUT', headers, body: JSON.stringify(consented) });
      assert.ok(status === 200 || status === 201, String(status));
    };
    try {
      await deny('somebody-else');
      const { browser, verifier, page } = await begin('launch/patient patient/*.rs');
      assert.match(page.text, /\(p2\)/);
      const body = await tokenOf(await consent(browser, page, 'p2'), verifier);
      assert.equal((await getAs(base, 'Patient/p2', body.access_token)).status, 200);
      await deny('p1');
      const denied = await begin('launch/patient patient/*.rs');
      assert.doesNotMatch(denied.page.text, /\(p2\)/);
      assert.equal((await consent(denied.browser, denied.page, 'p2')).status, 422);
    } finally {
      await fetch(at, { method: 'DELETE', headers });
    }
  });

  it('is told that the store is away, not that they may not see a patient', async () => {
    const { browser, page } = await begin('launch/patient patient/*.rs');
    const { store } = smart.server.engine;
    const commit = store.commit.bind(store);
    try {
      // What is seen is recorded first.
      store.commit = () => Promise.reject(new FhirError('unavailable', 'The store is away.'));
      const answer = await consent(browser, page, 'p1');
      assert.equal(answer.status, 503);
      assert.doesNotMatch(answer.text, /may not see/);
    } finally {
      store.commit = commit;
    }
    assert.equal((await consent(browser, page, 'nobody')).status, 422);
    assert.equal((await consent(browser, page, 'not an id')).status, 422);
    assert.equal((await consent(browser, page, 'p1')).status, 303);
  });

  describe('a visit', () => {
    const SCOPE = 'launch/patient launch/encounter patient/*.rs';
    const toVisits = async () => {
      const started = await begin(SCOPE);
      assert.doesNotMatch(started.page.text, /For which visit/);
      const visits = await consent(started.browser, started.page, 'p1');
      assert.equal(visits.status, 200);
      return { ...started, visits };
    };
    const choose = (browser: Browser, page: BrowserAnswer, encounter: string, patient = 'p1') =>
      browser.submit(page, [
        ...boxesIn(page).map(scope => ['scope', scope] as const),
        ...([
          ['encounter', encounter],
          ['patient', patient],
          ['do', 'consent'],
        ] as const),
      ]);

    it('is chosen among those of the patient, and told with the token', async () => {
      const { browser, verifier, visits } = await toVisits();
      assert.match(visits.text, /2026-03-04 10:00 ambulatory \(e2\).*2026-01-02 10:00 ambulatory \(e1\)/);
      assert.doesNotMatch(visits.text, /\(other\)/);
      const body = await tokenOf(await choose(browser, visits, 'e1'), verifier);
      assert.deepEqual([body['patient'], body['encounter']], ['p1', 'e1']);
      assert.match(body.scope!, /launch\/encounter/);
      const again = await refresh(journey(), body.refresh_token ?? '');
      assert.equal(again.status, 400, 'none was asked for');
    });

    it('is of the patient: that of another one is refused', async () => {
      const { browser, visits } = await toVisits();
      const refused = await choose(browser, visits, 'other');
      assert.equal(refused.status, 422);
      assert.match(refused.text, /role="alert">You may not see this visit/);
      assert.equal((await choose(browser, visits, 'made-up')).status, 422);
    });

    it('may be none', async () => {
      const { browser, verifier, visits } = await toVisits();
      const body = await tokenOf(await choose(browser, visits, ''), verifier);
      assert.deepEqual([body['patient'], body['encounter']], ['p1', undefined]);
      assert.doesNotMatch(body.scope!, /launch\/encounter/);
    });

    it('leads back to the choice of a patient', async () => {
      const { browser, visits } = await toVisits();
      const patients = await browser.submit(visits, [['do', 'seek']]);
      assert.match(patients.text, /For which patient/);
    });
  });

  describe('parts of a type', () => {
    const LAB = `patient/Observation.rs?category=${category('laboratory')}`;
    it('are offered in place of the whole, and are what is granted', async () => {
      const { browser, verifier, page } = await begin(
        'launch/patient patient/Observation.rs patient/Patient.rs offline_access',
      );
      assert.match(page.text, /<summary>Or only some of it<\/summary>/);
      const back = await browser.submit(page, [
        ...boxesIn(page).map(scope => ['scope', scope] as const),
        ...([
          ['only', LAB],
          ['patient', 'p1'],
          ['do', 'consent'],
        ] as const),
      ]);
      const body = await tokenOf(back, verifier);
      assert.deepEqual(
        new Set(body.scope!.split(' ')),
        new Set(['launch/patient', LAB, 'patient/Patient.rs', 'offline_access']),
      );
      const statuses = async (token?: string) =>
        Promise.all(['lab', 'vital', 'o-p1'].map(async id => (await getAs(base, `Observation/${id}`, token)).status));
      assert.deepEqual(await statuses(body.access_token), [200, 404, 404]);
      const next = await refresh(journey(), body.refresh_token!);
      assert.deepEqual(await statuses(next.body.access_token), [200, 404, 404]);
      // What was not granted does not come by refreshing.
      const more = await refresh(journey(), next.body.refresh_token!, { scope: 'patient/Observation.rs' });
      assert.ok(more.status === 400 || !more.body.scope?.split(' ').includes('patient/Observation.rs'));
    });

    it('are of what was asked for: nothing else is granted by naming it', async () => {
      const { browser, verifier, page } = await begin('launch/patient patient/Observation.r patient/Patient.rs');
      const invented = [
        LAB,
        `user/Observation.r?category=${category('laboratory')}`,
        'patient/Condition.rs',
        'patient/*.cruds',
      ];
      const back = await browser.submit(page, [
        ['scope', 'patient/Patient.rs'],
        ...invented.map(text => ['only', text] as const),
        ...([
          ['patient', 'p1'],
          ['do', 'consent'],
        ] as const),
      ]);
      const body = await tokenOf(back, verifier);
      assert.deepEqual(new Set(body.scope!.split(' ')), new Set(['launch/patient', 'patient/Patient.rs']));
    });

    it('stay as the user left them where something is wrong', async () => {
      const { browser, page } = await begin('launch/patient patient/Observation.rs patient/Patient.rs');
      const refused = await browser.submit(page, [
        ['scope', 'patient/Patient.rs'],
        ['only', LAB],
        ['do', 'consent'],
      ]);
      assert.equal(refused.status, 422);
      assert.match(refused.text, /Choose a patient/);
      const checked = [...refused.text.matchAll(/value="([^"]+)" checked/g)].map(([, value]) => value);
      assert.deepEqual(checked, [LAB, 'patient/Patient.rs']);
    });
  });

  describe('the page of a user', () => {
    const account = () => `${authOf(base)}/account`;
    const idsIn = (page: BrowserAnswer, act: string) =>
      [...page.text.matchAll(/name="id" value="([^"]+)"><button name="do" value="([\w-]+)"/g)]
        .filter(([, , name]) => name === act)
        .map(([, id]) => id!);
    const act = (browser: Browser, page: BrowserAnswer, name: string, id: string) =>
      browser.submit(page, [
        ['id', id],
        ['do', name],
      ]);

    it('asks who it is, and refuses as others do', async () => {
      const browser = new Browser(base);
      const page = await browser.follow(account());
      assert.match(page.text, /name="password"/);
      assert.doesNotMatch(page.text, /value="abort"|<script/);
      assert.match(page.headers.get('content-security-policy') ?? '', /frame-ancestors 'none'/);
      assert.equal((await enter(browser, page, 'anna', 'wrong password 1')).status, 401);
      assert.equal((await enter(browser, page, 'berta', PASSWORD)).status, 401, 'without the one-time code');
      const stranger = new Browser(base);
      const forged = await stranger.follow(account(), {
        method: 'POST',
        body: new URLSearchParams({ name: 'anna', password: PASSWORD, do: 'sign-in' }),
      });
      assert.equal(forged.status, 403);
      const inside = await enter(browser, page);
      assert.match(inside.text, /Your account/);
      assert.match((await browser.follow(account())).text, /\(here\)/);
      // The session is one for apps, too.
      assert.match((await browser.follow(authorizeUrl(journey(), newVerifier()))).text, /Give access/);
    });

    it('lists what was granted, and ends one of it', async () => {
      const { body, browser } = await launchApp(journey());
      const other = await launchApp(journey());
      const page = await browser.follow(account());
      assert.match(page.text, /Growth &lt;chart&gt;<\/strong>, for patient p1/);
      const grants = idsIn(page, 'end-grant');
      assert.ok(grants.length >= 2);
      const revoked = async (): Promise<number> => {
        const path = 'AuditEvent?subtype=http://dicom.nema.org/resources/ontology/DCM|110137&_summary=count';
        const found = (await (await getAs(base, path, STATIC_TOKEN)).json()) as { total: number };
        return found.total;
      };
      const told = await revoked();
      const left = await act(browser, page, 'end-grant', grants[0]!);
      assert.equal(idsIn(left, 'end-grant').includes(grants[0]!), false);
      assert.equal(await revoked(), told + 1, 'the audit trail knows');
      // The latest first: that of the other.
      assert.equal((await refresh(journey(), other.body.refresh_token!)).status, 400);
      assert.equal((await getAs(base, 'Patient/p1', other.body.access_token)).status, 401);
      assert.equal((await getAs(base, 'Patient/p1', body.access_token)).status, 200);
    });

    it('ends another session, with what was granted in it', async () => {
      const [here, there] = [await launchApp(journey()), await launchApp(journey())];
      const page = await here.browser.follow(account());
      const sessions = idsIn(page, 'end-session');
      assert.ok(sessions.length >= 2);
      const mine = /\(here\)<\/strong><\/span><form[^>]*>.*?name="id" value="([^"]+)"/.exec(page.text)![1]!;
      const theirs = await there.browser.follow(account());
      const other = /\(here\)<\/strong><\/span><form[^>]*>.*?name="id" value="([^"]+)"/.exec(theirs.text)![1]!;
      assert.notEqual(mine, other);
      await act(here.browser, page, 'end-session', other);
      assert.match((await there.browser.follow(account())).text, /name="password"/);
      assert.equal((await refresh(journey(), there.body.refresh_token!)).status, 400);
      assert.equal((await refresh(journey(), here.body.refresh_token!)).status, 200);
      const out = await act(here.browser, await here.browser.follow(account()), 'sign-out', '');
      assert.match(out.text, /Signed out/);
      assert.match((await here.browser.follow(account())).text, /name="password"/);
      assert.equal((await getAs(base, 'Patient/p1', here.body.access_token)).status, 401);
    });

    it('ends nothing of others, whatever a form says', async () => {
      const { users } = smart.server.engine.authorization!;
      await users.add({ name: 'carl', role: 'reader', password: PASSWORD });
      const anna = await launchApp(journey());
      const hers = await anna.browser.follow(account());
      const browser = new Browser(base);
      const page = await enter(browser, await browser.follow(account()), 'carl');
      assert.doesNotMatch(page.text, /Growth/);
      for (const id of idsIn(hers, 'end-grant')) await act(browser, page, 'end-grant', id);
      for (const id of idsIn(hers, 'end-session')) await act(browser, page, 'end-session', id);
      assert.equal((await getAs(base, 'Patient/p1', anna.body.access_token)).status, 200);
      assert.match((await anna.browser.follow(account())).text, /Your account/);
      const csrf = /name="csrf" value="([^"]+)"/.exec(hers.text)![1]!;
      const withHers = await browser.follow(account(), {
        method: 'POST',
        body: new URLSearchParams({ csrf, do: 'sign-out' }),
      });
      assert.equal(withHers.status, 403);
    });
  });
});
