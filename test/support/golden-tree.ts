/** What a page is to those who do not see it, held against what was looked at once: https://playwright.dev/docs/aria-snapshots */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Locator } from 'playwright-core';

const FOLDER = fileURLToPath(new URL('../../../test/browser/golden/', import.meta.url));

/** Ids and dates differ from run to run. */
const lasting = (tree: string): string =>
  tree
    .replaceAll(/(?<=\/)(?=\w*\d)[0-9a-z]{14}\b/g, '[id]')
    .replaceAll(/\b\d{1,2} [A-Z][a-z]{2} \d{4}\b(?:,? \d\d:\d\d)?/g, '[date]')
    .replaceAll(/\b\d+ days left\b/g, '[n] days left')
    .replaceAll(/\(\d+ years\)/g, '([n] years)');

/** CHARTROOM_GOLDEN=write takes what there is for right. `name`: of the file, without its end. */
export async function sameTree(part: Locator, name: string): Promise<void> {
  const tree = `${lasting(await part.ariaSnapshot())}\n`;
  const file = `${FOLDER}${name}.txt`;
  if (process.env['CHARTROOM_GOLDEN'] === 'write') writeFileSync(file, tree);
  assert.equal(tree, readFileSync(file, 'utf8'));
}
