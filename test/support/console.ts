/**
 * The console in a real browser: one Chromium, one server and one page for a describe. What the page was refused by its policy, what
 * it threw, and what it asked the server for are kept.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { after, before, describe } from 'mocha';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import supertest from 'supertest';
import { loadDemo } from '../../src/cli/seed.js';
import { CHROMIUM_FLAGS, skipWithoutChromium } from './chromium.js';
import { FULL, turnAmong } from './depth.js';
import { figure } from './figures.js';
import { newStore, type RunningServer, type Settings, startServer, type StoreName, STORES } from './server.js';

export interface ConsoleRequest {
  readonly method: string;
  /** With its query, from the root of the server. */
  readonly url: string;
  readonly body: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** X-Request-Id of its answer, once that is there; `none`: the page went away before. */
  id: string | undefined;
}

export interface ConsoleStage {
  readonly server: RunningServer;
  readonly browser: BrowserContext;
  readonly page: Page;
  /** The page of the console at a path below it. */
  readonly open: (path?: string) => Promise<void>;
  /** Somebody else goes on from there, where one signs in; where nobody is asked nothing happens. The next page that is opened is theirs. */
  readonly handOver: () => Promise<void>;
  /** Of the FHIR interface, as they were sent; not where one signs in, which is no question about a record. */
  readonly asked: ConsoleRequest[];
  /** What went wrong in the page: exceptions, refusals by its policy, dialogs that somebody else has opened. */
  readonly trouble: string[];
  /** Waits for a heading of the first order. */
  readonly titled: (title: string) => Promise<void>;
  /** Waits until an expression in the page is true. */
  readonly until: (expression: string) => Promise<void>;
  /** Fails where axe finds anything; at the depth of every change it looks at each fourth state. `state`: of which the page is a picture, where pictures are wanted. */
  readonly isAccessible: (state: string) => Promise<void>;
}

interface StageSettings {
  readonly store?: StoreName;
  readonly config?: Settings;
  /** Default false: as `config` says, and nobody is asked where that says nothing. */
  readonly isSignedIn?: boolean;
  /** Default true. */
  readonly demo?: boolean;
  readonly set?: (server: RunningServer) => Promise<void>;
}

/** Stores on which a story of the console is told: all of them in a full run. */
export const CONSOLE_STORES: readonly StoreName[] = FULL ? STORES : ['embedded'];

/** How a story is told: on which store, and to whom nobody was asked, or somebody who has signed in. */
export interface ConsoleWay {
  readonly store: StoreName;
  /** Signed in as an administrator at the server's own authorization server; whatever the test asks itself, a token of another one asks. */
  readonly isSignedIn: boolean;
}

const UNASKED: readonly ConsoleWay[] = STORES.map(store => ({ store, isSignedIn: false }));
const ALL_WAYS: readonly ConsoleWay[] = [...UNASKED, { store: 'embedded', isSignedIn: true }];

/** Tells a story of the console: at every change to nobody on the embedded store, in a full run in all ways. */
export function inConsoleWays(title: string, tell: (way: ConsoleWay) => void): void {
  for (const way of FULL ? ALL_WAYS : UNASKED.slice(0, 1))
    describe(`${title} (${way.store}${way.isSignedIn ? ', signed in' : ''})`, () => tell(way));
}

/** One after the other. */
const CLERKS = ['anna', 'ben'] as const;
const PASSWORD = 'correct horse battery';
const TEST_TOKEN = 'the-token-of-the-test-itself-0123456789';

/** A server to which one signs in, and which knows the test itself by a token. */
async function signingIn(store: string, config: Settings = {}): Promise<RunningServer> {
  const tokens = join(mkdtempSync(join(tmpdir(), 'chartroom-console-')), 'tokens.json');
  writeFileSync(tokens, JSON.stringify([{ token: TEST_TOKEN, name: 'the test', role: 'admin' }]), { mode: 0o600 });
  const server = await startServer({ store, config: { ...config, auth: 'smart', tokens } });
  for (const name of CLERKS) await server.engine.authorization!.users.add({ name, password: PASSWORD, role: 'admin' });
  const request = supertest.agent(`http://127.0.0.1:${server.port}`).set('Authorization', `Bearer ${TEST_TOKEN}`);
  return { ...server, request };
}

