/** The release desk: a request for records from its receipt to what goes out, with what is refused on the way. */
import assert from 'node:assert/strict';
import { it } from 'mocha';
import { endsWell, inConsoleWays, onConsole, tabTo } from '../support/console.js';
import { FULL } from '../support/depth.js';
import { sameTree } from '../support/golden-tree.js';
import { releaseDesk } from '../support/release-desk.js';

inConsoleWays('the release desk of the console', way => {
  const ids: string[] = [];
  const stage = onConsole({ ...way, demo: false });
  const { lead, begun: beginOne, taskOf, at, press } = releaseDesk(stage);
  const begun = async (...given: Parameters<typeof beginOne>): Promise<string> => {
    const id = await beginOne(...given);
    ids.push(id);
    return id;
  };

  it('is empty at first, and says that a request is not there', async () => {
    const { open, page, titled, isAccessible } = stage();
    await open('release');
    await titled('Release desk');
    await page.getByText('There is no request of this kind.').waitFor();
    await isAccessible('release-empty');
    await open('release/nothing');
    await page.locator('.fault-summary').waitFor();
    await isAccessible('release-absent');
  });

  it('shows what is asked for, by when, and leads from the list to the request', async () => {
    const { open, page, titled, server, isAccessible } = stage();
    const text = (n: number) => ({ contentType: 'text/plain', data: btoa(`Note ${n}`) });
    const entry = [
      {
        resourceType: 'Patient',
        id: 'asked',
        name: [{ family: 'Asked' }],
        birthDate: '1958-03-14',
        identifier: [{ system: 'urn:mrn', value: 'M-17' }],
      },
      { resourceType: 'Patient', id: 'other', name: [{ family: 'Other' }], birthDate: '1990-01-01' },
      {
        ...{ resourceType: 'DocumentReference', id: 'paper', status: 'current' },
        content: [{ attachment: text(0) }],
      },
      ...[1, 2].map(n => ({
        ...{
          resourceType: 'DocumentReference',
          id: `note-${n}`,
          status: 'current',
          docStatus: n === 1 ? 'final' : 'preliminary',
        },
        ...{ subject: { reference: 'Patient/asked' }, description: `Note ${n}`, date: '2024-05-01T10:00:00Z' },
        content: [{ attachment: text(n) }],
      })),
    ].map(resource => ({ resource, request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` } }));
    await server.request.post('/fhir').send({ resourceType: 'Bundle', type: 'transaction', entry }).expect(200);
    await begun('asked', { name: 'evidence', valueReference: { reference: 'DocumentReference/paper' } });
    await open('release');
    await titled('Release desk');
    await page.locator('table').waitFor();
    await isAccessible('release');
    await page.click('tbody th a');
    await titled('Request for records');
    await page.locator('.patient-banner').getByText('Asked').waitFor();
    await page.locator('.summary-list', { hasText: 'Ada <b>Lindqvist</b>' }).waitFor();
    await page.locator('.summary-list', { hasText: /\d+ days left/ }).waitFor();
    await at('Received');
    await isAccessible('release-request');
  });

  it('takes the records of somebody for those that are meant by a second identifier alone', async () => {
    const { page, isAccessible } = stage();
    await press('Take into the books');
    await at('Identity');
    await page.fill('#reason', 'Two papers.');
    await press('Identity proved');
    await page.locator('.fault-summary:focus a[href="#second"]').waitFor();
    await isAccessible('release-fault');
    await page.fill('#second', '1990-01-01');
    await press('Identity proved');
    await page.locator('.fault-summary', { hasText: 'neither the birth date nor a number' }).waitFor();
    assert.equal(await taskOf(ids[0]!), 'identity-check');
    await page.fill('#second', 'm-17 ');
    await press('Identity proved');
    await at('Authorization');
  });

  it('checks what permits it line by line, and what a person has to look at', async () => {
    const { page, isAccessible } = stage();
    await press('Check the authorization');
    await page.getByText('Open: you have to look at something yourself.').first().waitFor();
    await isAccessible('release-check');
    for (const box of await page.locator('input[id^=right-]').all()) await box.check();
    await press('Check again with what you have looked at');
    await page.locator('main .notice', { hasText: 'Sufficient' }).waitFor();
    assert.equal(await page.locator('.tag', { hasText: 'Missing' }).count(), 0);
    await press('Accept');
    await at('Records');
  });

  it('shows what would go out and what would not, why, and keeps what is decided', async () => {
    const { page, isAccessible } = stage();
    await press('Show what would go out');
    const caption = page.locator('caption', { hasText: '1 would go out, 1 would not' });
    await caption.waitFor();
    assert.match(await page.locator('tr', { hasText: 'Note 2' }).innerText(), /Out.*draft/s);
    await isAccessible('release-documents');
    await page.getByRole('button', { name: 'Leave out: Note 1' }).click();
    await page.click('dialog button:has-text("Leave out")');
    await page.locator('dialog .fault-summary:focus').waitFor();
    await isAccessible('release-decide-fault');
    await page.fill('#decision-reason', 'It names another person.');
    await page.click('dialog button:has-text("Leave out")');
    await page.locator('caption', { hasText: '0 would go out, 2 would not' }).waitFor();
    await page.locator('tr', { hasText: 'Decided here: It names another person.' }).waitFor();
    await page.getByRole('button', { name: 'Undo: Note 1' }).click();
    await caption.waitFor();
  });

  it('refuses what does not go out, at its document', async () => {
    const { page } = stage();
    await page.getByRole('button', { name: 'Take in: Note 2' }).click();
    await page.fill('#decision-reason', 'Asked for by name.');
    await page.click('dialog button:has-text("Take in")');
    await page.locator('dialog .fault-summary a[href="#decision-reason"]').waitFor();
    await page.click('dialog >> text=Cancel');
  });

  it('sends a request back with a letter that says what is missing', async () => {
    const { page, open, isAccessible } = stage();
    const id = await begun('other');
    await lead(id, 'log');
    await lead(id, 'identify', 'Two papers.');
    await open(`release/${id}`);
    await at('Authorization');
    await page.getByText('the request goes back to who asks with 1 letter').waitFor();
    await press('Check the authorization');
    await page.locator('.notice.danger', { hasText: 'Deficient' }).waitFor();
    await page.locator('tr', { hasText: 'Missing' }).first().waitFor();
    await page.locator('caption', { hasText: '1 letter' }).waitFor();
    await at('Authorization');
    assert.equal(await taskOf(id), 'deficient-authorization');
    await isAccessible('release-deficient');
  });

  it('writes letters, and says at its field which it does not', async () => {
    const { page, open, isAccessible } = stage();
    await open(`release/${ids[0]!}`);
    await page.getByText('No letter was written yet.').waitFor();
    await page.selectOption('#letter-kind', 'denial');
    await press('Write a letter');
    await page.locator('.fault-summary:focus a[href="#letter-kind"]').waitFor();
    await isAccessible('release-letter-fault');
    await page.selectOption('#letter-kind', 'acknowledged');
    await page.fill('#letter-remark', 'Bring your papers.');
    await press('Write a letter');
    await page.locator('caption', { hasText: '1 letter' }).waitFor();
    assert.equal(await page.inputValue('#letter-remark'), '');
    await sameTree(page.locator('main'), 'release-request');
  });

  it('estimates a fee, and charges it once, saying what that writes', async () => {
    const { page, isAccessible } = stage();
    await page.fill('#fee-pages', 'some');
    await press('Estimate the fee');
    await page.locator('.fault-summary:focus a[href="#fee-pages"]').waitFor();
    await isAccessible('release-fee-fault');
    await page.fill('#fee-pages', '1000000');
    await press('Estimate the fee');
    await page.locator('.fault-summary a[href="#fee-pages"]', { hasText: '100000 at most' }).waitFor();
    await page.fill('#fee-pages', '42');
    await press('Estimate the fee');
    await page.locator('caption', { hasText: /To be paid: \$\d/ }).waitFor();
    await isAccessible('release-fee');
    const invoices = async (): Promise<number> =>
      ((await stage().server.request.get('/fhir/Invoice?_summary=count').expect(200)).body as { total: number }).total;
    assert.equal(await invoices(), 0);
    await press('Charge the fee');
    const asked = page.getByRole('alertdialog');
    await asked.getByText(/1 invoice of \$\d.* and 1 letter/).waitFor();
    await asked.getByRole('button', { name: 'Yes: Charge the fee' }).click();
    await page.locator('caption', { hasText: '2 letters' }).waitFor();
    assert.equal(await invoices(), 1);
    await press('Estimate the fee');
    await press('Charge the fee');
    await asked.getByRole('button', { name: 'Yes: Charge the fee' }).click();
    await page.locator('.fault-summary:focus').waitFor();
    assert.equal(await invoices(), 1);
  });

  it('shows both versions to whoever was overtaken, and keeps what was typed', async () => {
    const { page, open, isAccessible } = stage();
    const id = await begun('other');
    await lead(id, 'log');
    await open(`release/${id}`);
    // The page has read the request and its possible steps; without that it would know nothing to be overtaken in.
    await page.locator('#reason').waitFor();
    await lead(id, 'withdraw', 'Not needed any more.');
    const other = await begun('other');
    await page.fill('#reason', 'Two papers.');
    await page.fill('#second', '1990-01-01');
    await press('Identity proved');
    await page.locator('.fault-summary:focus', { hasText: 'Somebody else has changed this' }).waitFor();
    await page.locator('.summary-list', { hasText: 'Withdrawn' }).waitFor();
    await page.locator('table', { hasText: 'When you began' }).locator('tr', { hasText: 'identity-check' }).waitFor();
    await isAccessible('release-overtaken');
    assert.equal(await taskOf(other), 'received');
  });

  it('ends a request with a ground, a reason, and in numbers what that does', async () => {
    const { page, open, isAccessible } = stage();
    const [id] = ids;
    await open(`release/${id!}`);
    await at('Records');
    await press('Deny');
    await page.locator('.fault-summary:focus a[href="#ground"]').waitFor();
    await page.fill('#reason', 'A note of the file.');
    await page.selectOption('#ground', 'not-held');
    await press('Deny');
    const asked = page.getByRole('alertdialog');
    await asked.getByText('1 letter of denial is written to who asks. 0 documents go out.').waitFor();
    await isAccessible('release-sure');
    await asked.getByText('No, go back').click();
    assert.equal(await taskOf(id!), 'searching');
    await press('Deny');
    await asked.getByRole('button', { name: 'Yes: Deny' }).click();
    await page.locator('.summary-list', { hasText: 'Denied' }).waitFor();
    assert.equal(await taskOf(id!), 'denied');
    await page.locator('caption', { hasText: '3 letters' }).waitFor();
    assert.equal(await page.locator('.stepper').count(), 0);
  });

  if (FULL)
    it('can be done by keyboard alone', async () => {
      const { page, open } = stage();
      const id = await begun('asked');
      await open(`release/${id}`);
      await at('Received');
      const to = (name: string): Promise<void> => tabTo(page, name);
      await to('Take into the books');
      await page.keyboard.press('Enter');
      await at('Identity');
      await to('second');
      await page.keyboard.type('M-17');
      await to('reason');
      await page.keyboard.type('Two papers.');
      await to('Identity proved');
      await page.keyboard.press('Enter');
      await at('Authorization');
    });

  it('breaks no rule of the policy, and leaves its audit events', () => endsWell(stage()));
});
