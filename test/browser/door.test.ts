/** Coming in, staying, and leaving the console: without authentication, with a token, and by the authorization server. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'mocha';
import { fullIt } from '../support/depth.js';
import { systemContext } from '../../src/cli/seed.js';
import { MAX_DEPTH, parseJson } from '../../src/fhir/json/json.js';
import { perform } from '../../src/interactions/perform.js';
import { type ConsoleStage, onChromium, onConsole } from '../support/console.js';
import type { RunningServer } from '../support/server.js';

const TOKEN = 'a-static-token-of-the-records-office-0123456789';
const PASSWORD = 'correct horse battery';

const folder = mkdtempSync(join(tmpdir(), 'chartroom-console-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const tokens = join(folder, 'tokens.json');
writeFileSync(tokens, JSON.stringify([{ token: TOKEN, name: 'records-office', role: 'writer' }]), { mode: 0o600 });

/** Everything that a browser keeps of a page, as one text. */
const keptBy = ({ page }: ConsoleStage): Promise<string> =>
  page.evaluate<string>(
    `(async () => JSON.stringify([{ ...localStorage, ...sessionStorage }, await globalThis.caches?.keys(), document.cookie, location.href, document.documentElement.outerHTML]))()`,
  );

async function findSharma({ page }: ConsoleStage): Promise<void> {
  await page.fill('#name', 'शर्मा');
  await page.click('text=Find patients');
  await page.locator('table').getByText('शर्मा').waitFor();
}

/** The one who is looked for. */
async function setSharma({ engine }: RunningServer): Promise<void> {
  const text = JSON.stringify({ resourceType: 'Patient', id: 'sharma', name: [{ family: 'शर्मा', given: ['रेणु'] }] });
  const body = parseJson(Buffer.from(text), { maxDepth: MAX_DEPTH });
  await perform(systemContext(engine, 'a test'), { kind: 'update', type: 'Patient', id: 'sharma', body });
}

