/**
 * `Binary/<id>/$render`: a document as a page. https://hl7.org/fhir/R4/operations.html
 *
 * The bytes are read as any client reads them, in the name of whoever asks: decided, and recorded as a read of the Binary with its patients.
 */
import { FhirError } from '../../../fhir/error.js';
import type { Context, OperationImplementation } from '../../../interactions/engine.js';
import { actingFor } from '../../../interactions/feature.js';
import type { RawContent } from '../../../interactions/interaction.js';
import { perform } from '../../../interactions/perform.js';
import { contentTypeOf, HEAD_BYTES } from '../read/content-type.js';
import { READ_LIMITS } from '../read/document-metadata.js';
import { documentPage } from '../read/read-document.js';
import { PAGE_POLICY } from './page.js';
import { isShowable } from './pages.js';

/** Bytes of a document that are held for its page: its own, those of the thread, and the page. */
const HELD = 3;

const renderBinary: OperationImplementation['run'] = async (context, { id = '' }) => {
  const { binary, version, subject, patients } = await perform(actingFor(context, 'documents'), {
    kind: 'read',
    type: 'Binary',
    id,
    content: ['*/*'],
  });
  const html = await pageOfBinary(context, binary);
  return {
    result: {
      status: 200,
      page: { html, policy: PAGE_POLICY },
      ...(version ? { version } : {}),
      ...(subject ? { subject } : {}),
      patients,
    },
  };
};

export const renderOperation: OperationImplementation = { run: renderBinary };

async function pageOfBinary(
  { allowance }: Pick<Context, 'allowance'>,
  binary: RawContent | undefined,
): Promise<Buffer> {
  if (!binary || binary.size === 0) throw notShown('empty');
  const found = await contentTypeOf(await bytesOf(binary, Math.min(binary.size, HEAD_BYTES)));
  if (!isShowable(found)) throw notShown('no CDA document, text or image');
  if (binary.size > READ_LIMITS.bytes) throw notShown('too large');
  await allowance?.admit(HELD * binary.size);
  const page = await documentPage(await bytesOf(binary, binary.size), found);
  if (!page) throw notShown('no document that can be read');
  return page;
}

async function bytesOf(binary: RawContent, length: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of await binary.open({ start: 0, end: length - 1 })) parts.push(part);
  return Buffer.concat(parts);
}

const notShown = (why: string): FhirError =>
  new FhirError('unprocessable', `This Binary is ${why}, and has no page. Read its bytes instead: Accept: */*.`, {
    detail: 'not-renderable',
    expression: 'Binary',
  });
