/**
 * Texts in another form than they are stored: XML, pretty JSON, what `_summary` and `_elements` leave. A large text is
 * parsed and printed in a worker thread, so that nobody else waits for it. https://hl7.org/fhir/R4/search.html#summary
 *
 * Base64 that stands beside the text never gets there: marks that nobody can know stand in its places meanwhile.
 */
import type { Definitions } from '../../fhir/definitions.js';
import { FhirError } from '../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import { print } from '../../fhir/json/print.js';
import { printXml } from '../../fhir/xml/write.js';
import { createPool, type Pool, TaskStopped } from '../../platform/pool.js';
import { type SummaryForm, summarise } from '../../search/summary.js';
import { filled, marked, type Text } from '../../fhir/content/holes.js';

export type Form =
  | { readonly as: 'xml'; readonly pretty: boolean }
  | { readonly as: 'json'; readonly pretty: boolean }
  | { readonly as: 'summary'; readonly of: SummaryForm };

export interface Forms {
  /** No promise where the text is small. Throws `too-costly` where it takes too much memory or time. */
  give(text: Text, form: Form): Text | Promise<Text>;
  close(): Promise<void>;
}

export interface FormTask {
  readonly json: Uint8Array<ArrayBuffer>;
  readonly form: Form;
}

/** Bytes up to which a text is parsed and printed on the main thread: a few milliseconds. */
const BYTES_ON_THE_LOOP = 128 * 1024;

export function createForms(definitions: Definitions): Forms {
  const pool: Pool<FormTask, Uint8Array> = createPool({
    module: new URL('./form-worker.js', import.meta.url),
    memory: 1024,
    time: 60_000,
  });
  return {
    give(text, form) {
      if (text.text.length > BYTES_ON_THE_LOOP) return aside(pool, text, form);
      return filled(text, formed(marked(text).text, form, definitions));
    },
    close: () => pool.close(),
  };
}

async function aside(pool: Pool<FormTask, Uint8Array>, text: Text, form: Form): Promise<Text> {
  // A copy: what moves to the thread is no longer here, and a page is one piece with the rows beside it.
  const json = new Uint8Array(marked(text).text);
  try {
    const made = await pool.run({ json, form }, [json.buffer]);
    return filled(text, Buffer.from(made.buffer, made.byteOffset, made.byteLength));
  } catch (error) {
    if (!(error instanceof TaskStopped) || error.reason === 'fault') throw error;
    throw new FhirError(
      'too-costly',
      'This is too large to be written otherwise than it is stored: ask for plain JSON, or for less at once (_count).',
      { cause: error },
    );
  }
}

/** The text as the form has it. */
export function formed(json: Buffer, form: Form, definitions: Definitions): Buffer {
  const { resource, decimals } = parseJson(json, STORED_JSON);
  switch (form.as) {
    case 'xml':
      return Buffer.from(printXml(resource, definitions, decimals, { pretty: form.pretty }));
    case 'json':
      return Buffer.from(print(resource, decimals, form.pretty ? 2 : 0));
    case 'summary': {
      const shown = summarise(resource, form.of, definitions, decimals);
      return Buffer.from(print(shown.resource, shown.decimals));
    }
  }
}
