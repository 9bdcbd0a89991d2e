/** The other screens of the console: work, privacy, audit, administration, requests by hand. Each empty, full and with an error. */
import assert from 'node:assert/strict';
import { it } from 'mocha';
import { endsWell, inConsoleWays, onConsole, tabTo } from '../support/console.js';
import { FULL } from '../support/depth.js';
import type { RunningServer } from '../support/server.js';

const putCheckout = async ({ request }: RunningServer, id: string): Promise<void> => {
  const checkout = {
    ...{ resourceType: 'Task', id, status: 'requested', intent: 'order' },
    code: { coding: [{ system: 'urn:chartroom:task', code: 'chart-checkout', display: 'Check-out of a paper chart' }] },
    for: { reference: 'Patient/demo-walter-brandt' },
    focus: { reference: `List/chart-of-${id}` },
  };
  await request.put(`/fhir/Task/${id}`).set('Content-Type', 'application/fhir+json').send(checkout).expect(201);
};

inConsoleWays('the console: work, privacy and administration', way => {
  const stage = onConsole({
    ...way,
    set: server => putCheckout(server, 'checkout'),
  });

  it('shows what is open, the most urgent first, and what is done', async () => {
    const { open, page, titled, isAccessible } = stage();
    await open('today');
    await titled('Today');
    await page.locator('table').waitFor();
    assert.match(await page.innerText('tbody tr:first-child'), /Overdue/);
    await isAccessible('today');
    await page.selectOption('#shown', 'done');
    await page.locator('.empty').waitFor();
    await isAccessible('today-empty');
  });

  it('shows the task as somebody else has left it meanwhile, and keeps what was typed', async () => {
    const { open, page, isAccessible, server } = stage();
    await open('today/checkout');
    await page.locator('section button').first().waitFor();
    const pulled = { resourceType: 'Parameters', parameter: [{ name: 'name', valueCode: 'pull' }] };
    await server.request
      .post('/fhir/Task/checkout/$transition')
      .set('Content-Type', 'application/fhir+json')
      .send(pulled)
      .expect(200);
    await page.fill('#reason', 'Not needed any more.');
    await page.locator('section button', { hasText: 'Refuse' }).click();
    await page.locator('.fault-summary:focus', { hasText: 'as it is now' }).waitFor();
    await page.locator('section button', { hasText: 'Refuse' }).waitFor({ state: 'detached' });
    await page
      .locator('table', { hasText: 'When you began' })
      .locator('tr', { hasText: 'requested' })
      .first()
      .waitFor();
    assert.equal(await page.inputValue('#reason'), 'Not needed any more.');
    await isAccessible('task-overtaken');
  });

  it('shows no steps of a state that it does not show', async () => {
    const { open, page, server, isAccessible } = stage();
    await putCheckout(server, 'slipped');
    const pulled = { resourceType: 'Parameters', parameter: [{ name: 'name', valueCode: 'pull' }] };
    // Between the page's look at the Task and its question what may be done with it.
    await page.route(
      '**/fhir/Task/slipped/$transitions',
      async route => {
        await server.request
          .post('/fhir/Task/slipped/$transition')
          .set('Content-Type', 'application/fhir+json')
          .send(pulled)
          .expect(200);
        await route.continue();
      },
      { times: 1 },
    );
    await open('today/slipped');
    await page.locator('.notice', { hasText: 'while you opened it' }).waitFor();
    await page.locator('dd', { hasText: 'Pulled from the shelf' }).waitFor();
    assert.equal(await page.locator('section button', { hasText: /^Pull/ }).count(), 0);
    await isAccessible('task-changed-meanwhile');
  });

  it('shows both versions of what is over by now, and what was typed for it', async () => {
    const { open, page, server } = stage();
    await putCheckout(server, 'gone');
    await open('today/gone');
    await page.fill('#reason', 'Nobody knows where it is.');
    await server.request
      .post('/fhir/Task/gone/$transition')
      .set('Content-Type', 'application/fhir+json')
      .send({
        resourceType: 'Parameters',
        parameter: [
          { name: 'name', valueCode: 'refuse' },
          { name: 'reason', valueString: 'Moved.' },
        ],
      })
      .expect(200);
    await page.locator('section button', { hasText: 'Pull' }).click();
    await page.locator('.fault-summary:focus', { hasText: 'as it is now' }).waitFor();
    await page.locator('table', { hasText: 'When you began' }).locator('tr', { hasText: 'Moved.' }).waitFor();
    await page.locator('section', { hasText: 'before it was over' }).getByText('Nobody knows where it is.').waitFor();
  });

  it('does what the process allows, and says what is lacking', async () => {
    const { open, page, isAccessible, server } = stage();
    await open('today/checkout');
    await page.locator('section button').first().waitFor();
    await isAccessible('task');
    await page.locator('section button', { hasText: /cancel/i }).click();
    await page.locator('.fault-summary:focus').waitFor();
    await isAccessible('task-fault');
    await page.fill('#reason', 'Asked for by mistake.');
    await page.locator('section button', { hasText: /cancel/i }).click();
    await page.locator('section button').first().waitFor({ state: 'detached' });
    const { body } = await server.request.get('/fhir/Task/checkout').expect(200);
    assert.equal((body as { status: string }).status, 'cancelled');
  });

  it('says that a task is not there', async () => {
    const { open, page, isAccessible } = stage();
    await open('today/nothing');
    await page.locator('.fault-summary').waitFor();
    await isAccessible('task-absent');
  });

  it('looks for anomalies of a day when it is asked to', async () => {
    const { open, page, titled, isAccessible } = stage();
    await open('privacy');
    await titled('Privacy');
    await page.locator('.empty').first().waitFor();
    await isAccessible('privacy-empty');
    await page.locator('form button').click();
    await page
      .getByText(/anomal(?:y was|ies were) found/)
      .first()
      .waitFor();
    await isAccessible('privacy');
  });

  it('shows jobs, parameters, subscriptions and the server', async () => {
    const { open, page, titled, isAccessible, server } = stage();
    for (const part of ['', '/search-parameters', '/subscriptions', '/server']) {
      await open(`administration${part}`);
      await titled('Administration');
      await page.locator('.loading').first().waitFor({ state: 'detached' });
      assert.equal(await page.locator('.fault-summary').count(), 0);
      await isAccessible(`administration${part.replace('/', '-')}`);
    }
    const own = {
      ...{
        resourceType: 'SearchParameter',
        id: 'eye',
        url: 'http://example.org/eye',
        name: 'Eye',
        status: 'active',
        description: 'Eyes',
      },
      ...{ code: 'eye', base: ['Patient'], type: 'string', expression: 'Patient.name.text' },
    };
    await server.request
      .put('/fhir/SearchParameter/eye')
      .set('Content-Type', 'application/fhir+json')
      .send(own)
      .expect(201);
    await open('administration/search-parameters');
    await page.getByText('Patient.name.text', { exact: true }).waitFor();
  });

  if (FULL)
    it('has a person corrected by keyboard alone', async () => {
      const { open, page, server } = stage();
      await open('patients/demo-ada-lindqvist/edit');
      await page.locator('#email').waitFor();
      await tabTo(page, 'email');
      await page.keyboard.press('Control+A');
      await page.keyboard.type('by.keyboard@example.org');
      await tabTo(page, 'Check what changes');
      await page.keyboard.press('Enter');
      await page.locator('table').getByText('by.keyboard@example.org').waitFor();
      await tabTo(page, 'Save');
      await page.keyboard.press('Enter');
      await page.locator('.patient-banner').waitFor();
      const { body } = await server.request.get('/fhir/Patient/demo-ada-lindqvist').expect(200);
      assert.match(JSON.stringify(body), /by\.keyboard@example\.org/);
    });

  it('breaks no rule of the policy, and leaves its audit events', () => endsWell(stage()));
});
