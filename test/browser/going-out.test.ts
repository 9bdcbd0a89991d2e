/** The release desk: records go out, from their choice to what became of their delivery, with what is refused on the way. */
import assert from 'node:assert/strict';
import { it } from 'mocha';
import { type ConsoleWay, endsWell, inConsoleWays, onConsole } from '../support/console.js';
import { sameTree } from '../support/golden-tree.js';
import { plainPdf } from '../support/plain-pdf.js';
import { releaseDesk } from '../support/release-desk.js';

const story = (ground: ConsoleWay): void => {
  const stage = onConsole({ ...ground, demo: false });
  const { post, lead, accepted, taskOf, at, press, sure, faultAt } = releaseDesk(stage);
  /** The request whose records go out. */
  let going = '';

  it('chooses what goes out, saying in numbers what that is', async () => {
    const { open, page, server, isAccessible } = stage();
    const entry = [
      {
        ...{ resourceType: 'Patient', id: 'going', name: [{ family: 'Going' }], birthDate: '1958-03-14' },
        identifier: [{ system: 'urn:mrn', value: 'M-44' }],
      },
      {
        ...{ resourceType: 'DocumentReference', id: 'paper', status: 'current' },
        content: [{ attachment: { contentType: 'text/plain', data: btoa('A request on paper') } }],
      },
      ...['Visit of May', 'Patient: Somebody Else'].map((text, n) => ({
        ...{ resourceType: 'DocumentReference', id: `going-${n}`, status: 'current', docStatus: 'final' },
        ...{ subject: { reference: 'Patient/going' }, description: `Paper ${n}`, date: '2024-05-01T10:00:00Z' },
        content: [{ attachment: { contentType: 'text/plain', data: btoa(text) } }],
      })),
    ].map(resource => ({ resource, request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` } }));
    await server.request.post('/fhir').send({ resourceType: 'Bundle', type: 'transaction', entry }).expect(200);
    going = await accepted('going', { name: 'evidence', valueReference: { reference: 'DocumentReference/paper' } });
    await open(`release/${going}`);
    await at('Records');
    assert.equal(await page.getByRole('button', { name: 'Choose these documents' }).count(), 0);
    await press('Show what would go out');
    await page.locator('caption', { hasText: '2 would go out, 0 would not' }).waitFor();
    await press('Choose these documents');
    await page.getByRole('alertdialog').getByText('2 documents are chosen').waitFor();
    await isAccessible('release-choose');
    await sure('Choose these documents');
    await at('Second look');
    await page.locator('.notice', { hasText: 'Somebody else than you looks at each document now' }).waitFor();
  });

  it('has each document looked at, by two identifiers that stand in it, and asks about what names somebody else', async () => {
    const { page, open, handOver, isAccessible } = stage();
    await press('Confirm this document');
    await faultAt('confirm-identifier');
    await isAccessible('release-confirm-fault');
    if (ground.isSignedIn) {
      await page.selectOption('#confirm-document', 'going-0');
      await page.fill('#confirm-identifier', 'M-44');
      await page.fill('#confirm-birth-date', '1958-03-14');
      await press('Confirm this document');
      await page.locator('.fault-summary:focus', { hasText: 'Somebody else' }).waitFor();
    }
    await handOver();
    await open(`release/${going}`);
    await at('Second look');
    await page.selectOption('#confirm-document', 'going-0');
    await page.fill('#confirm-identifier', 'M-44');
    await press('Confirm this document');
    await faultAt('confirm-birth-date');
    await page.fill('#confirm-birth-date', '1990-01-01');
    await press('Confirm this document');
    await faultAt('confirm-identifier', /not what the patient has: birth-date/);
    assert.equal(await page.locator('#confirm-answer').count(), 0);
    await page.fill('#confirm-birth-date', '1958-03-14');
    await press('Confirm this document');
    await page.getByText('Paper 0: confirmed. The server has read its text, too.').first().waitFor();
    await page.locator('tr', { hasText: 'Paper 0' }).getByText('Confirmed').waitFor();
    assert.equal(await page.inputValue('#confirm-document'), 'going-1');
    assert.equal(await page.inputValue('#confirm-identifier'), '');
    assert.equal(await page.getByRole('button', { name: 'Make the package' }).count(), 0);
    await page.fill('#confirm-identifier', 'M-44');
    await page.fill('#confirm-birth-date', '1958-03-14');
    await press('Confirm this document');
    await faultAt('confirm-answer', 'other-name');
    await isAccessible('release-confirm-answer');
    await page.fill('#confirm-answer', 'It quotes a letter.');
    await press('Confirm this document');
    await page.getByText('Each document is confirmed.').waitFor();
  });

  it('makes the package, says how far it is, and leads to it', async () => {
    const { page, isAccessible } = stage();
    await page.fill('#package-passphrase', 'short');
    await press('Make the package');
    await faultAt('package-passphrase', '12 to 100 characters');
    await page.fill('#package-passphrase', '');
    await press('Make the package');
    await page
      .getByText(/^The package is made · .* · \d+ pages?$/)
      .first()
      .waitFor();
    await at('Package');
    const link = page.getByRole('link', { name: 'Open the package' });
    assert.match((await link.getAttribute('href'))!, /chart\/going\/document\//);
    await isAccessible('release-package');
    await stage().open(`release/${going}`);
    await link.waitFor();
    await page.getByRole('button', { name: 'Deny' }).waitFor();
    await page.getByText('No letter was written yet.').waitFor();
    await sameTree(page.locator('main'), 'release-ready');
  });

  it('releases by a second identifier alone, saying in numbers what leaves', async () => {
    const { page, isAccessible } = stage();
    await press('Release the records');
    await faultAt('release-second');
    await page.fill('#release-second', '1990-01-01');
    await press('Release the records');
    await faultAt('release-second', 'neither the birth date nor a number');
    await isAccessible('release-release-fault');
    await page.fill('#release-second', 'm-44');
    await press('Release the records');
    await page
      .getByRole('alertdialog')
      .getByText(
        '2 documents go out in 1 package: of 0 pages something is withheld. For: Ada <b>Lindqvist</b> (pickup)',
      )
      .waitFor();
    assert.equal(await taskOf(going), 'ready');
    await isAccessible('release-release');
    await sure('Release the records');
    await at('Released');
    assert.equal(await taskOf(going), 'released');
  });

  it('delivers by hand, by a link that is shown once, and by a QR code', async () => {
    const { page, isAccessible } = stage();
    await press('Deliver the package');
    await faultAt('deliver-taken-by');
    await faultAt('deliver-identity-document');
    await isAccessible('release-deliver-fault');
    await page.fill('#deliver-taken-by', 'Ada Lindqvist');
    await page.fill('#deliver-identity-document', 'passport');
    await press('Deliver the package');
    await page.locator('caption', { hasText: '1 delivery' }).waitFor();
    await page.selectOption('#deliver-method', 'link');
    await page.fill('#deliver-passcode', 'short');
    await press('Deliver the package');
    await faultAt('deliver-passcode');
    await page.fill('#deliver-passcode', 'spelt on the phone');
    await press('Deliver the package');
    const told = page.getByRole('region', { name: 'The link' });
    await told.getByText(/\/released-records#\S{20,}/).waitFor();
    await told.getByText('spelt on the phone').waitFor();
    await isAccessible('release-link');
    await told.getByRole('button').click();
    assert.equal(await page.getByText('spelt on the phone').count(), 0);
    await page.selectOption('#deliver-method', 'health-link');
    await press('Deliver the package');
    await told.getByText(/^shlink:\//).waitFor();
    const drawn = told.getByRole('img', { name: 'The same link as a QR code' });
    await drawn.waitFor();
    await stage().until(`document.querySelector('main img').naturalWidth > 0`);
    await page.locator('caption', { hasText: '3 deliveries' }).waitFor();
    await isAccessible('release-qr');
    // What the server sends itself: where it is not configured for that, it says so at the way.
    for (const [way, field, text] of [
      ['ehr', 'deliver-receiver', 'county-hospital'],
      ['email', 'deliver-to', 'ada@example.org'],
    ] as const) {
      await page.selectOption('#deliver-method', way);
      await press('Deliver the package');
      await faultAt(field);
      await page.fill(`#${field}`, text);
      if (way === 'email') await page.fill('#deliver-passcode', 'spelt on the phone');
      await press('Deliver the package');
      await faultAt('deliver-method', 'method is one of');
    }
    const answer = {
      resourceType: 'Parameters',
      parameter: [{ name: 'expires', valueInstant: '2030-01-01T00:00:00Z' }],
    };
    await page.route(
      /\$deliver$/,
      route => route.fulfill({ contentType: 'application/fhir+json', body: JSON.stringify(answer) }),
      { times: 1 },
    );
    await press('Deliver the package');
    await page
      .getByRole('region', { name: 'The passcode of the link that is mailed' })
      .getByText('spelt on the phone')
      .waitFor();
    await isAccessible('release-mailed');
  });

  it('tells what became of a delivery, with a reason, and in numbers what that does', async () => {
    const { page, isAccessible } = stage();
    const row = (way: string) => page.locator('tr', { hasText: way });
    await row('By a link').getByRole('button').click();
    await page.selectOption('#outcome-outcome', 'revoked');
    await page.getByText('1 link gives nothing any more.').waitFor();
    await page.click('dialog >> text=Record it');
    await faultAt('outcome-reason');
    await isAccessible('release-outcome-fault');
    await page.fill('#outcome-reason', 'Sent to a wrong address.');
    await page.click('dialog >> text=Record it');
    await row('By a link').getByText('The link was revoked.').waitFor();
    await row('By hand').getByRole('button').click();
    await page.selectOption('#outcome-outcome', 'wrong-recipient');
    await page.fill('#outcome-reason', 'Another Ada.');
    await page.click('dialog >> text=Record it');
    await faultAt('outcome-received-by');
    await page.fill('#outcome-received-by', 'Ada Other');
    await page.click('dialog >> text=Record it');
    await page.getByText('1 privacy incident has begun.').waitFor();
    await at('Records');
    await isAccessible('release-incident');
    assert.equal(await taskOf(going), 'searching');
    assert.equal(await row('By hand').getByRole('button').count(), 0);
    await row('SMART Health Link').getByText('revoke the link, so that it is sure').waitFor();
    // A wrong recipient is often known late: of a link that was revoked, of a request that is worked on again.
    await row('By a link').getByRole('button').click();
    assert.deepEqual(await page.locator('#outcome-outcome option').allInnerTexts(), ['It reached somebody else.']);
    await page.keyboard.press('Escape');
  });

  it('shows both versions to whoever is overtaken while choosing, writing a letter or charging', async () => {
    const { page } = stage();
    const both = async (changed: string): Promise<void> => {
      await page.locator('.fault-summary:focus', { hasText: 'Somebody else has changed this' }).waitFor();
      await page.locator('table', { hasText: 'When you began' }).locator('tr', { hasText: changed }).first().waitFor();
    };
    // What two people do at one moment, as the server answers the second one.
    const overtaken = async (operation: string, note: string): Promise<void> => {
      await post(`Task/${going}/$transition`, [
        { name: 'name', valueCode: 'note' },
        { name: 'note', valueString: note },
      ]);
      const issue = [{ severity: 'error', code: 'conflict', details: { text: 'Changed meanwhile.' } }];
      await page.route(
        new RegExp(`\\$${operation}$`),
        route =>
          route.fulfill({
            status: 412,
            contentType: 'application/fhir+json',
            body: JSON.stringify({ resourceType: 'OperationOutcome', issue }),
          }),
        { times: 1 },
      );
    };
    await overtaken('letter', 'First note.');
    await page.fill('#letter-remark', 'Still here.');
    await press('Write a letter');
    await both('First note.');
    assert.equal(await page.inputValue('#letter-remark'), 'Still here.');
    await overtaken('estimate-fee', 'Second note.');
    await page.fill('#fee-pages', '42');
    await press('Estimate the fee');
    await both('Second note.');
    await press('Estimate the fee');
    await page.locator('caption', { hasText: /To be paid/ }).waitFor();
    assert.equal(await page.locator('table', { hasText: 'When you began' }).count(), 0);
    await press('Show what would go out');
    await page.locator('caption', { hasText: '2 would go out' }).waitFor();
    await lead(going, 'withdraw', 'Not needed any more.');
    await press('Choose these documents');
    await sure('Choose these documents');
    await both('withdrawn');
  });

  it('withholds what is marked on pages, by mouse and by keyboard, and whole pages of what is no PDF', async () => {
    const { open, page, server, isAccessible } = stage();
    const content = (contentType: string, data: Buffer) => [
      { attachment: { contentType, data: data.toString('base64') } },
    ];
    const entry = [
      { resourceType: 'Patient', id: 'marked', name: [{ family: 'Marked' }], birthDate: '1958-03-14' },
      ...[
        ['scan', content('application/pdf', plainPdf(['Secret of somebody', 'Second page']))] as const,
        ['note', content('text/plain', Buffer.from('A note'))] as const,
      ].map(([id, its]) => ({
        ...{ resourceType: 'DocumentReference', id: `marked-${id}`, status: 'current', docStatus: 'final' },
        ...{ subject: { reference: 'Patient/marked' }, description: id, date: '2024-05-01T10:00:00Z', content: its },
      })),
    ].map(resource => ({ resource, request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` } }));
    await server.request.post('/fhir').send({ resourceType: 'Bundle', type: 'transaction', entry }).expect(200);
    const id = await accepted('marked', { name: 'evidence', valueReference: { reference: 'DocumentReference/paper' } });
    await open(`release/${id}`);
    await press('Show what would go out');
    await page.getByRole('button', { name: 'Withhold parts: scan' }).click();
    const drawn = page.locator('.marks');
    await drawn.waitFor();
    await drawn.scrollIntoViewIfNeeded();
    const { x, y, width, height } = (await drawn.boundingBox())!;
    await page.mouse.move(x + width * 0.1, y + height * 0.08);
    await page.mouse.down();
    await page.mouse.move(x + width * 0.3, y + height * 0.1);
    await page.mouse.move(x + width * 0.6, y + height * 0.13);
    await page.mouse.up();
    await page.locator('caption', { hasText: '1 mark' }).waitFor();
    const button = (name: string) => page.getByRole('button', { name, exact: true });
    await button('Next page').focus();
    await page.keyboard.press('Enter');
    await button('Add a mark').focus();
    await page.keyboard.press('Enter');
    await stage().until(`document.activeElement.className === 'mark'`);
    await page.keyboard.press('Delete');
    await page.locator('caption', { hasText: '1 mark' }).waitFor();
    await button('Add a mark').focus();
    await page.keyboard.press('Enter');
    await stage().until(`document.activeElement.className === 'mark'`);
    for (const key of ['ArrowLeft', 'ArrowUp', 'Shift+ArrowRight', 'Shift+ArrowDown']) await page.keyboard.press(key);
    await page.locator('tr', { hasText: '40.5 % × 5.5 %, from 29.5 % of the left and 44.5 % of the top' }).waitFor();
    await isAccessible('release-marks');
    await press('Done with this document');
    await stage().until(`document.activeElement.id === 'marks-marked-scan'`);
    await page.getByRole('button', { name: 'Withhold parts: note' }).click();
    await press('Withhold the whole page');
    await faultAt('mark-page');
    await page.fill('#mark-page', '7');
    await page.keyboard.press('Enter');
    await page.locator('tr', { hasText: 'The whole page' }).waitFor();
    await press('Choose these documents');
    await page.getByRole('alertdialog').getByText('Of 3 pages something is withheld.').waitFor();
    await sure('Choose these documents');
    await faultAt('marks-marked-note', 'It has 1 pages.');
    await page.getByRole('button', { name: 'Remove: page 7' }).click();
    await page.fill('#mark-page', '1');
    await page.keyboard.press('Enter');
    await press('Choose these documents');
    await sure('Choose these documents');
    await at('Second look');
    const { body } = await server.request.get(`/fhir/Task/${id}`).expect(200);
    const marks = [...JSON.stringify(body).matchAll(/"url":"area","valueString":"([^"]+)"/g)].flatMap(([, text = '']) =>
      text.split(' ').map(Number),
    );
    const meant = [0.1, 0.08, 0.5, 0.05, 0.295, 0.445, 0.405, 0.055];
    assert.equal(marks.length, meant.length);
    for (const [n, each] of meant.entries()) assert.ok(Math.abs(marks[n]! - each) < 0.005, String(marks));
    assert.match(JSON.stringify(body), /"url":"whole","valueBoolean":true/);
    // Whoever chooses anew begins with the same marks.
    await open(`release/${id}`);
    await press('Show what would go out');
    await page.locator('tr', { hasText: '2 marks on its pages' }).waitFor();
    await press('Choose these documents');
    await page.getByRole('alertdialog').getByText('Of 3 pages something is withheld.').waitFor();
    // A colleague withholds more meanwhile: it is kept, and whoever did not see it is told.
    const whole = [1, 2].map(n => ({
      name: 'redact',
      part: [
        { name: 'document', valueReference: { reference: 'DocumentReference/marked-scan' } },
        { name: 'page', valuePositiveInt: n },
      ],
    }));
    await post(`Task/${id}/$release-select`, whole);
    const versionOf = async (): Promise<string> =>
      (await server.request.get(`/fhir/Task/${id}`).expect(200)).body.meta.versionId;
    const theirs = await versionOf();
    await sure('Choose these documents');
    await page.locator('.fault-summary:focus', { hasText: 'Somebody else has changed this' }).waitFor();
    await page.locator('table', { hasText: 'When you began' }).waitFor();
    assert.equal(await versionOf(), theirs);
    await page.getByRole('button', { name: 'Withhold parts: scan' }).click();
    await page.locator('tr', { hasText: 'The whole page' }).nth(1).waitFor();
    await press('Done with this document');
    // Other bytes, somewhere else on the page: marks of the former ones are put on none of them.
    const other = content('application/pdf', plainPdf(['Other words', 'Secret of somebody']));
    const scan = entry.find(({ resource }) => resource.id === 'marked-scan')!.resource;
    await server.request
      .put('/fhir/DocumentReference/marked-scan')
      .send({ ...scan, content: other })
      .expect(200);
    await press('Choose these documents');
    await sure('Choose these documents');
    await faultAt('marks-marked-scan', 'draw its marks anew');
    await page.getByRole('button', { name: 'Withhold parts: scan' }).click();
    await page.getByText('This document is another one since these marks were drawn').waitFor();
    assert.equal(await drawn.count(), 0);
    await isAccessible('release-marks-before');
    await press('Draw the marks anew');
    await drawn.waitFor();
    await page.getByText('Nothing of it is withheld.').waitFor();
    await button('Withhold the whole page').click();
    await press('Choose these documents');
    await sure('Choose these documents');
    await page.getByRole('alertdialog').waitFor({ state: 'detached' });
    await stage().until(`!document.querySelector('.fault-summary')`);
    assert.notEqual(await versionOf(), theirs);
  });

  it('breaks no rule of the policy, and leaves its audit events', () => endsWell(stage()));
};

inConsoleWays('records that go out from the console', story);
