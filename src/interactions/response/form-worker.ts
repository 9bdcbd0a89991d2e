/** What the threads behind forms.ts run. */
import { loadDefinitions } from '../../fhir/definitions.js';
import { answerTasks } from '../../platform/pool.js';
import { formed, type FormTask } from './forms.js';

const definitions = loadDefinitions();

answerTasks<FormTask, Uint8Array>(({ json, form }) => {
  const made = formed(Buffer.from(json.buffer), form, definitions);
  const answer = made.byteLength === made.buffer.byteLength ? (made as Uint8Array<ArrayBuffer>) : new Uint8Array(made);
  return { answer, moving: [answer.buffer] };
});
