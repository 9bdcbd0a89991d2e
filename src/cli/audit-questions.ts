/**
 * `chartroom audit who-saw Patient/p1 --start 2026-01-01`: the questions of a privacy officer to the audit trail, asked of the store as over HTTP and recorded
 * like there, a sentence a line, or as CSV. On the embedded store stop the server first.
 */
import { once } from 'node:events';
import { FhirError } from '../fhir/error.js';
import { isId } from '../fhir/id.js';
import { SYSTEM } from '../identity/principal.js';
import type { Caller, Engine } from '../interactions/engine.js';
import type { Of, Parameters, Result } from '../interactions/interaction.js';
import { perform } from '../interactions/perform.js';
import { ConfigError } from '../platform/config.js';
import { newId } from '../platform/ids.js';
import type { Invocation } from './invocation.js';

/** Codes of the operations that answer. */
export const TRAIL_QUESTIONS = ['who-saw', 'what-did', 'denials', 'disclosures', 'breach-affected'] as const;
type QuestionCode = (typeof TRAIL_QUESTIONS)[number];

/** Flags that are parameters of the questions; which of them one has, says its OperationDefinition. */
const PARAMETERS_OF = ['start', 'end', 'user', 'agent', 'recipient', 'purpose', 'outcome'] as const;

export async function askTrail(code: QuestionCode, { open, words, options }: Invocation): Promise<number> {
  const id = patientIn(code, words);
  const parameters: Parameters = PARAMETERS_OF.flatMap(name => {
    const value = options[name];
    return typeof value === 'string' ? [[name, value] as const] : [];
  });
  const engine = await open();
  try {
    const ask: Of<'operation'> = {
      ...{ kind: 'operation', operation: code, safe: true, lenient: false, parameters },
      ...(id === undefined ? {} : { type: 'Patient', id }),
    };
    if (options['csv'] === true) await printFile(engine, { ...ask, form: 'text/csv' });
    else await printSentences(engine, ask);
    return 0;
  } finally {
    await engine.store.close();
  }
}

/** Of `who-saw` alone: `Patient/p1`, or p1. */
function patientIn(code: QuestionCode, [word, ...more]: readonly string[]): string | undefined {
  if (more.length > 0 || (code !== 'who-saw' && word !== undefined))
    throw new ConfigError(`chartroom audit ${code} takes no further words; --start, --end and the like are flags.`);
  if (code !== 'who-saw') return undefined;
  const id = word?.replace(/^Patient\//, '');
  if (id === undefined || !isId(id))
    throw new ConfigError('Name a patient: chartroom audit who-saw Patient/p1 --start 2026-01-01.');
  return id;
}

function askedOf(engine: Engine, ask: Of<'operation'>): Promise<Result> {
  const path = ask.id === undefined ? `$${ask.operation}` : `Patient/${ask.id}/$${ask.operation}`;
  const query = ask.parameters.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
  const caller: Caller = {
    ...{ engine, principal: SYSTEM, requestId: newId(engine.clock.now()), address: 'local' },
    request: `chartroom audit ${path}${query === '' ? '' : `?${query}`}`,
  };
  return perform(caller, ask);
}

async function printFile(engine: Engine, ask: Of<'operation'>): Promise<void> {
  const { file } = await askedOf(engine, ask);
  if (!file) throw new FhirError('fault', 'The answer is no table.');
  for await (const bytes of file.bytes) await printOut(bytes);
}

/** The parts of the answer that are printed. */
interface AnswerBundle {
  readonly link: readonly { readonly relation: string; readonly url: string }[];
  readonly entry?: readonly {
    readonly resource: { readonly parameter: readonly { readonly valueString: string }[] };
  }[];
}

async function printSentences(engine: Engine, ask: Of<'operation'>): Promise<void> {
  let count = 0;
  for (let { parameters } = ask; ; ) {
    const { text } = await askedOf(engine, { ...ask, parameters });
    const { entry = [], link } = JSON.parse(String(text)) as AnswerBundle;
    for (const { resource } of entry) await printOut(`${resource.parameter[0]!.valueString}\n`);
    count += entry.length;
    const next = link.find(({ relation }) => relation === 'next');
    if (!next) break;
    parameters = [...new URL(next.url).searchParams];
  }
  if (count === 0) await printOut('Nothing.\n');
}

/** As fast as it is read. */
async function printOut(text: string | Buffer): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}
