/** Stories of the console that take more than one person, or more than one start of the server. In a full run alone: each takes a server of its own. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import type { Page } from 'playwright-core';
import supertest from 'supertest';
import { loadDemo } from '../../src/cli/seed.js';
import { CONSOLE_STORES, endsWell, onChromium, onConsole, WIDE } from '../support/console.js';
import { FULL } from '../support/depth.js';
import { freePort } from '../support/mongod.js';
import { newStore, type RunningServer, startServer, type StoreName } from '../support/server.js';

const PASSWORD = 'correct horse battery';
const REASON = 'Unconscious in the emergency room, allergies are not known.';
const TOKENS = { root: 'admin', 'dr-a': 'clinician' } as const;
const bearer = (who: keyof typeof TOKENS) => ({ Authorization: `Bearer a-token-of-the-stories-0123456789-${who}` });
const FHIR = { 'Content-Type': 'application/fhir+json' };

/** Signs in as somebody on a page that asks who one is, and waits until one is back; a session of before is told by its cookie. */
async function signIn(page: Page, name: string): Promise<void> {
  await page.click('button:has-text("Sign in")');
  const form = page.locator('input[name=password]');
  const consent = page.locator('button[value=consent]');
  const back = page.locator('.account');
  await form.or(consent).or(back).first().waitFor();
  if ((await form.count()) > 0) {
    await page.fill('input[name=name]', name);
    await form.fill(PASSWORD);
    await page.click('button[value=sign-in]');
    await consent.or(back).first().waitFor();
  }
  if ((await consent.count()) > 0) await consent.click();
  await back.waitFor();
}

/** Somebody whose record has something that is labelled. */
async function setRestricted({ request, engine }: RunningServer): Promise<void> {
  const put = (body: { readonly resourceType: string; readonly id: string }) =>
    request
      .put(`/fhir/${body.resourceType}/${body.id}`)
      .set({ ...FHIR, ...bearer('root') })
      .send(body)
      .expect(201);
  const system = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';
  await put({ resourceType: 'Patient', id: 'p1', ...{ name: [{ family: 'Quist', given: ['Paula'] }] } });
  await put({
    ...{ resourceType: 'Observation', id: 'o1' },
    ...{ meta: { security: [{ system, code: 'R' }] }, status: 'final', code: { text: 'Hidden' } },
    ...{ subject: { reference: 'Patient/p1' } },
  });
  const { users } = engine.authorization!;
  await users.add({ name: 'pia', password: PASSWORD, role: 'privacy-officer' });
  await users.add({ name: 'paula', password: PASSWORD, role: 'patient', patient: 'p1' });
}

/** Glass is broken by a program of the ward: the console breaks none. */
function glassStory(store: StoreName): void {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-console-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const tokens = join(folder, 'tokens.json');
  const all = Object.entries(TOKENS).map(([name, role]) => ({
    ...{ name, role, token: `a-token-of-the-stories-0123456789-${name}` },
  }));
  writeFileSync(tokens, JSON.stringify(all), { mode: 0o600 });
  const stage = onConsole({ store, demo: false, config: { auth: 'smart', tokens }, set: setRestricted });

  it('has glass that was broken reviewed by a privacy officer, with what was found (story)', async () => {
    const { open, page, isAccessible, server } = stage();
    const body = { resourceType: 'Parameters', parameter: [{ name: 'reason', valueString: REASON }] };
    const { request } = server;
    await request
      .post('/fhir/Patient/p1/$break-glass')
      .set({ ...FHIR, ...bearer('dr-a') })
      .send(body)
      .expect(200);
    const through = { Category: 'http://terminology.hl7.org/CodeSystem/v3-ActReason#BTG' };
    await request
      .get('/fhir/Observation/o1')
      .set({ ...through, ...bearer('dr-a') })
      .expect(200);
    await open('privacy');
    await signIn(page, 'pia');
    await page.locator('tbody tr a').first().click();
    await page.getByText(REASON).first().waitFor();
    await isAccessible('story-review');
    await page.fill('#found', 'Too short');
    await page.getByRole('button', { name: 'Close: it was justified' }).click();
    await page.locator('.fault-summary:focus').waitFor();
    await page.fill('#found', 'The chart of the emergency room bears it out.');
    await page.getByRole('button', { name: 'Close: it was justified' }).click();
    await page.locator('#found').waitFor({ state: 'detached' });
    await page.getByText('The chart of the emergency room bears it out.').first().waitFor();
    await open('privacy');
    await signIn(page, 'pia');
    await page.locator('.empty').first().waitFor();
  });

  it('shows a patient who saw their record, and nothing of the staff’s (story)', async () => {
    const { open, page, isAccessible } = stage();
    await page.locator('.account button').click();
    await page.locator('h1', { hasText: 'You are signed out' }).waitFor();
    await open('chart/p1/who-saw');
    await signIn(page, 'paula');
    await page.locator('.patient-banner').waitFor();
    await page.getByText('Glass broken').first().waitFor();
    await isAccessible('story-who-saw');
    const said = await page.innerText('main');
    assert.match(said, /dr-a/);
    assert.doesNotMatch(said, /127\.0\.0\.1|::1/);
    const screens = await page.innerText('nav');
    assert.doesNotMatch(screens, /Administration|Release desk|Intake/);
    assert.equal(await page.locator('.patient-banner a[href$="/edit"]').count(), 0, 'A patient corrects nobody.');
  });

  it('breaks no rule of the policy, and leaves its audit events', () => endsWell(stage(), bearer('root')));
}

function restartStory(store: StoreName): void {
  const chrome = onChromium();
  const data = mkdtempSync(join(tmpdir(), 'chartroom-console-'));
  let server: RunningServer | undefined;
  let start: (() => Promise<RunningServer>) | undefined;
  let port = 0;
  before('starts a server that can be started again', async function () {
    const url = await newStore(this, store);
    port = await freePort();
    const config = { port: String(port), data };
    start = () => startServer({ store: url, config });
    server = await start();
    await loadDemo(server.engine);
  });
  after(async () => {
    await server?.stop();
    rmSync(data, { recursive: true, force: true });
  });

  const at = (): string => `http://127.0.0.1:${port}`;

  it('waits in view while the server is started again, and saves what was typed, once (story)', async () => {
    const context = await chrome().newContext({ viewport: WIDE });
    const page = await context.newPage();
    await page.goto(`http://localhost:${port}/console/patients/demo-ada-lindqvist/edit`);
    await page.fill('#email', 'after.restart@example.org');
    await page.click('text=Check what changes');
    await page.locator('table').getByText('after.restart@example.org').waitFor();
    const { body: first } = await supertest(at()).get('/fhir/Patient/demo-ada-lindqvist').expect(200);
    await server!.stop();
    server = undefined;
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('.waiting').waitFor();
    server = await start!();
    await page.locator('.patient-banner').waitFor();
    const { body: saved } = await supertest(at()).get('/fhir/Patient/demo-ada-lindqvist').expect(200);
    assert.match(JSON.stringify(saved), /after\.restart@example\.org/);
    const versions = [first, saved].map(each => Number((each as { meta: { versionId: string } }).meta.versionId));
    assert.equal(versions[1], versions[0]! + 1);
    await context.close();
  });
}

if (FULL) {
  for (const store of CONSOLE_STORES)
    describe(`stories of the console: emergency access (${store})`, () => glassStory(store));
  for (const store of CONSOLE_STORES)
    describe(`stories of the console: a server that is started again (${store})`, () => restartStory(store));
}
