/** Registering and correcting people, their chart and their documents: what is shown, what is asked for it, and that nothing of a record runs. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { FULL, fullIt, turnAmong } from '../support/depth.js';
import { type ConsoleStage, endsWell, inConsoleWays, onConsole } from '../support/console.js';
import { sameTree } from '../support/golden-tree.js';
import { skipWithout } from '../support/shared.js';
import { GIVEN, setTwoCharts } from '../support/two-charts.js';

const ADA = 'demo-ada-lindqvist';

/** All of them at full depth, else the one whose turn it is. */
const inTurn = <T>(cases: readonly T[]): readonly T[] => (FULL ? cases : [cases[turnAmong(0, cases.length)]!]);

type Stage = () => ConsoleStage;

function peopleOf(stage: Stage): void {
  it('registers a person, once, with what was typed', async () => {
    const { open, page, titled, server, isAccessible } = stage();
    await open('patients/new');
    await titled('Register a patient');
    await isAccessible('register-empty');
    await page.click('text=Check what changes');
    await page.locator('.fault-summary:focus').waitFor();
    await isAccessible('register-fault');
    for (const [field, value] of Object.entries({
      ...{ family: 'देशपांडे', given: 'अनन्या राधा', birthDate: '1991-07-04', mrn: 'M-77', phone: '+91 20 5550 1234' },
      ...{ line: '12 Laxmi Road, Flat 3', city: 'Pune', contactName: 'R. Deshpande', contactPhone: '+91 20 5550 9999' },
    }))
      await page.fill(`#${field}`, value);
    await page.selectOption('#gender', 'female');
    await page.click('text=Check what changes');
    await page.locator('table').waitFor();
    await isAccessible('register-review');
    await page.click('main button:has-text("Register a patient")');
    await page.locator('.patient-banner').getByText('अनन्या राधा देशपांडे').waitFor();
    const { body } = await server.request.get('/fhir/Patient?identifier=M-77').expect(200);
    const [{ resource }] = (body as { entry: [{ resource: Record<string, unknown> }] }).entry;
    assert.deepEqual(resource['name'], [{ use: 'official', family: 'देशपांडे', given: ['अनन्या', 'राधा'] }]);
    assert.deepEqual(resource['address'], [{ use: 'home', line: ['12 Laxmi Road', 'Flat 3'], city: 'Pune' }]);
    assert.deepEqual(resource['contact'], [
      { name: { text: 'R. Deshpande' }, telecom: [{ system: 'phone', value: '+91 20 5550 9999' }] },
    ]);
  });

  it('finds a person by phone', async () => {
    const { open, page } = stage();
    await open('patients');
    await page.fill('#phone', '+91 20 5550 1234');
    await page.click('text=Find patients');
    await page.locator('table').getByText('देशपांडे').waitFor();
  });

  it('says that nobody was found, and what can be done', async () => {
    const { page, isAccessible } = stage();
    await page.fill('#phone', '000');
    await page.click('text=Find patients');
    await page.getByText('No patient was found.').first().waitFor();
    await isAccessible('patients-none');
  });

  fullIt('shows who corrects at the same time both versions, and loses nothing of either', async () => {
    const { open, page, server, isAccessible } = stage();
    await open(`patients/${ADA}/edit`);
    await page.fill('#city', 'Springfield');
    await page.fill('#email', 'ada@example.org');
    const { body } = await server.request.get(`/fhir/Patient/${ADA}`).expect(200);
    const { address, ...rest } = body as { address: { city: string }[] };
    const theirs = {
      ...rest,
      address: address.map((each, at) => (at === 0 ? { ...each, city: 'Shelbyville', postalCode: '11111' } : each)),
    };
    await server.request
      .put(`/fhir/Patient/${ADA}`)
      .set('Content-Type', 'application/fhir+json')
      .send(theirs)
      .expect(200);
    await page.click('text=Check what changes');
    await page.click('main button:has-text("Save")');
    await page.getByText('Somebody else has changed this person').waitFor();
    await isAccessible('edit-conflict');
    await page.click('text=Go on with this');
    await page.locator('table').getByText('Shelbyville').waitFor();
    await page.click('main button:has-text("Save")');
    await page.locator('.patient-banner').waitFor();
    const { body: now } = await server.request.get(`/fhir/Patient/${ADA}`).expect(200);
    const [kept] = (now as { address: { city: string; postalCode: string }[] }).address;
    assert.deepEqual([kept!.city, kept!.postalCode], ['Springfield', '11111']);
    assert.match(JSON.stringify(now), /ada@example\.org/);
  });

  it('shows a name as it is said to be written, and makes anew only what was changed', async () => {
    const { open, page, server } = stage();
    const address = [{ line: ['Suite 3, Door 4', 'Main Street'], city: 'Springfield' }];
    const put = (id: string, name: object) =>
      server.request
        .put(`/fhir/Patient/${id}`)
        .set('Content-Type', 'application/fhir+json')
        .send({ resourceType: 'Patient', id, name: [name], address })
        .expect(201);
    await put('text-alone', { text: '王小明' });
    await put('two-in-one', { text: 'Ann of Text', family: 'Smith', given: ['Mary Ann'] });
    const change = async (id: string, field: string): Promise<Record<string, unknown>> => {
      await open(`patients/${id}/edit`);
      await page.fill(`#${field}`, 'Other');
      await page.click('text=Check what changes');
      await page.click('main button:has-text("Save")');
      await page.locator('.patient-banner').waitFor();
      return (await server.request.get(`/fhir/Patient/${id}`).expect(200)).body as Record<string, unknown>;
    };
    await open('chart/two-in-one');
    await page.locator('.patient-banner').getByText('Ann of Text').waitFor();
    const moved = await change('text-alone', 'city');
    assert.deepEqual(moved['name'], [{ text: '王小明' }]);
    assert.deepEqual(moved['address'], [{ ...address[0], city: 'Other' }]);
    const married = await change('two-in-one', 'family');
    assert.deepEqual(married['name'], [{ family: 'Other', given: ['Mary Ann'] }]);
  });

  it('tells at its field what the server refuses', async () => {
    const { open, page, isAccessible } = stage();
    await open(`patients/${ADA}/edit`);
    await page.locator('#family').waitFor();
    await page.evaluate(`document.getElementById('birthDate').type = 'text'`);
    await page.fill('#birthDate', '14.3.1958');
    await page.click('text=Check what changes');
    await page.click('main button:has-text("Save")');
    await page.locator('.fault-summary a[href="#birthDate"]').waitFor();
    assert.match(await page.innerText('.fault-summary'), /Request \S+/);
    await isAccessible('edit-fault');
  });
}

