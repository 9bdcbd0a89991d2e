/** `chartroom ig`: which implementation guides there are. A server reads the list when it starts. */
import { addGuide, type Addition, removeGuide } from '../fhir/guide-install.js';
import { readGuideList } from '../fhir/guide-list.js';
import { fullName } from '../fhir/guide-name.js';
import { openGuides, verifyGuides } from '../fhir/guides.js';
import { createOutgoing } from '../outgoing/outgoing.js';
import { openRegistry } from '../outgoing/package-registry.js';
import { type Config, ConfigError, guidesFolder, isMongo } from '../platform/config.js';
import { createLog } from '../platform/log.js';
import { createMetrics } from '../platform/metrics.js';
import type { Invocation } from './invocation.js';

const ACTIONS: Readonly<Record<string, (invocation: Invocation, words: readonly string[]) => Promise<number>>> = {
  add,
  list,
  remove,
  verify: verifyFiles,
  accept,
};

export async function ig(invocation: Invocation): Promise<number> {
  const [action = '', ...words] = invocation.words;
  const run = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
  if (!run) throw new ConfigError(`chartroom ig needs one of ${Object.keys(ACTIONS).join(', ')}.`);
  if (invocation.options['first'] && action !== 'add') throw new ConfigError('--first is a flag of chartroom ig add.');
  return run(invocation, words);
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const needsWords = (action: string, words: readonly string[]): void => {
  if (words.length === 0) throw new ConfigError(`chartroom ig ${action} needs the name of a guide.`);
};
const takesNone = (action: string, words: readonly string[]): void => {
  if (words.length > 0) throw new ConfigError(`chartroom ig ${action} takes no further words.`);
};

async function add({ config, options }: Invocation, words: readonly string[]): Promise<number> {
  needsWords('add', words);
  const outgoing = createOutgoing({ metrics: createMetrics(), log: createLog('silent') });
  try {
    const registry = config.registry === 'off' ? undefined : openRegistry(outgoing, config.registry);
    for (const word of words)
      tell(await addGuide(guidesFolder(config), word, { registry, first: options['first'] === true }));
  } finally {
    outgoing.close();
  }
  sayWhatFollows(config);
  return 0;
}

function tell({ added, missing }: Addition): void {
  for (const { definitions, leftOut, known, ...guide } of added) {
    say(`${known ? 'Known' : 'Added'} ${fullName(guide)}: ${definitions} definitions.`);
    for (const { name, why } of leftOut) say(`  left out ${name}: ${why}`);
  }
  for (const { of, why, ...guide } of missing) say(`Missing ${fullName(guide)}, which ${of} depends on: ${why}`);
  if (missing.length > 0) say('What depends on something missing is reported as not checked.');
}

/** Where several processes share a store, they must be told together. */
function sayWhatFollows(config: Config): void {
  say(
    isMongo(config)
      ? 'Servers know of it after: chartroom ig accept, the same folder for each of them, and a restart.'
      : 'A server knows of it after a restart.',
  );
}

async function list({ config }: Invocation, words: readonly string[]): Promise<number> {
  takesNone('list', words);
  const { all } = await openGuides(guidesFolder(config), told => say(`Made anew: ${told}`));
  if (all.length === 0) say('No guides. Add one: chartroom ig add hl7.fhir.us.core@8.0.0');
  const width = Math.max(0, ...all.map(({ origin }) => origin.length));
  for (const { origin, definitions, missing } of all) {
    const lacks = missing.length === 0 ? '' : `, without ${missing.join(', ')}`;
    say(`${origin.padEnd(width)}  ${definitions.rows.length} definitions${lacks}`);
  }
  return 0;
}

async function remove({ config }: Invocation, words: readonly string[]): Promise<number> {
  needsWords('remove', words);
  for (const word of words) {
    const { neededBy } = await removeGuide(guidesFolder(config), word);
    say(`Removed ${word}.`);
    if (neededBy.length > 0) say(`Needed by ${neededBy.join(', ')}: what depends on it is reported as not checked.`);
  }
  sayWhatFollows(config);
  return 0;
}

async function verifyFiles({ config }: Invocation, words: readonly string[]): Promise<number> {
  takesNone('verify', words);
  const verdicts = await verifyGuides(guidesFolder(config));
  for (const { guide, damaged } of verdicts) {
    say(`${damaged.length === 0 ? 'Whole  ' : 'Damaged'}  ${fullName(guide)}`);
    for (const file of damaged) say(`  ${file} is not there, or holds something else`);
  }
  return verdicts.some(({ damaged }) => damaged.length > 0) ? 1 : 0;
}

async function accept({ config, acceptGuides }: Invocation, words: readonly string[]): Promise<number> {
  takesNone('accept', words);
  if (!isMongo(config))
    throw new ConfigError('On the embedded store there is one process: nothing is to be agreed on.');
  const guides = readGuideList(guidesFolder(config));
  await acceptGuides(guides);
  say(
    `From its next start on every process must have ${guides.length === 0 ? 'no guides' : guides.map(fullName).join(', ')}.`,
  );
  return 0;
}
