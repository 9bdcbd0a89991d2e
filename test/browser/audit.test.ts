/** The audit screen: questions in words, their answers, one event with its proof, and what the trail is sealed by. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'mocha';
import { endsWell, inConsoleWays, onConsole } from '../support/console.js';

inConsoleWays('the audit screen of the console', way => {
  const stage = onConsole({
    ...way,
    // Each is a line of what this machine did.
    async set({ request }) {
      const entry = Array.from({ length: 51 }, () => ({
        resource: { resourceType: 'Patient' },
        request: { method: 'POST', url: 'Patient' },
      }));
      await request.post('/fhir').send({ resourceType: 'Bundle', type: 'batch', entry }).expect(200);
    },
  });
  const ask = (): Promise<void> => stage().page.click('button[type=submit]');

  it('says what a question needs, at its field', async () => {
    const { open, page, titled, isAccessible, asked } = stage();
    await open('audit');
    await titled('Audit');
    await isAccessible('audit-empty');
    await ask();
    await page.locator('.fault-summary:focus a[href="#person"]').waitFor();
    await isAccessible('audit-fault');
    await page.selectOption('#question', 'who-saw');
    await page.fill('#identifier', 'nobody-has-this');
    await ask();
    await page.locator('.fault-summary', { hasText: 'No patient has this identifier' }).waitFor();
    assert.ok(asked.every(({ url }) => !url.includes('nobody-has-this')));
  });

  it('answers who saw a patient, with names in no address, and shows an event and its proof', async () => {
    const { page, asked, isAccessible } = stage();
    await page.fill('#identifier', 'E4000117');
    await ask();
    await page.locator('table').getByText('chartroom', { exact: false }).first().waitFor();
    assert.ok(asked.every(({ url }) => !url.includes('E4000117')));
    await isAccessible('audit-who-saw');
    await page
      .locator('button', { hasText: /^Event$/ })
      .first()
      .click();
    await page.locator('dialog pre', { hasText: '"resourceType": "AuditEvent"' }).waitFor();
    await page.click('text=Show that it is sealed');
    await page.locator('dialog .notice', { hasText: /It is leaf \d+ of [\d,]+ in the stream/ }).waitFor();
    await isAccessible('audit-event');
    await page.click('dialog >> text=Close');
  });

  it('answers what a person did in pages, and gives all of it as a table', async () => {
    const { page } = stage();
    await page.selectOption('#question', 'what-did');
    await page.fill('#person', '127.0.0.1');
    await ask();
    await page.locator('caption', { hasText: 'The first 50 lines' }).waitFor();
    const rows = page.locator('tbody tr');
    assert.equal(await rows.count(), 50);
    await page.click('text=Show more');
    await page.locator('tbody tr').nth(50).waitFor();
    const saved = page.waitForEvent('download');
    await page.click('text=Table (CSV)');
    const file = await saved;
    assert.equal(file.suggestedFilename(), 'what-did.csv');
    assert.ok(readFileSync(await file.path(), 'utf8').split('\r\n').length > 51);
  });

  it('says that there is nothing of the kind', async () => {
    const { page, isAccessible } = stage();
    await page.selectOption('#question', 'denials');
    await ask();
    await page.getByText('The trail holds nothing of the kind.').waitFor();
    await isAccessible('audit-none');
  });

  it('gives an accounting only when that is meant, and names whose it is', async () => {
    const { open, page, titled, isAccessible, server } = stage();
    await open('audit/patient/demo-ada-lindqvist');
    await titled('Audit');
    await page.locator('.summary-list', { hasText: 'Ada' }).waitFor();
    await page.selectOption('#question', 'accounting-of-disclosures');
    await ask();
    await page.locator('.fault-summary:focus a[href="#meant"]').waitFor();
    await isAccessible('audit-accounting-fault');
    const given = async (): Promise<number> => {
      const answer = await server.request.get('/fhir/DocumentReference?type=accounting-of-disclosures&_summary=count');
      return (answer.body as { total: number }).total;
    };
    assert.equal(await given(), 0);
    await page.check('#meant');
    await ask();
    await page.locator('caption').waitFor();
    assert.equal(await given(), 1);
  });

  it('shows what the trail is sealed by', async () => {
    const { page, isAccessible } = stage();
    await page.click('text=Seal of the trail');
    await page.locator('table code').first().waitFor();
    await isAccessible('audit-ledger');
    await endsWell(stage());
  });
});
