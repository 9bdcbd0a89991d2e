/** A browser for tests that must see what a page does: $CHROMIUM, else a `chromium` or `google-chrome` on the PATH. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];
export const CHROMIUM_FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
];

/** Undefined: there is none. */
export function findChromium(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const found = NAMES.flatMap(name => folders.map(folder => join(folder, name))).find(path => existsSync(path));
  return process.env['CHROMIUM'] ?? found;
}

/** The path of the browser; skips the running test, saying why, where there is none. */
export function skipWithoutChromium(test: Mocha.Context): string {
  const path = findChromium();
  if (path !== undefined) return path;
  process.stderr.write('      skipped: no chromium on the PATH (apt-get install chromium, or set CHROMIUM)\n');
  return test.skip();
}

const MOST_REMOVALS = 300;

/**
 * Removes the folder of a browser that has ended. Processes that it has started write for a moment longer; `maxRetries` of rmSync only tries
 * the same folder again, not what has come into it.
 */
export async function removeProfile(folder: string): Promise<void> {
  for (let left = MOST_REMOVALS; ; left--)
    try {
      rmSync(folder, { recursive: true, force: true });
      return;
    } catch (error) {
      if (left === 0 || (error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error;
      await pause(50);
    }
}

/** The page as the browser has it when nothing is left to load. Time in the page is virtual: it waits for loads, not for clocks. */
export async function renderedPage(browser: string, html: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-page-'));
  try {
    const page = join(folder, 'page.html');
    writeFileSync(page, html);
    const { stdout } = await promisify(execFile)(
      browser,
      [
        ...CHROMIUM_FLAGS,
        `--user-data-dir=${join(folder, 'profile')}`,
        '--virtual-time-budget=10000',
        '--dump-dom',
        pathToFileURL(page).href,
      ],
      { maxBuffer: 64 * 1024 * 1024 },
    );
    return stdout;
  } finally {
    await removeProfile(folder);
  }
}
