/**
 * One of the processes that run the test files: it takes them one after the other as messages, and answers each with a
 * Verdict. What it and its tests write goes to its standard output, which is a file.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import Mocha from 'mocha';
import { stopSharedMongo } from '../support/mongo.js';
import { mochaHooks } from '../support/setup.js';
import type { Verdict } from './lane.js';

// Most of what tests run is run a few times: to optimise it later, and so less of it, takes a tenth less of the processor. In bytes of code run.
// Later versions of Node.js have no such flag, and say so in the output of every test file.
if (process.versions.node.startsWith('20.')) setFlagsFromString('--interrupt-budget=528000');

/** Whatever keeps something for what is done within a call: once used, it has a part in every promise of the process, whoever makes it. */
const contexts = new Set<AsyncLocalStorage<unknown>>();
const run = Object.getOwnPropertyDescriptor(AsyncLocalStorage.prototype, 'run')!.value as (
  ...given: unknown[]
) => unknown;
AsyncLocalStorage.prototype.run = function within(this: AsyncLocalStorage<unknown>, ...given: unknown[]) {
  contexts.add(this);
  return run.apply(this, given);
};

const { reporters, Runner } = Mocha;
const { EVENT_TEST_FAIL, EVENT_TEST_PASS, EVENT_TEST_PENDING } = Runner.constants;

/** The settings that `npx mocha <file>` has, too. */
const settings = JSON.parse(
  readFileSync(fileURLToPath(new URL('../../../.mocharc.json', import.meta.url)), 'utf8'),
) as { readonly ui: 'bdd'; readonly timeout: number; readonly forbidOnly: boolean };

/** Mocha's own text of failures, with differences. */
function describeFailures(failures: Mocha.Test[]): string {
  const lines: string[] = [];
  const before = reporters.Base.consoleLog;
  reporters.Base.consoleLog = (...words: unknown[]) => void lines.push(format(...words));
  try {
    reporters.Base.list(failures);
  } finally {
    reporters.Base.consoleLog = before;
  }
  return lines.join('\n');
}

async function runFile(file: string): Promise<Verdict> {
  const started = performance.now();
  const { ui, timeout, forbidOnly } = settings;
  // The base of all reporters says nothing while tests run.
  const mocha = new Mocha({ ui, timeout, forbidOnly, rootHooks: mochaHooks, reporter: reporters.Base });
  mocha.addFile(file);
  await mocha.loadFilesAsync();
  const counts = { passing: 0, pending: 0 };
  const failures: Mocha.Test[] = [];
  await new Promise<void>(resolve => {
    mocha
      .run(() => resolve())
      .on(EVENT_TEST_PASS, () => counts.passing++)
      .on(EVENT_TEST_PENDING, () => counts.pending++)
      .on(EVENT_TEST_FAIL, (test, error: Error) => failures.push(Object.assign(test, { err: error })));
  });
  // It would listen on for rejections that nobody handles, and pass them around with those after it for ever.
  mocha.dispose();
  for (const context of contexts) context.disable();
  contexts.clear();
  return {
    ...counts,
    failing: failures.length,
    failures: failures.length > 0 ? describeFailures(failures) : '',
    milliseconds: performance.now() - started,
  };
}

// As mocha's command does: a promise that is rejected behind a test's back fails the test.
process.on('unhandledRejection', reason => {
  throw reason;
});
process.on('message', (file: string) => {
  runFile(file).then(
    verdict => process.send!(verdict),
    (error: Error) => {
      process.stderr.write(`${file} could not be loaded: ${error.stack}\n`);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => void stopSharedMongo().finally(() => process.exit()));
