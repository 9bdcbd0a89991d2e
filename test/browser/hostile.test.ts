/** What hostile records hold is shown as the text that it is: nothing runs, nothing is fetched, nothing breaks the page. And every request leaves its audit event. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { allRecorded, onConsole } from '../support/console.js';
import { FULL, turnAmong } from '../support/depth.js';
import { PAYLOADS } from '../support/markup-attacks.js';
import { greyDicom, jpegDicom } from '../support/small-dicom.js';

const HOSTILE = PAYLOADS.map(each => each.replaceAll('RUN', `tellTrouble('ran')`));
const SVG = `<svg xmlns="http://www.w3.org/2000/svg" width="90" height="90" onload="tellTrouble('ran')"><script>parent.tellTrouble('ran')</script><rect width="90" height="90"/></svg>`;
const LONG = 'W'.repeat(3000);

describe('the console: hostile records', () => {
  const subject = { reference: 'Patient/hostile' };
  const documents = [
    [
      'html',
      'text/html',
      `<html><head><base href="https://evil.example/"><style>*{display:none}</style></head><body>${HOSTILE.join('')}<p>The end.</p></body></html>`,
    ],
    ['text', 'text/plain', `${HOSTILE.join('\n')}\nThe end.`],
    [
      'rtf',
      'text/rtf',
      `{\\rtf1\\ansi\\ansicpg1251 {\\*\\generator x;}\\constructor\\hasOwnProperty \\'cf\\'f0\\'e8\\par ${HOSTILE[0]!.replaceAll(/[{}]/g, '')}\\par The end.}`,
    ],
    ['svg', 'image/svg+xml', SVG],
  ] as const;
  // Frame header alone, of 65535 × 65535 pixels.
  const huge = Buffer.from('ffd8ffc0000b08ffffffff01011100ffd9', 'hex');
  const pictures = [
    // Twelve bits at the upper end of their word; what stands below them is something else.
    ['high', greyDicom({ stored: 12, highBit: 15, values: [0x000f, 0x800f, 0xfff0] })],
    ['usual', greyDicom({ stored: 12, highBit: 11, values: [0xf000, 0x0800, 0x0fff] })],
    ['astray', greyDicom({ stored: 12, highBit: 3, values: [0, 1, 2] })],
    ['huge', jpegDicom(huge)],
    ['small', jpegDicom(Buffer.from(huge.toString('hex').replace('ffffffff', '00010001'), 'hex'))],
  ] as const;
  const files = [
    ...documents.map(([id, contentType, text]) => [id, contentType, Buffer.from(text)] as const),
    ...pictures.map(([id, bytes]) => [id, 'application/dicom', bytes] as const),
  ];
  const stage = onConsole({
    demo: false,
    async set({ request, base }) {
      const entry: object[] = [];
      const put = (url: string, resource: object): void =>
        void entry.push({ resource, request: { method: 'PUT', url } });
      put('Patient/hostile', {
        ...{ resourceType: 'Patient', id: 'hostile', birthDate: '1958-03-14' },
        name: [
          { use: 'official', family: HOSTILE[0], given: [LONG, '\u202etxet desrever'] },
          ...HOSTILE.map(family => ({ use: 'nickname', family })),
        ],
        identifier: HOSTILE.map(value => ({ system: 'urn:x', value, type: { text: value } })),
        address: HOSTILE.map(text => ({ text, line: [text] })),
        contact: HOSTILE.map(text => ({ name: { text } })),
      });
      for (const [at, text] of HOSTILE.entries())
        put(`Condition/c${at}`, { resourceType: 'Condition', id: `c${at}`, subject, code: { text } });
      const active = {
        coding: [{ system: 'http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical', code: 'active' }],
      };
      put('AllergyIntolerance/a', {
        clinicalStatus: active,
        resourceType: 'AllergyIntolerance',
        id: 'a',
        patient: subject,
        code: { text: HOSTILE.join(' ') },
      });
      for (const [id, contentType, bytes] of files) {
        put(`Binary/${id}`, {
          resourceType: 'Binary',
          id,
          contentType,
          data: bytes.toString('base64'),
        });
        put(`DocumentReference/${id}`, {
          ...{ resourceType: 'DocumentReference', id, status: 'current', subject, description: HOSTILE.join('') },
          content: [{ attachment: { contentType, url: `${base}/Binary/${id}`, title: `../../${HOSTILE[2]!}.exe` } }],
        });
      }
      put('Task/t', {
        ...{
          resourceType: 'Task',
          id: 't',
          status: 'requested',
          intent: 'order',
          description: HOSTILE.join(''),
          code: { text: HOSTILE[1] },
        },
        ...{ for: subject, note: HOSTILE.map(text => ({ text })) },
      });
      await request.post('/fhir').send({ resourceType: 'Bundle', type: 'transaction', entry }).expect(200);
    },
  });

  const PAGES = ['', '/person', '/documents', '/timeline', '/versions', '/resource/Condition/c0'];
  for (const path of FULL ? PAGES : ['', PAGES[1 + turnAmong(0, PAGES.length - 1)]!])
    it(`are texts on chart${path}`, async () => {
      const { open, page, trouble, until } = stage();
      await open(`chart/hostile${path}`);
      await page.locator('.patient-banner').waitFor();
      await page.locator('.loading').first().waitFor({ state: 'detached' });
      await until(`document.querySelector('.patient-banner').textContent.includes('onerror')`);
      assert.equal(
        await page.evaluate(
          `document.querySelectorAll('#console :is(iframe, object, embed, video, svg image, math, script)').length`,
        ),
        0,
      );
      assert.ok(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), 'wider than the window');
      assert.deepEqual(trouble, []);
    });

  for (const [id, , text] of documents.filter((_, at) => FULL || at % 2 === turnAmong(0, 2)))
    it(`are texts in a document of ${id}`, async () => {
      const { open, page, trouble } = stage();
      await open(`chart/hostile/document/${id}`);
      await page.locator('.document, .sheet img').first().waitFor();
      if (text.includes('The end.')) await page.getByText('The end.').waitFor();
      if (id === 'rtf') assert.match(await page.innerText('.document'), /^При/);
      await page.getByText('Agrees with the bytes').waitFor();
      assert.deepEqual(trouble, []);
    });

  it('are pixels of a DICOM file as it lays them out, and no more of them than a window bears', async () => {
    const { open, page, until } = stage();
    const greys = () =>
      page.evaluate<number[]>(`(() => {
        const canvas = document.querySelector('.sheet canvas');
        return [...canvas.getContext('2d').getImageData(0, 0, 3, 1).data].filter((_, at) => at % 4 === 0);
      })()`);
    for (const id of ['high', 'usual']) {
      await open(`chart/hostile/document/${id}`);
      await page.locator('#dicom-level').waitFor();
      await until(`document.querySelector('.sheet canvas').width === 3`);
      assert.equal(await page.inputValue('#dicom-width'), '4095', id);
      assert.deepEqual(await greys(), [0, 128, 255], id);
    }
    await open('chart/hostile/document/astray');
    await page.locator('main .empty').waitFor();
    await page.addInitScript(`{
      const own = createImageBitmap;
      self.unpacked = 0;
      self.createImageBitmap = (...given) => { self.unpacked++; return own(...given); };
    }`);
    for (const [id, unpacked] of [
      ['small', 1],
      ['huge', 0],
    ] as const) {
      await open(`chart/hostile/document/${id}`);
      await page.getByText('This document is damaged and cannot be shown.').waitFor();
      assert.equal(await page.evaluate('self.unpacked'), unpacked, id);
    }
  });

  it('are texts where people are found and work is done', async () => {
    const { open, page, trouble } = stage();
    await open('patients');
    await page.fill('#birthdate', '1958-03-14');
    await page.click('text=Find patients');
    await page.locator('table').waitFor();
    await open('today/t');
    await page.locator('.summary-list').waitFor();
    assert.deepEqual(trouble, []);
  });

  it('leave an audit event for each request', async () => assert.ok((await allRecorded(stage())) > (FULL ? 20 : 10)));
});
