/**
 * Drives a real browser over a pipe, by the Chrome DevTools Protocol: pages are opened, read, filled in and clicked as a person does.
 * https://chromedevtools.github.io/devtools-protocol/
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { CHROMIUM_FLAGS, removeProfile } from './chromium.js';

interface Reply {
  readonly id?: number;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}

export interface BrowserPilot {
  open(url: string): Promise<void>;
  /** The value of an expression in the page, as JSON. Rejects where the page throws, or goes away meanwhile. */
  ask<T>(expression: string): Promise<T>;
  /** Waits until an expression in the page that is there by then is true. */
  until(expression: string): Promise<void>;
  fill(selector: string, text: string): Promise<void>;
  click(selector: string): Promise<void>;
  /** PNG. */
  picture(file: string): Promise<void>;
  stop(): Promise<void>;
}

/** Some minutes of a loaded machine: whoever waits in vain is told what the page is. */
const MOST_LOOKS = 3000;

/** `path`: of the browser. */
export async function openPilot(path: string): Promise<BrowserPilot> {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-pilot-'));
  const child = spawn(
    path,
    [...CHROMIUM_FLAGS, '--remote-debugging-pipe', '--window-size=900,900', `--user-data-dir=${folder}`, 'about:blank'],
    { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] },
  );
  const say = talkOver(child.stdio[3] as Writable, child.stdio[4] as Readable);
  const { targetInfos } = await say<{ targetInfos: { targetId: string; type: string }[] }>('Target.getTargets');
  const { targetId } = targetInfos.find(({ type }) => type === 'page')!;
  const { sessionId } = await say<{ sessionId: string }>('Target.attachToTarget', { targetId, flatten: true });
  const ofPage = <T>(method: string, params: object = {}): Promise<T> => say<T>(method, params, sessionId);
  await ofPage('Page.enable');
  const ask = async <T>(expression: string): Promise<T> => {
    const { result, exceptionDetails } = await ofPage<{
      result: { value: T };
      exceptionDetails?: { exception?: { description?: string } };
    }>('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? 'the page threw');
    return result.value;
  };
  const until = async (expression: string): Promise<void> => {
    for (let i = 0; i < MOST_LOOKS; i++) {
      if (await ask<boolean>(`Boolean(${expression})`).catch(() => false)) return;
      await pause(20);
    }
    throw new Error(
      `${expression} is not so on: ${await ask<string>('location.href + " " + document.body?.innerText')}`,
    );
  };
  const there = (selector: string): string => `document.querySelector(${JSON.stringify(selector)})`;
  return {
    async open(url) {
      await ofPage('Page.navigate', { url });
    },
    ask,
    until,
    async fill(selector, text) {
      await until(there(selector));
      await ask(`${there(selector)}.value = ${JSON.stringify(text)}`);
    },
    async click(selector) {
      await until(there(selector));
      // What follows may take the page away before it has answered.
      await ask(`setTimeout(() => ${there(selector)}.click()), true`);
    },
    async picture(file) {
      const { data } = await ofPage<{ data: string }>('Page.captureScreenshot', { captureBeyondViewport: true });
      writeFileSync(file, Buffer.from(data, 'base64'));
    },
    async stop() {
      const ended = once(child, 'exit');
      child.kill();
      await ended;
      await removeProfile(folder);
    },
  };
}

function talkOver(out: Writable, input: Readable) {
  const waiting = new Map<number, (reply: Reply) => void>();
  let last = 0;
  let rest = '';
  input.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\0');
    rest = parts.pop()!;
    for (const part of parts) {
      const reply = JSON.parse(part) as Reply;
      waiting.get(reply.id ?? -1)?.(reply);
      waiting.delete(reply.id ?? -1);
    }
  });
  return <T>(method: string, params: object = {}, sessionId?: string): Promise<T> =>
    new Promise((resolve, reject) => {
      const id = ++last;
      waiting.set(id, ({ result, error }) => (error ? reject(new Error(error.message)) : resolve(result as T)));
      out.write(`${JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) })}\0`);
    });
}