/** Where the page asks who somebody is, they say so; a session of before is told by its cookie. */
async function signInAs(page: Page, name: string): Promise<void> {
  await page.locator('h1').first().waitFor();
  const button = page.locator('main button', { hasText: 'Sign in' });
  if ((await page.locator('h1').first().innerText()) !== 'Sign in') return;
  await button.click();
  const form = page.locator('input[name=password]');
  const consent = page.locator('button[value=consent]');
  const back = page.locator('.account');
  await form.or(consent).or(back).first().waitFor();
  if ((await form.count()) > 0) {
    await page.fill('input[name=name]', name);
    await form.fill(PASSWORD);
    await page.click('button[value=sign-in]');
    await consent.or(back).first().waitFor();
  }
  if ((await consent.count()) > 0) await consent.click();
  await back.waitFor();
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PICTURES = process.env['CHARTROOM_TEST_PICTURES'];
/** ms. Long enough for a machine that has other things to do: it ends what hangs. */
const PATIENCE = 120_000;
/** States of which axe looks at one at the depth of every change. */
const STATES = 4;
export const WIDE = { width: 1280, height: 800 } as const;

/** A browser for the tests of a describe, which is closed after them; skips them where there is none. */
export function onChromium(): () => Browser {
  let chrome: Browser | undefined;
  before('opens a browser', async function () {
    const executablePath = skipWithoutChromium(this);
    chrome = await chromium.launch({ executablePath, args: CHROMIUM_FLAGS.filter(flag => flag !== '--headless') });
  });
  after('closes it', () => chrome?.close());
  return () => {
    if (!chrome) throw new Error('The browser is not there yet.');
    return chrome;
  };
}

/** Starts it before the tests of a describe, and stops it after them. `chrome`: default: a browser of its own. */
export function onConsole(settings: StageSettings = {}, chrome = onChromium()): () => ConsoleStage {
  let stage: ConsoleStage | undefined;
  let server: RunningServer | undefined;
  before('opens the console', async function () {
    const store = await newStore(this, settings.store ?? 'embedded');
    server = settings.isSignedIn
      ? await signingIn(store, settings.config)
      : await startServer({ store, ...(settings.config ? { config: settings.config } : {}) });
    if (settings.demo !== false) await loadDemo(server.engine);
    await settings.set?.(server);
    const browser = await chrome().newContext({ viewport: WIDE, timezoneId: 'Europe/Berlin', locale: 'en-GB' });
    stage = await stageOf(server, browser, settings.isSignedIn === true);
  });
  after('closes it', async () => {
    await stage?.browser.close();
    await server?.stop();
  });
  return () => {
    if (!stage) throw new Error('The console is not there yet.');
    return stage;
  };
}

async function stageOf(server: RunningServer, browser: BrowserContext, isSignedIn: boolean): Promise<ConsoleStage> {
  const [asked, trouble]: [ConsoleRequest[], string[]] = [[], []];
  await browser.exposeFunction('tellTrouble', (text: string) => void trouble.push(text));
  await browser.addInitScript(
    `addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => tellTrouble('policy: ' + violatedDirective + ' ' + blockedURI))`,
  );
  browser.setDefaultTimeout(PATIENCE);
  const page = await browser.newPage();
  page.on('pageerror', error => trouble.push(`error: ${error.message}`));
  page.on('dialog', dialog => {
    trouble.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', request => {
    const { pathname, search } = new URL(request.url());
    if (!pathname.startsWith('/fhir') || pathname.startsWith('/fhir/.well-known/')) return;
    const body = request.postData() ?? undefined;
    const one: ConsoleRequest = {
      method: request.method(),
      url: pathname + search,
      body,
      headers: request.headers(),
      id: undefined,
    };
    asked.push(one);
    // One that is under way when the browser is closed has no answer.
    request.response().then(
      answer => (one.id = answer?.headers()['x-request-id'] ?? 'none'),
      () => (one.id = 'none'),
    );
  });
  const titled = async (title: string): Promise<void> => {
    await page.locator('h1', { hasText: title }).first().waitFor();
  };
  const origin = `http://localhost:${server.port}`;
  let states = 0;
  let turn = 0;
  return {
    ...{ server, browser, page, asked, trouble, titled },
    async open(path = '') {
      await page.goto(`${origin}/console/${path}`);
      if (isSignedIn) await signInAs(page, CLERKS[turn % CLERKS.length]!);
    },
    async handOver() {
      if (!isSignedIn) return;
      await page.locator('.account button').click();
      await titled('You are signed out');
      turn++;
    },
    async until(expression) {
      for (let left = PATIENCE; !(await page.evaluate<boolean>(`Boolean(${expression})`)); left -= 20) {
        assert.ok(left > 0, `${expression} is not so`);
        await pause(20);
      }
    },
    async isAccessible(state) {
      await picture(page, state);
      if (FULL || turnAmong(states++, STATES) === 0) assert.deepEqual(await faultsOfAccess(page), [], state);
    },
  };
}

/** What says nothing of anybody leaves no event. */
const OF_NO_RECORD = '/fhir/metadata';

type TrailReader = Readonly<Record<string, string>>;

/** What holds at the end of a story: nothing has gone wrong in the page, and in a full run each request has its audit event. `reader`: headers of somebody who may read the trail. */
export async function endsWell(stage: ConsoleStage, reader: TrailReader = {}): Promise<void> {
  assert.deepEqual(stage.trouble, []);
  if (FULL) assert.ok((await allRecorded(stage, reader)) > 0);
}

/** How many requests of the page there were, each with its audit event. The page is left, so that nothing is under way any more. */
export async function allRecorded({ asked, server, page }: ConsoleStage, reader: TrailReader = {}): Promise<number> {
  await page.goto('about:blank');
  while (asked.some(({ id }) => id === undefined)) await page.evaluate('new Promise(requestAnimationFrame)');
  const sent = new Map(
    asked
      .filter(({ url }) => url !== OF_NO_RECORD)
      .flatMap(({ id = 'none', method, url }) => (id === 'none' ? [] : [[id, `${method} ${url}`]])),
  );
  const recorded = new Set<string>();
  let next = '/fhir/AuditEvent?_count=500';
  while (next !== '') {
    const { body } = await server.request.get(next).set(reader).expect(200);
    const { entry = [], link } = body as { entry?: object[]; link: { relation: string; url: string }[] };
    const said = JSON.stringify(entry);
    for (const id of sent.keys()) if (said.includes(`"${id}"`)) recorded.add(id);
    next = link.find(({ relation }) => relation === 'next')?.url.replace(/^https?:\/\/[^/]+/, '') ?? '';
  }
  assert.deepEqual(
    [...sent].filter(([id]) => !recorded.has(id)).map(([, request]) => request),
    [],
  );
  return sent.size;
}

/** By the Tab key alone, to what has this id, or says this. */
export async function tabTo(page: Page, name: string): Promise<void> {
  for (let left = 120; left > 0; left--) {
    await page.keyboard.press('Tab');
    const said = await page.evaluate<string[]>(`(({ id, innerText }) => [id, innerText])(document.activeElement)`);
    if (said.includes(name)) return;
  }
  assert.fail(`${name} is not reached`);
}

async function picture(page: Page, state: string): Promise<void> {
  await figure(page, state);
  if (PICTURES === undefined) return;
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `${state}.png`), fullPage: true });
}

interface AxeResult {
  readonly violations: readonly {
    readonly id: string;
    readonly nodes: readonly { readonly target: unknown; readonly failureSummary?: string }[];
  }[];
}

/** https://github.com/dequelabs/axe-core/blob/develop/doc/API.md */
async function faultsOfAccess(page: Page): Promise<string[]> {
  // pdf.js measures with a canvas that nobody sees. The rest is as the debugger does it: the policy of the page would not let it in.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate<AxeResult>(
    `axe.run({ exclude: ['.hiddenCanvasElement'] }, { resultTypes: ['violations'] })`,
  );
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary = '' }) => `${id} at ${JSON.stringify(target)}: ${failureSummary}`),
  );
}
