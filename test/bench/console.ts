/**
 * What the console weighs, how soon it shows something, and what it leaves in the audit trail: measured in Chromium with a server on loopback, and written into
 * docs/console.md between its marks. `npm run bench:console`; with `-- --print` it is printed alone.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { loadDemo } from '../../src/cli/seed.js';
import { CHROMIUM_FLAGS, findChromium } from '../support/chromium.js';
import { type RunningServer, startServer } from '../support/server.js';

const DOCS = fileURLToPath(new URL('../../../docs/console.md', import.meta.url));
const BUILD = fileURLToPath(new URL('../../build/web.js', import.meta.url));
const [BEGIN, END] = ['<!-- numbers: written by `npm run bench:console` -->', '<!-- /numbers -->'];

const ROUNDS = 5;
const SCREENS = 200;
const RESOURCES = 5000;
const ADA = 'demo-ada-lindqvist';
const MB = 1024 * 1024;

type Row = readonly [what: string, value: string, goal: string];

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;

/** The step of the build by itself, and what it says of sizes. */
function buildRows(): readonly Row[] {
  const start = performance.now();
  const { stdout, status } = spawnSync(process.execPath, [BUILD], { encoding: 'utf8' });
  const took = performance.now() - start;
  if (status !== 0) throw new Error('The console is not built.');
  const sizes = [...stdout.matchAll(/^console: (.*) ([\d.]+ KB) of (\d+) \(gzip\)$/gm)];
  return [
    ...sizes.map(([, what = '', size = '', most = '']): Row => [`${what} (gzip)`, size, `${most} KB`]),
    ['its step of the build', seconds(took), '10 s'],
  ];
}

async function settledAt(page: Page, url: string, shown: string): Promise<number> {
  const start = performance.now();
  await page.goto(url);
  await page.locator(shown).first().waitFor();
  await page.locator('.loading').first().waitFor({ state: 'detached' });
  return performance.now() - start;
}

/** A browser that has nothing of the console yet. */
async function cold<T>(browser: Browser, work: (page: Page) => Promise<T>): Promise<T> {
  const context = await browser.newContext();
  try {
    return await work(await context.newPage());
  } finally {
    await context.close();
  }
}

async function timeOf(browser: Browser, url: string, shown: string): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) times.push(await cold(browser, page => settledAt(page, url, shown)));
  return median(times);
}

/** By the links of the page, as somebody at work goes: nothing is loaded anew. */
async function heapAfterScreens(browser: Browser, console: string): Promise<number> {
  return cold(browser, async page => {
    await settledAt(page, `${console}/today`, 'table');
    const links = page.locator('nav.screens a');
    const count = await links.count();
    for (let n = 0; n < SCREENS; n++) {
      await links.nth(n % count).click();
      await page.locator('main h1').first().waitFor();
      await page.locator('.loading').first().waitFor({ state: 'detached' });
    }
    const session = await page.context().newCDPSession(page);
    await session.send('HeapProfiler.collectGarbage');
    return (await session.send('Runtime.getHeapUsage')).usedSize;
  });
}

async function putLargeChart({ request }: RunningServer): Promise<void> {
  const patient = { resourceType: 'Patient', id: 'large', name: [{ family: 'Large' }], birthDate: '1958-03-14' };
  await request.put('/fhir/Patient/large').set('Content-Type', 'application/fhir+json').send(patient).expect(201);
  for (let from = 0; from < RESOURCES; from += 500) {
    const entry = Array.from({ length: 500 }, (_, at) => ({
      resource: {
        ...{ resourceType: 'Observation', status: 'final', subject: { reference: 'Patient/large' } },
        code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }], text: 'Heart rate' },
        effectiveDateTime: new Date(Date.UTC(2020, 0, 1 + Math.floor((from + at) / 4))).toISOString(),
        valueQuantity: { value: 60 + (at % 40), unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' },
      },
      request: { method: 'POST', url: 'Observation' },
    }));
    await request.post('/fhir').send({ resourceType: 'Bundle', type: 'transaction', entry }).expect(200);
  }
}

/** What is done, and where it is done when what is there is shown. */
const STORIES: readonly (readonly [what: string, path: string, act: (page: Page) => Promise<void>])[] = [
  [
    'a person is found by name',
    'patients',
    async page => {
      await page.fill('#name', 'Lindqvist');
      await page.click('text=Find patients');
      await page.locator('table').waitFor();
    },
  ],
  ['a chart is opened', `chart/${ADA}`, page => page.locator('.patient-banner').waitFor()],
  ['its documents are listed', `chart/${ADA}/documents`, page => page.locator('.patient-banner').waitFor()],
  [
    'a PDF is read',
    `chart/${ADA}/document/demo-ada-discharge-2024-03`,
    page => page.locator('.pdf-page canvas').first().waitFor(),
  ],
  ['the work of today is listed', 'today', page => page.locator('table').waitFor()],
  ['the release desk is opened', 'release', page => page.locator('main h1').first().waitFor()],
];

async function eventsOf(browser: Browser, { request }: RunningServer, console: string): Promise<readonly Row[]> {
  const count = async (): Promise<number> => {
    const { body } = await request.get('/fhir/AuditEvent?_summary=count').expect(200);
    return (body as { total: number }).total;
  };
  const rows: Row[] = [];
  for (const [what, path, act] of STORIES) {
    const before = await count();
    await cold(browser, async page => {
      await page.goto(`${console}/${path}`);
      await act(page);
      await page.locator('.loading').first().waitFor({ state: 'detached' });
    });
    // The first count is an event itself.
    rows.push([`events: ${what}`, String((await count()) - before - 1), '']);
  }
  return rows;
}

async function measured(): Promise<readonly Row[]> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error('There is no chromium on the PATH.');
  const rows = [...buildRows()];
  const server = await startServer({ store: 'embedded' });
  const browser = await chromium.launch({ executablePath, args: CHROMIUM_FLAGS.filter(flag => flag !== '--headless') });
  try {
    await loadDemo(server.engine);
    const console = `http://localhost:${server.port}/console`;
    rows.push(['first list (work of today), cold', seconds(await timeOf(browser, `${console}/today`, 'table')), '1 s']);
    rows.push(...(await eventsOf(browser, server, console)));
    const heap = await heapAfterScreens(browser, console);
    rows.push([`heap after ${SCREENS} screens`, `${(heap / MB).toFixed(1)} MB`, '150 MB']);
    await putLargeChart(server);
    const chart = await timeOf(browser, `${console}/chart/large`, '.patient-banner');
    rows.push([`a chart of ${RESOURCES.toLocaleString('en')} resources, cold`, seconds(chart), '2 s']);
  } finally {
    await browser.close();
    await server.stop();
  }
  return rows;
}

const tableOf = (rows: readonly Row[]): string =>
  [
    `On ${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), with the embedded store; times are the median of ${ROUNDS}.`,
    '',
    '| what | measured | goal |',
    '|---|---|---|',
    ...rows.map(row => `| ${row.join(' | ')} |`),
  ].join('\n');

const table = tableOf(await measured());
process.stdout.write(`${table}\n`);
if (!process.argv.includes('--print')) {
  const text = readFileSync(DOCS, 'utf8');
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (from < 0 || to < from) throw new Error('docs/console.md has no place for the numbers.');
  writeFileSync(DOCS, `${text.slice(0, from + BEGIN.length)}\n${table}\n${text.slice(to)}`);
}
process.exit(0);