function chartOf(stage: Stage): void {
  const PARTS = ['', 'timeline', 'results', 'documents', 'encounters', 'person', 'versions', 'who-saw'] as const;

  for (const part of inTurn(PARTS))
    it(`shows its part ${part || 'summary'} with the banner above`, async () => {
      const { open, page, isAccessible } = stage();
      await open(`chart/${ADA}${part === '' ? '' : `/${part}`}`);
      await page.locator('.patient-banner').getByText('Sulfonamide').waitFor();
      await page.locator('main h1').waitFor();
      await page.locator('.loading').first().waitFor({ state: 'detached' });
      assert.doesNotMatch(await page.title(), /Lindqvist/);
      assert.equal(await page.locator('.fault-summary').count(), 0);
      await isAccessible(`chart-${part || 'summary'}`);
    });

  it('shows the parts of a record without anything in them', async () => {
    const { open, page, server, isAccessible } = stage();
    const patient = { resourceType: 'Patient', id: 'empty', name: [{ family: 'Empty' }] };
    await server.request
      .put('/fhir/Patient/empty')
      .set('Content-Type', 'application/fhir+json')
      .send(patient)
      .expect(201);
    for (const part of FULL ? PARTS : (['', 'documents'] as const)) {
      await open(`chart/empty${part === '' ? '' : `/${part}`}`);
      await page.locator('.patient-banner').getByText('None recorded').waitFor();
      await page.locator('.loading').first().waitFor({ state: 'detached' });
      if (part === '' || part === 'documents') await isAccessible(`chart-empty-${part}`);
    }
  });

  it('says who saw a record, with what is asked in the body, an event, and the whole of it as a table', async () => {
    const { open, page, asked, isAccessible } = stage();
    await open('chart/p1/who-saw');
    await page.locator('table').waitFor();
    const own = asked.filter(({ url }) => url.includes('$who-saw'));
    assert.deepEqual(own.at(-1), { ...own.at(-1)!, method: 'POST', url: '/fhir/Patient/p1/$who-saw' });
    await page.locator('tbody button', { hasText: 'Event' }).first().click();
    await page.locator('dialog pre', { hasText: '"resourceType": "AuditEvent"' }).waitFor();
    await page.click('dialog >> text=Close');
    const saved = page.waitForEvent('download');
    await page.click('text=Table (CSV)');
    assert.equal((await saved).suggestedFilename(), 'who-saw.csv');
    await page.fill('#start', '2001-01-01');
    await page.fill('#end', '2001-01-02');
    await page.click('form >> text=Ask');
    await page.getByText('Nobody has looked at this record in this time.').waitFor();
    assert.match(asked.at(-1)!.body!, /"valueDateTime":"2001-01-02"/);
    await isAccessible('chart-who-saw-nobody');
  });

  it('shows a resource with its digits', async () => {
    const { open, page } = stage();
    await open('chart/p1/resource/Observation/digits');
    await page.locator('main pre', { hasText: '"value": 1.00' }).waitFor();
  });

  fullIt('says what was made again after a deletion, and how much of what changed is not shown', async () => {
    const { open, page } = stage();
    await open('chart/again/versions');
    await page.locator('section', { hasText: 'Version 4' }).getByText('Made again after it was deleted').waitFor();
    const second = page.locator('section', { hasText: 'Version 2' });
    assert.equal(await second.locator('tbody tr').count(), 200);
    await second.getByText(`${GIVEN - 200} more elements, which are not shown`).waitFor();
    assert.equal(await page.getByText('Nothing but its version').count(), 0);
  });

  fullIt('keeps in sight what was found where more of it cannot be had', async () => {
    const { open, page, isAccessible } = stage();
    const broken = (url: URL): boolean => url.pathname.startsWith('/fhir') && url.search !== '';
    await open('chart/p1');
    const rows = page.locator('table', { hasText: 'Refuted latex' }).locator('tbody tr');
    await rows.nth(14).waitFor();
    await page.route(broken, route => route.fulfill({ status: 500, json: {} }));
    await page.locator('button', { hasText: 'Show more' }).first().click();
    await page.locator('.fault-summary').waitFor();
    assert.equal(await rows.count(), 15);
    await isAccessible('chart-more-failed');
    await page.unroute(broken);
    await page.click('text=Try again');
    await rows.nth(29).waitFor();
    assert.equal(await page.locator('.fault-summary').count(), 0);
  });

  fullIt('says of a document which size it should have', async () => {
    const { open, page } = stage();
    const told = '**/fhir/DocumentReference/three';
    await page.route(told, async route => {
      const answer = await route.fetch();
      const said = (await answer.json()) as { content: { attachment: { size?: number; hash?: string } }[] };
      for (const { attachment } of said.content) attachment.size = 1234;
      await route.fulfill({ response: answer, json: said });
    });
    await open('chart/p1/document/three');
    await page.locator('.notice.danger', { hasText: 'It should have 1,234 bytes' }).waitFor();
    await page.unroute(told);
  });

  it('says that a patient is not there, and that a resource is another one’s', async () => {
    const { open, page, isAccessible } = stage();
    await open('chart/nobody');
    await page.locator('.fault-summary').waitFor();
    await isAccessible('chart-absent');
    await open(`chart/empty/document/demo-ada-discharge-2024-03`);
    await page.getByText('belongs to another patient').waitFor();
    assert.equal(await page.getByText('Discharge summary').count(), 0);
  });

  it('leads from a result to the resource and to its versions', async () => {
    const { open, page, isAccessible } = stage();
    await open(`chart/${ADA}`);
    await page.click('text=Essential hypertension');
    await page.locator('pre').waitFor();
    await isAccessible('chart-resource');
    await page.click('text=Versions and what changed');
    await page.getByText('The first version').waitFor();
  });

  const THEIRS = ['resource/Patient/p2', 'resource/Account/of-p2', 'resource/Appointment/of-p2', 'document/nobodys'];
  for (const path of inTurn(THEIRS))
    it(`does not show ${path}, which is not this patient’s`, async () => {
      const { open, page } = stage();
      await open(`chart/p1/${path}`);
      await page.getByText('is not shown in this chart').waitFor();
      assert.doesNotMatch(await page.innerText('main'), /Secret|Title-|Bytes of/);
    });

  for (const path of inTurn(['Patient/p1', 'Account/of-both', 'Appointment/of-p1']))
    it(`shows ${path}, which is this patient’s`, async () => {
      const { open, page } = stage();
      await open(`chart/p1/resource/${path}`);
      await page.locator('main pre').waitFor();
    });

  it('offers each attachment of a document, and fetches none under the name of another server', async () => {
    const { open, page, asked, isAccessible } = stage();
    // The server takes no such address any more; a store may have one.
    await page.route('**/fhir/DocumentReference/three', async route => {
      const answer = await route.fetch();
      const said = (await answer.json()) as { content: object[] };
      said.content.push({
        attachment: { contentType: 'text/plain', url: 'https://elsewhere.example/fhir/Binary/one' },
      });
      await route.fulfill({ response: answer, json: said });
    });
    await open('chart/p1/document/three');
    await page.getByText('Bytes of one').waitFor();
    await page.selectOption('select#attachment-of-three', '1');
    await page.getByText('Bytes of two').waitFor();
    asked.length = 0;
    await page.selectOption('select#attachment-of-three', '2');
    await page.getByText('lie on another server').waitFor();
    await isAccessible('document-elsewhere');
    assert.deepEqual(asked, []);
  });

  it('says of what was refuted, or entered in error, that it was', async () => {
    const { open, page, isAccessible } = stage();
    await open('chart/p1');
    await page.locator('.patient-banner').getByText('Penicillin', { exact: true }).waitFor();
    assert.doesNotMatch(await page.innerText('.patient-banner'), /Refuted/);
    assert.match(await page.locator('tr', { hasText: 'Typed by mistake' }).innerText(), /entered-in-error/);
    assert.match(await page.locator('tr', { hasText: 'Refuted latex' }).first().innerText(), /refuted/);
    await isAccessible('chart-refuted');
  });

  fullIt('draws no value that was taken back, and shows what each is said to mean', async () => {
    const { open, page, isAccessible } = stage();
    await open('chart/p1/results');
    await page.locator('.trend').waitFor();
    assert.equal(await page.locator('.trend circle').count(), 2);
    assert.doesNotMatch(await page.innerText('.trend'), /444/);
    assert.match(await page.locator('tr', { hasText: '444' }).innerText(), /Mark entered-in-error.*entered-in-error/s);
    await isAccessible('chart-taken-back');
  });

  fullIt('asks for each thing once, and for nothing before it is opened', async () => {
    const { open, page, asked } = stage();
    asked.length = 0;
    await open(`chart/${ADA}/encounters`);
    await page.locator('table').waitFor();
    await page.locator('.patient-banner').getByText('Sulfonamide').waitFor();
    assert.deepEqual(asked.map(({ url }) => url).toSorted(), [
      '/fhir/AllergyIntolerance/_search',
      '/fhir/Encounter/_search',
      `/fhir/Patient/${ADA}`,
    ]);
  });
}

