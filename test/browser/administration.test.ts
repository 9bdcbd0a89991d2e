/** Administration in the console: each part empty, full and with an error, and what an administrator does there. */
import assert from 'node:assert/strict';
import { it } from 'mocha';
import { endsWell, inConsoleWays, onConsole, tabTo } from '../support/console.js';
import { fullIt } from '../support/depth.js';

const GUIDE = {
  ...{ resourceType: 'ImplementationGuide', id: 'house', url: 'http://example.org/house', version: '1.2.0' },
  ...{ name: 'House', title: 'Rules of the house', status: 'active', packageId: 'example.house' },
  fhirVersion: ['4.0.1'],
};
const PROFILE = {
  ...{ resourceType: 'StructureDefinition', id: 'housed', url: 'http://example.org/housed', name: 'Housed' },
  ...{ status: 'active', kind: 'resource', abstract: false, type: 'Patient', derivation: 'constraint' },
  ...{ fhirVersion: '4.0.1', baseDefinition: 'http://hl7.org/fhir/StructureDefinition/Patient' },
  differential: { element: [{ id: 'Patient.birthDate', path: 'Patient.birthDate', min: 1 }] },
};

inConsoleWays('the console: administration', way => {
  const stage = onConsole(way);

  it('adds a search parameter, finds by it, and takes it out of force (story)', async () => {
    const { open, page, isAccessible, server } = stage();
    await open('administration/search-parameters');
    await page.locator('.empty').waitFor();
    await isAccessible('administration-search-parameters-empty');
    await page.click('text=Add it');
    await page.locator('.fault-summary:focus').waitFor();
    await page.locator('.fault-summary').getByText('Enter the code by which it is searched').waitFor();
    await page.fill('#code', 'nick');
    await page.fill('#base', 'Patient');
    await page.fill('#expression', 'Patient.name.where(');
    await page.fill('#description', 'By what somebody is called among friends');
    await page.click('text=Add it');
    await page.locator('#expression[aria-invalid=true]').waitFor();
    await isAccessible('administration-search-parameters-fault');
    await page.fill('#expression', "Patient.name.where(use = 'nickname').given");
    await page.click('text=Add it');
    await page.locator('tbody').getByText('nick', { exact: true }).first().waitFor();
    await isAccessible('administration-search-parameters-full');
    const person = { resourceType: 'Patient', name: [{ use: 'nickname', given: ['Zazie'] }] };
    await server.request.post('/fhir/Patient').set('Content-Type', 'application/fhir+json').send(person).expect(201);
    const { body } = await server.request.get('/fhir/Patient?nick=zazie').expect(200);
    assert.match(JSON.stringify(body), /Zazie/);
    await page.click('text=Take out of force');
    const asked = page.getByRole('alertdialog');
    await asked.getByText(/\d+ resources? (?:is|are) indexed by nick now/).waitFor();
    await isAccessible('administration-search-parameters-sure');
    await asked.getByRole('button', { name: 'Yes, do it' }).click();
    await page.locator('.tag', { hasText: 'retired' }).waitFor();
    await server.request.get('/fhir/Patient?nick=zazie').expect(400);
  });

  fullIt('indexes everything anew when it is asked to', async () => {
    const { open, page, asked } = stage();
    await open('administration/search-parameters');
    await page.getByRole('button', { name: 'Index everything anew' }).click();
    await page.getByText('Everything is indexed anew').waitFor({ state: 'attached' });
    assert.ok(asked.some(({ method, url }) => method === 'POST' && url === '/fhir/$reindex'));
  });

  fullIt('loads the definitions of a guide from a file, and tells what was refused (story)', async () => {
    const { open, page, isAccessible, server } = stage();
    await open('administration/guides');
    await page.locator('.empty').waitFor();
    await isAccessible('administration-guides-empty');
    await open('administration/load');
    await page.click('text=Load it');
    await page.locator('.fault-summary:focus').getByText('Choose one file').waitFor();
    await isAccessible('administration-load-fault');
    const lines = [GUIDE, PROFILE, { resourceType: 'Patient', id: 'bad', birthDate: 'yesterday' }];
    const buffer = Buffer.from(lines.map(each => JSON.stringify(each)).join('\n'));
    await page.setInputFiles('#file', { name: 'house.ndjson', mimeType: 'application/octet-stream', buffer });
    await page.click('text=Load it');
    await page.locator('.notice', { hasText: 'house.ndjson is being loaded' }).waitFor();
    await page.locator('.notice a').click();
    const row = page.locator('tbody tr', { hasText: 'import' });
    await row.first().waitFor();
    while ((await row.getByText('What came of it').count()) === 0) {
      const answer = page.waitForResponse(/\/fhir\/\$jobs$/);
      await page.click('text=Look again');
      await answer;
    }
    await row.getByText('What came of it').click();
    await page
      .locator('section', { hasText: 'What came of the job' })
      .getByText(/line: 3/)
      .waitFor();
    await isAccessible('administration-jobs-came-of');
    await open('administration/guides');
    await page.getByText('Rules of the house').waitFor();
    await isAccessible('administration-guides');
    await server.request.get('/fhir/StructureDefinition/housed').expect(200);
  });

  it('writes a backup where the store has none of its own, by keyboard alone, and says in numbers what is removed', async () => {
    const { open, page, isAccessible } = stage();
    await open('administration/backups');
    if (way.store !== 'embedded') {
      await page.locator('.empty', { hasText: 'tools of its own' }).waitFor();
      return isAccessible('administration-backups-elsewhere');
    }
    await page.locator('#keep').waitFor();
    await tabTo(page, 'keep');
    await page.keyboard.type('none');
    await page.keyboard.press('Enter');
    await page.locator('.fault-summary:focus').waitFor();
    await isAccessible('administration-backups-fault');
    await page.fill('#keep', '2');
    await tabTo(page, 'Write a backup');
    await page.keyboard.press('Enter');
    await page.getByRole('alertdialog').getByText('the newest 2 copies stay').waitFor();
    await page.keyboard.press('Enter');
    await page.locator('.notice', { hasText: 'The backup is being written' }).waitFor();
    await isAccessible('administration-backups');
  });

  fullIt('says what is wrong where the server refuses', async () => {
    const { open, page, isAccessible } = stage();
    const outcome = {
      resourceType: 'OperationOutcome',
      issue: [{ severity: 'error', code: 'forbidden', diagnostics: 'No.' }],
    };
    for (const [part, path] of [
      ['', /\$jobs$/],
      ['/search-parameters', /\$reindex-status$/],
      ['/guides', /ImplementationGuide\/_search/],
    ] as const) {
      await page.route(
        path,
        route => route.fulfill({ status: 403, contentType: 'application/fhir+json', body: JSON.stringify(outcome) }),
        { times: 1 },
      );
      await open(`administration${part}`);
      await page.locator('.fault-summary').waitFor();
      await isAccessible(`administration${part.replace('/', '-')}-error`);
    }
  });

  it('breaks no rule of the policy, and leaves its audit events', () => endsWell(stage()));
});
