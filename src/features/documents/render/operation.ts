/**
 * `Binary/<id>/$render`: a document as a page. https://hl7.org/fhir/R4/operations.html
 *
 * The bytes are read as any client reads them, in the name of whoever asks: decided, and recorded as a read of the Binary with its patients.
 */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { FhirError } from '../../../fhir/error.js';
import { isMediaType } from '../../../fhir/media-type.js';
import { htmlText } from '../../../platform/html.js';
import type { Context, OperationImplementation } from '../../../interactions/engine.js';
import { actingFor } from '../../../interactions/feature.js';
import type { RawContent } from '../../../interactions/interaction.js';
import { readGiven } from '../../../interactions/operations/parameters.js';
import { fileNamed } from '../../../interactions/response/file-name.js';
import { NOTICE } from '../../../interactions/response/redisclosure.js';
import { released } from '../../../interactions/response/release.js';
import { perform } from '../../../interactions/perform.js';
import { contentTypeOf, HEAD_BYTES } from '../../../fhir/content/content-type.js';
import { contradicts } from '../read/media-kinds.js';
import { READ_LIMITS } from '../read/document-metadata.js';
import { documentBody, documentPage } from '../read/read-document.js';
import { PAGE_POLICY } from '../../../interactions/response/shown-page.js';
import { isShowable } from './pages.js';

/** Bytes of a document that are held for its page: its own, those of the thread, and the page. */
const HELD = 3;

const renderBinary: OperationImplementation['run'] = async (context, ask) => {
  const { id = '' } = ask;
  const { given } = readGiven(context.engine, ask);
  const wantsBody = given.some(({ value }) => value === 'true');
  const { binary, version, subject, patients } = await perform(actingFor(context, 'documents'), {
    kind: 'read',
    type: 'Binary',
    id,
    content: ['*/*'],
  });
  if (wantsBody) {
    const file = await bodyOfBinary(context, binary);
    return { result: { status: 200, binary: file, ...(subject ? { subject } : {}), patients } };
  }
  const page = await pageOfBinary(context, binary);
  const html = binary?.isUnderNotice ? withNotice(page) : page;
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

const OPENING = Buffer.from('<body>');

/** A page that says first that it must not be passed on. */
function withNotice(page: Buffer): Buffer {
  const at = page.indexOf(OPENING) + OPENING.length;
  const line = `<p class="alert bold" role="note">${htmlText(NOTICE)}</p>`;
  return Buffer.concat([page.subarray(0, at), Buffer.from(line), page.subarray(at)]);
}

type Rendering = Pick<Context, 'allowance' | 'engine'>;

async function pageOfBinary({ allowance }: Rendering, binary: RawContent | undefined): Promise<Buffer> {
  const { content, found } = await typed(binary);
  if (!isShowable(found)) throw notShown('no CDA or FHIR document, text or image');
  if (content.size > READ_LIMITS.bytes) throw notShown('too large');
  await allowance?.admit(HELD * content.size);
  const page = await documentPage(await bytesOf(content, content.size), found);
  if (!page) throw notShown('no document that can be read');
  return page;
}

async function typed(binary: RawContent | undefined) {
  if (!binary || binary.size === 0) throw notShown('empty');
  return { content: binary, found: await contentTypeOf(await bytesOf(binary, Math.min(binary.size, HEAD_BYTES))) };
}

/** The file that a CDA document holds: given out as bytes that somebody filed are, with a type that is not contradicted by them. */
async function bodyOfBinary({ allowance, engine }: Rendering, binary: RawContent | undefined): Promise<RawContent> {
  const { content, found } = await typed(binary);
  if (found !== 'application/xml' || content.size > READ_LIMITS.bytes) throw bodyNotHeld();
  await allowance?.admit(HELD * content.size);
  const body = await documentBody(await bytesOf(content, content.size), found);
  if (!body) throw bodyNotHeld();
  const bytes = Buffer.from(body.bytes.buffer);
  const isType = await contentTypeOf(bytes);
  const isSaid = isMediaType(body.contentType) && !contradicts(body.contentType, isType);
  const contentType = isSaid ? body.contentType : (isType ?? OCTETS);
  const file = {
    contentType,
    size: bytes.length,
    hash: createHash('sha256').update(bytes).digest('hex'),
    inline: false,
    open: async (range: Parameters<RawContent['open']>[0] = { start: 0, end: bytes.length - 1 }) =>
      Readable.from([bytes.subarray(range.start, range.end + 1)]),
  };
  const given = await released(engine.releases, file, async most => allowance?.admit(most));
  return {
    ...given,
    ...(content.isUnderNotice ? { isUnderNotice: true } : {}),
    fileName: fileNamed(content.fileName.replace(/\.[A-Za-z]{2,5}$/, ''), given.contentType) ?? 'body',
  };
}

const OCTETS = 'application/octet-stream';

async function bytesOf(binary: RawContent, length: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of await binary.open({ start: 0, end: length - 1 })) parts.push(part);
  return Buffer.concat(parts);
}

const bodyNotHeld = (): FhirError =>
  new FhirError(
    'unprocessable',
    'This Binary is no CDA document that holds a file (nonXMLBody) which can be read. Ask for its page, or read its bytes.',
    { detail: 'no-body', expression: 'Binary' },
  );

const notShown = (why: string): FhirError =>
  new FhirError('unprocessable', `This Binary is ${why}, and has no page. Read its bytes instead: Accept: */*.`, {
    detail: 'not-renderable',
    expression: 'Binary',
  });