function documentsOf(stage: Stage): void {
  const shown = async (patient: string, id: string, text: RegExp | string): Promise<void> => {
    const { open, page } = stage();
    await open(`chart/${patient}/document/${id}`);
    await page.locator('main').getByText(text).first().waitFor();
  };

  it('are shown by what they are: PDF, text, C-CDA, HTML, RTF, picture', async () => {
    const { page, isAccessible } = stage();
    await shown(ADA, 'demo-ada-discharge-2024-03', 'Community-acquired pneumonia');
    await page.locator('.pdf-page canvas').first().waitFor();
    await isAccessible('document-pdf');
    await page.getByText('Agrees with the bytes').waitFor();
    await sameTree(page.locator('main'), 'document-pdf');
    await shown(ADA, 'demo-ada-ccd-2024-04', 'Cedar Street Family Practice');
    await isAccessible('document-ccda');
    await shown(ADA, 'demo-ada-note-2024-03-11-v1', 'is superseded');
    await page.getByText('Crackles LEFT base').waitFor();
    await isAccessible('document-superseded');
    await page.click('text=Open the newer document');
    await page.getByText('corrected').first().waitFor();
  });

  fullIt('are searched, turned, made larger and held against their hash', async () => {
    const { page, until } = stage();
    await shown(ADA, 'demo-ada-discharge-2024-03', 'Agrees with the bytes');
    await page.fill('#search-in', 'pneumonia');
    await page.keyboard.press('Enter');
    await page.getByText('Found on').first().waitFor();
    const width = await page.evaluate<number>(`document.querySelector('.pdf-page').clientWidth`);
    await page.click('text=Larger');
    await until(`document.querySelector('.pdf-page').clientWidth > ${String(width)}`);
    await page.click('text=Turn');
    await until(`document.querySelector('.pdf-page').clientWidth > document.querySelector('.pdf-page').clientHeight`);
  });

  fullIt('stand beside each other', async () => {
    const { page, isAccessible } = stage();
    await shown(ADA, 'demo-ada-note-2024-03-11-v1', 'Crackles LEFT base');
    await page.click('text=Show another document beside it');
    await page.locator('select#beside option').nth(2).waitFor({ state: 'attached' });
    await page.selectOption('select#beside', 'demo-ada-note-2024-03-11-v2');
    await page.locator('.beside pre').nth(1).waitFor();
    await isAccessible('documents-beside');
  });

  it('are read as they are written: RTF by its fonts and without what is hidden, text by its character set, forms', async () => {
    const { server, page, until } = stage();
    const rtf = String.raw`{\rtf1\ansi\deff0{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset204 Arial;}{\f2\fcharset128 Gothic;}}Plain \'e9 {\f1 \'cf\'f0} {\f2 \'93\'fa} \v secret \v0 shown {\pict\bin7 }}{{\'x}then\par The end.}`;
    const wide = Buffer.from('\ufeffTheir 日本 end', 'utf16le');
    const greek = Buffer.from([0xe1, 0xe2, 0xe3]);
    const form = Buffer.from('<form action="https://evil.example"><p>In a form</p><input value="x"></form>');
    for (const [id, contentType, bytes, text] of [
      ['of-fonts', 'text/rtf', Buffer.from(rtf, 'latin1'), 'Plain é Пр 日 shown then\nThe end.'],
      ['of-utf16', 'text/plain', wide, 'Their 日本 end'],
      ['of-greek', 'text/plain; charset=iso-8859-7', greek, 'αβγ'],
      ['of-form', 'text/html', form, 'In a form'],
    ] as const) {
      const subject = { reference: `Patient/${ADA}` };
      const put = (path: string, body: object) =>
        server.request.put(`/fhir/${path}`).set('Content-Type', 'application/fhir+json').send(body).expect(201);
      await put(`Binary/${id}`, { resourceType: 'Binary', id, contentType, data: bytes.toString('base64') });
      const content = [{ attachment: { contentType, url: `Binary/${id}` } }];
      await put(`DocumentReference/${id}`, {
        resourceType: 'DocumentReference',
        id,
        status: 'current',
        subject,
        content,
      });
      await stage().open(`chart/${ADA}/document/${id}`);
      await page.locator('.document').waitFor();
      await until(`document.querySelector('.document').innerText.trim() !== ''`);
      assert.equal((await page.innerText('.document')).trim(), text);
      assert.equal(await page.getByText('marks as hidden').count(), id === 'of-fonts' ? 1 : 0);
    }
  });

  fullIt('draw pages of a TIFF when they come into view', async function () {
    const bytes = readFileSync(join(skipWithout(this, 'data', 'documents'), 'scan-g4-multipage.tiff'));
    const { server, open, page } = stage();
    const put = (path: string, body: object) =>
      server.request.put(`/fhir/${path}`).set('Content-Type', 'application/fhir+json').send(body).expect(201);
    const [id, contentType] = ['of-pages', 'image/tiff'];
    await put(`Binary/${id}`, { resourceType: 'Binary', id, contentType, data: bytes.toString('base64') });
    const content = [{ attachment: { contentType, url: `Binary/${id}` } }];
    await put(`DocumentReference/${id}`, {
      ...{ resourceType: 'DocumentReference', id, status: 'current' },
      ...{ subject: { reference: `Patient/${ADA}` }, content },
    });
    await open(`chart/${ADA}/document/${id}`);
    const pages = page.locator('.sheet canvas');
    await page.locator('.sheet canvas[data-drawn=true]').first().waitFor();
    const last = pages.last();
    assert.equal(await last.getAttribute('data-drawn'), 'false');
    await last.scrollIntoViewIfNeeded();
    await page.locator('.sheet canvas:last-of-type[data-drawn=true]').waitFor();
    assert.ok(Number(await last.getAttribute('width')) > 100);
  });

  it('are shown, or refused with a sentence, whatever they hold', async function () {
    const folder = skipWithout(this, 'data', 'documents');
    const all = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as { file: string; contentType: string }[];
    const { open, page, server } = stage();
    const put = (path: string, body: object) =>
      server.request.put(`/fhir/${path}`).set('Content-Type', 'application/fhir+json').send(body);
    const came = new Map<string, string>();
    // Another window makes another picture, of the same pixels.
    const looksGrey = async (): Promise<void> => {
      const middle = () =>
        page.evaluate<number[]>(`(() => {
          const canvas = document.querySelector('.sheet canvas');
          return [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data].filter((_, at) => at % 4 === 0);
        })()`);
      await page.locator('#dicom-level').waitFor();
      await stage().until(`document.querySelector('.sheet canvas').width === 64`);
      const before = await middle();
      assert.ok(new Set(before).size > 20);
      await stage().isAccessible('document-dicom');
      await page.fill('#dicom-level', '-100000');
      await stage().until(
        `document.querySelector('.sheet canvas').getContext('2d').getImageData(0, 0, 1, 1).data[0] === 255`,
      );
      await page.getByRole('button', { name: 'As the file says' }).click();
      await stage().until(
        `document.querySelector('.sheet canvas').getContext('2d').getImageData(0, 0, 1, 1).data[0] === ${String(before[0])}`,
      );
      assert.deepEqual(await middle(), before);
    };
    for (const [at, { file, contentType }] of all.entries()) {
      if (!FULL && !/encrypted|loop|g4-multipage|dicom-mr/.test(file)) continue;
      const bytes = readFileSync(join(folder, file));
      const [id, hash] = [`payload-${at}`, createHash('sha1').update(bytes).digest('base64')];
      await put(`Binary/${id}`, { resourceType: 'Binary', id, contentType, data: bytes.toString('base64') }).expect(
        201,
      );
      await put(`DocumentReference/${id}`, {
        ...{
          resourceType: 'DocumentReference',
          id,
          status: 'current',
          subject: { reference: 'Patient/demo-walter-brandt' },
        },
        content: [{ attachment: { contentType, url: `${server.base}/Binary/${id}`, hash } }],
      }).expect(201);
      await open(`chart/demo-walter-brandt/document/${id}`);
      await page.getByText('Agrees with the bytes').waitFor();
      if (file.includes('dicom-mr')) await looksGrey();
      const end = '.sheet, .document, #pdf-password, main .notice.danger, main .empty, .fault-summary';
      await page.locator(end).first().waitFor();
      came.set(
        file,
        await page.evaluate<string>(
          `document.querySelector('${end}').className || document.querySelector('${end}').id`,
        ),
      );
    }
    const cameOf = (part: string): string | undefined => [...came].find(([file]) => file.includes(part))?.[1];
    assert.equal(cameOf('encrypted'), 'width-40');
    assert.equal(cameOf('g4-multipage'), 'sheet');
    assert.equal(cameOf('dicom-mr'), 'sheet');
    if (FULL) assert.equal(cameOf('dicom-ecg'), 'empty');
    assert.ok(came.size >= 4);
  });
}

inConsoleWays('the console: people, their charts and documents', way => {
  const stage = onConsole({ ...way, set: setTwoCharts });
  describe('people', () => peopleOf(stage));
  describe('a chart', () => chartOf(stage));
  describe('documents', () => documentsOf(stage));

  describe('in the end', () => void it('keep to the policy, and leave their events', () => endsWell(stage())));
});
