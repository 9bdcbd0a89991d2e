/** A thread of beside.ts: reads XML, and validates JSON. */
import { loadDefinitions } from '../../fhir/definitions.js';
import { FhirError } from '../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import { print } from '../../fhir/json/print.js';
import { parseXml } from '../../fhir/xml/read.js';
import { answerTasks } from '../../platform/pool.js';
import type { ThreadAnswer, ThreadTask } from './beside.js';
import { validateStructure } from './structure.js';

const threadDefinitions = loadDefinitions();

function work(task: ThreadTask): ThreadAnswer {
  const bytes = Buffer.from(task.bytes.buffer, task.bytes.byteOffset, task.bytes.length);
  try {
    if (task.do === 'validate') {
      // The limits were applied before the resource came here.
      const { resource, decimals } = parseJson(bytes, STORED_JSON);
      return { issues: validateStructure(resource, threadDefinitions, decimals) };
    }
    const { resource, decimals } = parseXml(bytes, threadDefinitions, task.limits);
    return { json: new Uint8Array(Buffer.from(print(resource, decimals))) };
  } catch (error) {
    if (!(error instanceof FhirError)) throw error;
    const { kind, message, issues } = error;
    return { refused: { kind, message, issues } };
  }
}

answerTasks<ThreadTask, ThreadAnswer>(task => {
  const answer = work(task);
  return { answer, moving: 'json' in answer ? [answer.json.buffer] : [] };
});
