/** Intake: files come in, are indexed and looked at by a second person, with what is refused on the way. */
import assert from 'node:assert/strict';
import type { DocumentReference } from 'fhir/r4.js';
import { describe, it } from 'mocha';
import { serverMark } from '../../src/features/intake/sheets/sheet-text.js';
import { CONSOLE_STORES, endsWell, onConsole, tabTo } from '../support/console.js';
import { FULL, fullIt } from '../support/depth.js';
import { as, intakeTokens, tokenOf } from '../support/intake.js';
import { aPdf } from '../support/scans.js';
import { sheetPage, WRITTEN_PAGE } from '../support/separator-sheets.js';
import type { RunningServer, StoreName } from '../support/server.js';

/** Somebody with an encounter. */
async function setPatient({ request }: RunningServer): Promise<void> {
  const entry = [
    {
      ...{ resourceType: 'Patient', id: 'p1', name: [{ family: 'Lindqvist', given: ['Ada'] }] },
      ...{ birthDate: '1958-03-14', identifier: [{ system: 'urn:mrn', value: 'M-1' }] },
    },
    {
      ...{ resourceType: 'Encounter', id: 'e1', status: 'finished', subject: { reference: 'Patient/p1' } },
      ...{ class: { code: 'AMB' }, period: { start: '2026-01-05', end: '2026-01-06' } },
    },
    {
      ...{ resourceType: 'Encounter', id: 'e2', status: 'finished', subject: { reference: 'Patient/p1' } },
      ...{ class: { code: 'AMB' }, period: { start: '2026-02-02', end: '2026-02-03' } },
    },
  ].map(resource => ({ resource, request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` } }));
  await request.post('/fhir').set(as('root')).send({ resourceType: 'Bundle', type: 'transaction', entry }).expect(200);
}

const story = (store: StoreName) => (): void => {
  const stage = onConsole({
    store,
    demo: false,
    config: { auth: 'token', tokens: intakeTokens, intakeWait: '120' },
    set: setPatient,
  });
  const comeIn = async (who: 'ann' | 'ben', path = 'intake'): Promise<void> => {
    await stage().open(path);
    await stage().page.fill('#token', tokenOf(who));
    await stage().page.keyboard.press('Enter');
  };
  const press = (name: string): Promise<void> =>
    stage().page.locator('main').getByRole('button', { name, exact: true }).click();
  const faultAt = (field: string): Promise<void> =>
    stage().page.locator(`.fault-summary:focus a[href="#${field}"]`).first().waitFor();
  const waiting = (count: number): Promise<void> =>
    stage()
      .page.locator('caption', { hasText: new RegExp(`^${count} task`) })
      .waitFor();
  const batches = async (): Promise<number> => {
    const { body } = await stage().server.request.get('/fhir/List?_summary=count').set(as('root')).expect(200);
    return (body as { total: number }).total;
  };
  const file = (name: string, text: string) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(text) });
  const states = async (): Promise<string[]> => {
    const { body } = await stage().server.request.get('/fhir/Task?_sort=authored-on').set(as('root')).expect(200);
    const { entry } = body as { entry: { resource: { businessStatus: { coding: { code: string }[] } } }[] };
    return entry.map(({ resource }) => resource.businessStatus.coding[0]!.code).toSorted();
  };
  const fill = async (values: Readonly<Record<string, string>>): Promise<void> => {
    for (const [id, value] of Object.entries(values)) await stage().page.fill(`#${id}`, value);
  };

  it('is empty at first, and says what a batch lacks', async () => {
    const { page, titled, isAccessible } = stage();
    await comeIn('ann');
    await titled('Intake');
    await page.getByText('No scan waits.').waitFor();
    await isAccessible('intake-empty');
    await press('Take files in');
    await faultAt('source');
    await page.locator('.fault-summary a[href="#files"]').waitFor();
    await isAccessible('intake-fault');
  });

  it('takes in all files of a batch, dropped or chosen, or none, and names the one that it does not take', async () => {
    const { page, isAccessible } = stage();
    await page.fill('#source', 'scanner in room 12');
    await page.setInputFiles('#files', [
      file('one.txt', 'Progress note'),
      { name: 'run.exe', mimeType: 'application/octet-stream', buffer: Buffer.from([0x4d, 0x5a, 0, 255, 254, 0, 1]) },
    ]);
    await press('Take files in');
    await page.locator('.fault-summary:focus a[href="#files"]', { hasText: 'File 2' }).waitFor();
    assert.deepEqual(await states().catch(() => []), []);
    await page.evaluate(`(() => {
      const dropped = new DataTransfer();
      for (const name of ['one', 'two', 'three']) dropped.items.add(new File(['Note ' + name], name + '.txt', { type: 'text/plain' }));
      document.querySelector('.drop').dispatchEvent(new DragEvent('drop', { dataTransfer: dropped, bubbles: true, cancelable: true }));
    })()`);
    await page.locator('.drop li', { hasText: 'three.txt' }).waitFor();
    // The answer is lost: what is sent again comes in once.
    await page.route(
      /\$intake$/,
      async route => {
        await route.fetch();
        await route.abort();
      },
      { times: 1 },
    );
    await press('Take files in');
    await waiting(3);
    assert.equal(await batches(), 1);
    assert.equal(await page.locator('.drop li').count(), 0);
    await isAccessible('intake');
    await page.getByRole('link', { name: 'Batches' }).click();
    await page.locator('caption', { hasText: '1 batch' }).waitFor();
    await isAccessible('intake-batches');
    await page.click('tbody th a');
    await waiting(3);
    await page.click('tbody th a');
    await page.locator('h1', { hasText: 'Scan' }).waitFor();
  });

  it('indexes a scan by two things that the paper says, and names the field that is wrong', async () => {
    const { page, isAccessible } = stage();
    await page.locator('pre.document', { hasText: 'Note' }).waitFor();
    await isAccessible('intake-scan');
    await press('Give the index');
    for (const field of ['identifier', 'type', 'date', 'author', 'encounter']) await faultAt(field);
    await isAccessible('intake-scan-fault');
    const right = { identifier: 'M-1', type: '11506-3', date: '2026-01-05', author: 'Dr. Berg', encounter: 'e1' };
    await fill({ ...right, birthdate: '1990-01-01' });
    await press('Give the index');
    await faultAt('identifier');
    await fill({ birthdate: '1958-03-14', encounter: 'none' });
    await press('Give the index');
    await faultAt('encounter');
    await page.fill('#encounter', 'e1');
    await press('Give the index');
    await page.locator('.tag', { hasText: 'Waits for a second person' }).waitFor();
    await page.locator('.patient-banner', { hasText: 'Lindqvist' }).waitFor();
    await page.locator('.summary-list', { hasText: 'Dr. Berg' }).waitFor();
    assert.match(
      await page.locator('.summary-list').innerText(),
      /M-1[^]*14 Mar 1958[^]*11506-3[^]*5 Jan 2026[^]*Encounter\/e1/,
    );
    await isAccessible('intake-second');
    assert.deepEqual(await states(), ['pending-index', 'pending-index', 'pending-qc']);
  });

  it('goes to the next one by one key, and rejects with a reason of the table', async () => {
    const { page, isAccessible } = stage();
    const before = page.url();
    await stage().until(`document.activeElement.textContent === 'Next scan'`);
    await page.keyboard.press('Enter');
    await page.waitForURL(url => url.href !== before);
    await page.locator('.tag', { hasText: 'Waits to be indexed' }).waitFor();
    await press('Reject');
    await faultAt('scan-reason');
    await isAccessible('intake-reject-fault');
    await page.selectOption('#scan-reason', 'illegible');
    await press('Reject');
    await page.locator('.tag', { hasText: 'Rejected' }).waitFor();
    assert.deepEqual(await states(), ['pending-index', 'pending-qc', 'rejected']);
  });

  it('is found right by somebody else than the indexer alone', async () => {
    const { page } = stage();
    const open = async (): Promise<void> => {
      await page.locator('tr', { hasText: 'second person' }).locator('th a').click();
      await press('Find right');
    };
    await page.getByRole('link', { name: 'Waiting' }).click();
    await open();
    await page.locator('.fault-summary:focus', { hasText: 'Somebody else than the indexer' }).waitFor();
    await comeIn('ben');
    await open();
    await page.locator('.tag', { hasText: 'Final' }).waitFor();
    assert.deepEqual(await states(), ['final', 'pending-index', 'rejected']);
  });

  fullIt('shows what somebody else has indexed meanwhile, and goes on behind the fifty oldest scans', async () => {
    const { page, server } = stage();
    const files = Array.from({ length: 54 }, (_, at) => ({
      name: 'file',
      part: [{ name: 'attachment', valueAttachment: { data: btoa(`Scan ${at}`), contentType: 'text/plain' } }],
    }));
    await server.request
      .post('/fhir/DocumentReference/$intake')
      .set(as('root'))
      .send({ resourceType: 'Parameters', parameter: [{ name: 'source', valueString: 'another' }, ...files] })
      .expect(201);
    const asked = 'code=scan-quality&status:not=completed&status:not=rejected&_sort=authored-on&_count=100';
    const { body: found } = await server.request.get(`/fhir/Task?${asked}`).set(as('root')).expect(200);
    const ids = (found as { entry: { resource: { id: string } }[] }).entry.map(({ resource }) => resource.id);
    assert.equal(ids.length, 55);
    const turns = [[ids[54], ids[0]] as const, [ids[52], ids[53]] as const];
    for (const [from, to] of FULL ? turns : turns.slice(1)) {
      await comeIn('ann', `intake/scan/${from!}`);
      await press('Next scan');
      await page.waitForURL(url => url.pathname.endsWith(to!));
    }
    const id = ids[53];
    // A page of its own: what is typed just behind a step could be typed into the form of the scan before.
    await comeIn('ann', `intake/scan/${id!}`);
    const { body: task } = await server.request.get(`/fhir/Task/${id!}`).set(as('root')).expect(200);
    const { focus } = task as { focus: { reference: string } };
    const parameter = [
      { name: 'identifier', valueString: 'M-1' },
      { name: 'birthdate', valueDate: '1958-03-14' },
      { name: 'type', valueCoding: { system: 'http://loinc.org', code: '11506-3' } },
      { name: 'date', valueDateTime: '2026-01-05' },
      { name: 'author', valueReference: { display: 'Dr. Berg' } },
      { name: 'encounter', valueReference: { reference: 'Encounter/e1' } },
    ];
    await page.fill('#author', 'Dr. Nobody');
    await server.request
      .post(`/fhir/${focus.reference}/$index`)
      .set(as('ben'))
      .send({ resourceType: 'Parameters', parameter })
      .expect(200);
    await press('Give the index');
    await page.locator('.tag', { hasText: 'Waits for a second person' }).waitFor();
    await page.locator('table', { hasText: 'When you began' }).locator('tr', { hasText: 'pending-qc' }).waitFor();
    // It stays there: who presses a key would else be led on to the next scan, and never hear of it.
    await page.locator('.fault-summary:focus', { hasText: 'as it is now' }).waitFor();
  });

  fullIt('takes a file apart at its separator sheets where that is said (S4)', async () => {
    const { page, server } = stage();
    const sheet = sheetPage({ server: serverMark(server.base), patient: 'p1', pages: 1 });
    const pile = aPdf([sheet, WRITTEN_PAGE, sheet, WRITTEN_PAGE.replace('12 Tf', '13 Tf')]);
    await comeIn('ann');
    await page.fill('#source', 'scanner in room 13');
    await page.setInputFiles('#files', [
      { name: 'pile.pdf', mimeType: 'application/pdf', buffer: pile },
      file('alone.txt', 'A note alone'),
    ]);
    await page.check('#separated');
    await press('Take files in');
    await page.locator('.drop li').first().waitFor({ state: 'detached' });
    const { body } = await server.request
      .get('/fhir/DocumentReference?subject=Patient/p1&doc-status=preliminary&_sort=-_lastUpdated&_count=2')
      .set(as('root'))
      .expect(200);
    const { entry } = body as { entry: { resource: DocumentReference }[] };
    const names = new Set(entry.map(({ resource }) => resource.content[0]!.attachment.title));
    assert.deepEqual(names, new Set(['pile.pdf (1)', 'pile.pdf (2)']));
    assert.equal(await page.isChecked('#separated'), false);
  });

  it('splits and joins pages of scans, turned as they should be, and loses none (S4)', async () => {
    const { page, server, isAccessible } = stage();
    await comeIn('ann');
    await page.fill('#source', 'scanner in room 15');
    const pdf = (name: string, ...pages: string[]) => ({ name, mimeType: 'application/pdf', buffer: aPdf(pages) });
    await page.setInputFiles('#files', [
      pdf('two.pdf', WRITTEN_PAGE, WRITTEN_PAGE.replace('12 Tf', '14 Tf')),
      pdf('one.pdf', WRITTEN_PAGE.replace('12 Tf', '15 Tf')),
    ]);
    await press('Take files in');
    await page.locator('.drop li').first().waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'Batches' }).click();
    await page.locator('tbody th a').first().click();
    await waiting(2);
    await page.locator('tbody th a').first().click();
    await page.getByText('Split, join or turn its pages').click();
    await page.getByText('Others of its batch that wait:').waitFor();
    await press('Make these documents');
    await faultAt('arrange-documents');
    await page.fill('#arrange-documents', '1 to 2');
    await press('Make these documents');
    await faultAt('arrange-documents');
    await isAccessible('intake-arrange-fault');
    const shown = (await page.locator('.pdf-page').count()) === 2 ? ['A2+90, B1', '1'] : ['B2+90, 1', 'B1'];
    await page.fill('#arrange-documents', shown[0]!);
    await press('Make these documents');
    await page.locator('.fault-summary:focus', { hasText: /Page 1 of this scan is in no document/ }).waitFor();
    await page.fill('#arrange-documents', shown.join('\n'));
    await isAccessible('intake-arrange');
    await press('Make these documents');
    await page.locator('.tag', { hasText: 'Its pages are in other documents' }).waitFor();
    await stage().until(`document.activeElement.textContent === 'Next scan'`);
    const asked = 'code=scan-quality&_sort=-authored-on&_count=4';
    const { body } = await server.request.get(`/fhir/Task?${asked}`).set(as('root')).expect(200);
    const codes = (body as { entry: { resource: { businessStatus: { coding: { code: string }[] } } }[] }).entry.map(
      ({ resource }) => resource.businessStatus.coding[0]!.code,
    );
    assert.deepEqual(codes.toSorted(), ['pending-index', 'pending-index', 'rearranged', 'rearranged']);
  });

  it('tells the rates of each indexer', async () => {
    const { page, isAccessible } = stage();
    await page.getByRole('link', { name: 'Intake', exact: true }).click();
    await page.getByRole('link', { name: 'Error rates' }).click();
    await press('Show the rates');
    await page.locator('tr', { hasText: 'ann' }).locator('td', { hasText: '1' }).first().waitFor();
    await isAccessible('intake-rates');
  });

  it('is done by keyboard alone, from the files to the document that is final (S4)', async () => {
    const { page } = stage();
    const keyOn = async (name: string): Promise<void> => {
      await tabTo(page, name);
      await page.keyboard.press('Enter');
    };
    const toTheScan = async (): Promise<void> => {
      await page.locator('caption', { hasText: 'tasks' }).waitFor();
      await keyOn('Batches');
      await page.locator('caption', { hasText: 'batches' }).waitFor();
      // The youngest is the first.
      await keyOn('Batch of scans');
      await waiting(1);
      await keyOn('Quality of a scan');
      await page.locator('pre.document', { hasText: 'By keyboard' }).waitFor();
    };
    await comeIn('ann');
    await page.locator('#source').waitFor();
    await tabTo(page, 'source');
    await page.keyboard.type('scanner in room 14');
    await tabTo(page, 'files');
    const chooser = page.waitForEvent('filechooser');
    await page.keyboard.press('Space');
    await (await chooser).setFiles([file('keys.txt', 'By keyboard')]);
    await page.locator('.drop li').waitFor();
    await keyOn('Take files in');
    await page.locator('.drop li').waitFor({ state: 'detached' });
    await toTheScan();
    // A browser asks for day, month and year in an order of its own.
    const typed = { identifier: 'M-1', family: 'Lindqvist', given: 'Ada', type: '11506-3', date: '02022026' };
    for (const [id, value] of Object.entries({ ...typed, author: 'Dr. Berg', encounter: 'e2' })) {
      await tabTo(page, id);
      await page.keyboard.type(value);
    }
    await keyOn('Give the index');
    await page.locator('.tag', { hasText: 'Waits for a second person' }).waitFor();
    await comeIn('ben');
    await toTheScan();
    await page.getByRole('button', { name: 'Find right' }).waitFor();
    await keyOn('Find right');
    await page.locator('.tag', { hasText: 'Final' }).waitFor();
  });

  it('breaks no rule of the policy, and leaves its audit events', () => endsWell(stage(), as('root')));
};

for (const store of CONSOLE_STORES) describe(`the intake of the console (${store})`, story(store));