describe('the console', () => {
  const chrome = onChromium();

  describe('where nobody is asked who they are', () => {
    const stage = onConsole({ demo: false, set: setSharma }, chrome);

    it('says so, begins at the first screen with its heading in focus, and breaks no rule of access or policy', async () => {
      const { page, titled, isAccessible, server, trouble } = stage();
      await page.goto(`http://localhost:${server.port}/`);
      await titled('Patients');
      assert.match(await page.locator('.nobody').innerText(), /Nobody was asked/);
      assert.equal(await page.evaluate('document.activeElement.tagName'), 'H1');
      assert.match(page.url(), /\/console\/patients$/);
      await isAccessible('patients-empty');
      assert.deepEqual(trouble, []);
    });

    it('can be used by keyboard alone: past the navigation, into the form, to what is wrong and what is found', async () => {
      const { page, isAccessible } = stage();
      await page.focus('.skip');
      await page.keyboard.press('Enter');
      assert.equal(await page.evaluate('document.activeElement.id'), 'main');
      await page.keyboard.press('Tab');
      assert.equal(await page.evaluate('document.activeElement.id'), 'name');
      await page.keyboard.press('Enter');
      await page.locator('.fault-summary:focus').waitFor();
      await isAccessible('patients-fault');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      assert.equal(await page.evaluate('document.activeElement.id'), 'name');
      await page.keyboard.type('शर्मा');
      await page.keyboard.press('Enter');
      await page.locator('table').waitFor();
      await page.locator('[role=status]', { hasText: '1 patient found' }).waitFor({ state: 'attached' });
      await isAccessible('patients-found');
    });

    it('asks once for what is looked for, by POST, for the elements that are shown', () => {
      const asked = stage().asked.filter(({ url }) => url.startsWith('/fhir/Patient'));
      assert.deepEqual(
        asked.map(({ method, url }) => [method, url]),
        [['POST', '/fhir/Patient/_search']],
      );
      const form = new URLSearchParams(asked[0]!.body);
      assert.deepEqual([form.get('name'), form.get('_count')], ['शर्मा', '15']);
      assert.match(form.get('_elements') ?? '', /identifier/);
    });

    fullIt('lists its shortcuts, goes by them, and lets go of them', async () => {
      const { page } = stage();
      await page.click('h1');
      await page.keyboard.press('?');
      await page.locator('dialog').waitFor();
      await page.getByLabel('Use keyboard shortcuts').uncheck();
      await page.keyboard.press('Escape');
      await page.locator('dialog').waitFor({ state: 'detached' });
      await page.keyboard.press('?');
      assert.equal(await page.locator('dialog').count(), 0);
    });

    it('has no page that is wider than a narrow window', async () => {
      const { page } = stage();
      await page.setViewportSize({ width: 320, height: 640 });
      assert.ok(await page.evaluate('document.documentElement.scrollWidth <= 320'));
      await page.setViewportSize({ width: 1280, height: 800 });
    });

    it('says that a page is not there', async () => {
      const { open, titled, isAccessible } = stage();
      await open('nothing/of/the/kind');
      await titled('Page not found');
      await isAccessible('not-found');
    });
  });

  describe('where a token is asked for', () => {
    const stage = onConsole({ demo: false, config: { auth: 'token', tokens }, set: setSharma }, chrome);

    it('takes one, says what is wrong with one, and is told of one that nobody knows', async () => {
      const { open, page, titled, isAccessible } = stage();
      await open('patients');
      await titled('Sign in');
      await isAccessible('sign-in-token');
      await page.fill('#token', 'two words');
      await page.keyboard.press('Enter');
      await page.locator('.fault-summary:focus').waitFor();
      await isAccessible('sign-in-token-fault');
      await page.fill('#token', 'nobody-knows-this-token-0123456789');
      await page.keyboard.press('Enter');
      await page.fill('#name', 'शर्मा');
      await page.click('text=Find patients');
      await titled('You are signed out');
      assert.match(await page.innerText('main'), /does not know your token/);
      await isAccessible('signed-out');
    });

    it('keeps it in memory alone', async () => {
      const { open, page, asked, trouble } = stage();
      await open('patients');
      await page.fill('#token', TOKEN);
      await page.keyboard.press('Enter');
      await findSharma(stage());
      assert.equal(asked.at(-1)!.headers['authorization'], `Bearer ${TOKEN}`);
      assert.ok(!(await keptBy(stage())).includes(TOKEN));
      assert.ok(asked.every(({ url }) => !url.includes(TOKEN)));
      assert.deepEqual(trouble, []);
    });

    fullIt('leaves nothing behind: not in the page, not behind the back button', async () => {
      const { page, titled } = stage();
      await page.click('text=Sign out');
      await titled('You are signed out');
      assert.doesNotMatch(await keptBy(stage()), /शर्मा/);
      await page.goBack();
      await page.locator('h1', { hasText: /^(?:Sign in|You are signed out)$/ }).waitFor();
      assert.doesNotMatch(await keptBy(stage()), /शर्मा/);
    });

    it('lasts while somebody is there in any window, and leaves all of them', async () => {
      const { open, page, browser, server, titled } = stage();
      const other = await browser.newPage();
      await other.goto(`http://localhost:${server.port}/console/patients`);
      await open('patients');
      for (const each of [page, other]) {
        await each.fill('#token', TOKEN);
        await each.keyboard.press('Enter');
        await each.locator('#name').waitFor();
      }
      await page.clock.install();
      await page.clock.fastForward('14:30');
      const told = page.evaluate(`new Promise(done => {
      new BroadcastChannel('chartroom-console').onmessage = ({ data }) => data === 'touched' && done(data);
    })`);
      await page.getByRole('alertdialog').waitFor();
      await other.click('text=Stay signed in');
      await told;
      await page.getByRole('alertdialog').waitFor({ state: 'detached' });
      await page.clock.fastForward('02:00');
      await page.locator('#name').waitFor();
      assert.equal(await page.getByText('You are signed out').count(), 0);
      await other.click('text=Sign out');
      await titled('You are signed out');
      await other.close();
    });
  });

  describe('where one signs in', () => {
    const stage = onConsole(
      {
        ...{ demo: false, config: { auth: 'smart' } },
        async set(server) {
          await setSharma(server);
          await server.engine.authorization!.users.add({
            name: 'anna',
            password: PASSWORD,
            role: 'records-specialist',
          });
        },
      },
      chrome,
    );

    const signIn = async (): Promise<void> => {
      const { page } = stage();
      await page.click('button:has-text("Sign in")');
      await page.fill('input[name=name]', 'anna');
      await page.fill('input[name=password]', PASSWORD);
      await page.click('button[value=sign-in]');
      await page.click('button[value=consent]');
    };

    it('goes there and comes back to where one was, with a token in memory alone', async () => {
      const { open, page, titled, asked, trouble } = stage();
      await open('patients');
      await titled('Sign in');
      await signIn();
      await titled('Patients');
      assert.match(page.url(), /\/console\/patients$/);
      await findSharma(stage());
      const token = asked.at(-1)!.headers['authorization']!.replace('Bearer ', '');
      assert.ok(token.length > 100);
      assert.ok(!(await keptBy(stage())).includes(token));
      assert.ok(asked.every(({ url }) => !url.includes(token)));
      assert.match(await page.innerText('.account'), /anna.*records-specialist/s);
      assert.deepEqual(trouble, []);
    });

    it('warns a minute before somebody who does nothing is signed out, keeps what they type until then, and makes the token worthless', async () => {
      const { page, titled, asked, server, isAccessible } = stage();
      const token = asked.at(-1)!.headers['authorization']!;
      await page.clock.install();
      await page.click('a[href$="/patients/new"]');
      await page.fill('#family', 'In mid-edit');
      await page.clock.fastForward('14:30');
      await page.getByRole('alertdialog').waitFor();
      await isAccessible('time-out');
      await page.click('text=Stay signed in');
      await page.getByRole('alertdialog').waitFor({ state: 'detached' });
      assert.equal(await page.inputValue('#family'), 'In mid-edit');
      await page.clock.fastForward('14:30');
      await page.getByRole('alertdialog').waitFor();
      await page.clock.fastForward('01:00');
      await titled('You are signed out');
      assert.doesNotMatch(await keptBy(stage()), /शर्मा|In mid-edit/);
      await server.request.get('/fhir/Patient').set('Authorization', token).expect(401);
    });

    it('asks whoever comes next who they are (S17)', async () => {
      const { open, page, titled } = stage();
      await open('');
      await titled('Sign in');
      await page.click('button:has-text("Sign in")');
      await page.locator('input[name=password]').waitFor();
      assert.equal(await page.locator('button[value=consent]').count(), 0);
    });

    it('says that the server has not ended a session where it has not', async () => {
      const { page, titled, trouble } = stage();
      await page.fill('input[name=name]', 'anna');
      await page.fill('input[name=password]', PASSWORD);
      await page.click('button[value=sign-in]');
      await page.click('button[value=consent]');
      await page.locator('.account').waitFor();
      await page.route('**/auth/revoke*', route => route.fulfill({ status: 503, body: '' }));
      await page.click('text=Sign out');
      await titled('You are signed out');
      await page.locator('.notice.danger', { hasText: 'has not said that your session there has ended' }).waitFor();
      await page.unroute('**/auth/revoke*');
      assert.deepEqual(trouble, []);
    });

    fullIt('takes no answer to a question that it has not asked', async () => {
      const { open, page, titled } = stage();
      await open('?code=somebody-elses&state=s');
      await titled('Sign in');
      const kept = JSON.stringify({ verifier: 'v'.repeat(43), state: 'mine', back: '//evil.example' });
      await page.evaluate(`sessionStorage.setItem('chartroom-sign-in', ${JSON.stringify(kept)})`);
      await open('?code=somebody-elses&state=theirs');
      await page.getByText('Signing in did not succeed').waitFor();
      assert.equal(await page.evaluate('location.search'), '');
    });
  });
});
