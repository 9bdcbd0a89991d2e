/** A feature as an example, and for tests: whoever is new gets a Task to be called, which others can count. docs/features.md */
import { Counter } from 'prom-client';
import type { Caller, OperationImplementation } from '../../src/interactions/engine.js';
import { textSetting } from '../../src/interactions/feature-settings.js';
import { actingFor, type Feature } from '../../src/interactions/feature.js';
import { perform } from '../../src/interactions/perform.js';

/** How many Tasks of a patient the caller may see: a search like theirs, recorded as theirs. */
async function countCalls(by: Caller, patient: string): Promise<number> {
  const parameters = Object.entries({ patient, _summary: 'count' });
  const found = await perform(actingFor(by, 'welcome'), { kind: 'search', type: 'Task', parameters, lenient: false });
  return (JSON.parse(String(found.text)) as { readonly total: number }).total;
}

function toCall(patient: string) {
  const task = { resourceType: 'Task', status: 'requested', intent: 'order', for: { reference: `Patient/${patient}` } };
  return { kind: 'create', type: 'Task', body: { resource: task, decimals: undefined } } as const;
}

const run: OperationImplementation['run'] = async (context, { id = '' }) => {
  const parameter = [{ name: 'calls', valueInteger: await countCalls(context, id) }];
  const text = Buffer.from(JSON.stringify({ resourceType: 'Parameters', parameter }));
  return { result: { status: 200, text, patients: [id] } };
};

const DUTY = { operations: ['welcome-calls'], screens: ['welcome'] };
const settings = { welcomeText: textSetting('WELCOME_TEXT', 'to call', 'What /welcome says after the number.') };

export const welcome: Feature<typeof settings> = {
  name: 'welcome',
  settings,
  profiles: new URL('../../../test/sample/profiles/', import.meta.url),
  open({ metrics: { registry }, own: { welcomeText: text } }) {
    const calls = new Counter({ name: 'chartroom_welcome_calls_total', help: 'To call.', registers: [registry] });
    return {
      duties: { reader: DUTY, writer: DUTY },
      subtypes: { 'welcome-calls': { system: 'urn:sample', code: 'calls', display: 'Calls counted' } },
      hooks: [
        {
          types: ['Patient'],
          prepare: ({ before, id, resource: it }) => (before?.text || !it ? undefined : { companions: [toCall(id)] }),
          committed: changes => calls.inc(changes.filter(({ version }) => version === 1).length),
        },
      ],
      jobs: [{ kind: 'call-again', step: ({ state }) => ({ state, last: true, performs: toCall(String(state)) }) }],
      operations: { 'welcome-calls': { run } },
      routes: [
        {
          path: '/welcome/{patient}',
          ...({ methods: ['GET', 'POST'], who: { screen: 'welcome' }, recorded: 'as-performed' } as const),
          headers: { 'Content-Type': 'text/plain' },
          async answer({ caller, method, path: { patient = '' } }) {
            if (method === 'POST') return { body: await caller.engine.jobs.start(caller, 'call-again', patient) };
            return { body: `${await countCalls(caller, patient)} ${text}` };
          },
        },
      ],
    };
  },
};
