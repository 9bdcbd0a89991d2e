/** Texts in other forms, with bytes beside them: the same on the main thread and in a worker, as if all had been in the text. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, describe, it } from 'mocha';
import { loadDefinitions } from '../../../../src/fhir/definitions.js';
import { createForms, type Form, formed } from '../../../../src/interactions/response/forms.js';
import { join, type Piece, type Text } from '../../../../src/fhir/content/holes.js';
import { sizeOf, whole } from '../../../../src/interactions/response/text.js';

const definitions = loadDefinitions();
const forms = createForms(definitions);

const BYTES = ['a', 'bb', 'ccc', ''].map(text => Buffer.from(text.repeat(100)));
const hashOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const kept = new Map(BYTES.map(bytes => [hashOf(bytes), bytes]));
const store = {
  blobs: {
    put: () => Promise.reject(new Error('Nothing is kept here.')),
    all: () => [] as never,
    keep: () => Promise.reject(new Error('Nothing is kept here.')),
    lackBucket: async () => false,
    sweep: () => Promise.resolve(0),
    get: (hash: string) => {
      const found = kept.get(hash);
      const bytes = (async function* () {
        for (let at = 0; at < found!.length; at += 7) yield found!.subarray(at, at + 7);
      })();
      return Promise.resolve(found && { size: found.length, bytes });
    },
  },
};

/** A document of at least so many bytes, with attachments: first as text with holes, then whole. */
function document(bytes: number): { text: Text; plain: Buffer } {
  const padding = `\u00fc\u20ac ${'x'.repeat(bytes)}`;
  const head = `{"resourceType":"DocumentReference","id":"d","status":"current","description":"${padding}","content":[`;
  const pieces: Piece[] = [head];
  BYTES.forEach((data, i) => {
    pieces.push(
      `${i === 0 ? '' : ','}{"attachment":{"title":"${i}","data":"`,
      { hash: hashOf(data), size: data.length },
      '"}}',
    );
  });
  pieces.push(
    '],"extension":[{"url":"http://e/x","valueAttachment":{"data":"',
    { hash: hashOf(BYTES[0]!), size: 100 },
    '"}}]}',
  );
  const plain = pieces.map(piece =>
    typeof piece === 'string' || Buffer.isBuffer(piece) ? piece.toString() : kept.get(piece.hash)!.toString('base64'),
  );
  return { text: join(pieces), plain: Buffer.from(plain.join('')) };
}

const FORMS: readonly Form[] = [
  { as: 'xml', pretty: false },
  { as: 'xml', pretty: true },
  { as: 'json', pretty: true },
  ...(['true', 'text', 'data', { elements: ['content'] }, { elements: ['extension'] }] as const).map(
    (of): Form => ({ as: 'summary', of }),
  ),
];

describe('texts in other forms', () => {
  after(() => forms.close());

  for (const bytes of [10, 300_000])
    for (const form of FORMS)
      it(`${JSON.stringify(form)} of ${bytes} bytes: as if the attachments had been in the text`, async () => {
        const { text, plain } = document(bytes);
        assert.deepEqual(await whole(store, text), plain);
        assert.equal(sizeOf(text), plain.length);
        const given = forms.give(text, form);
        assert.equal('then' in given, bytes > 128 * 1024, 'what is large is made elsewhere');
        const expected = formed(plain, form, definitions);
        assert.equal((await whole(store, await given)).toString(), expected.toString());
        assert.equal(sizeOf(await given), expected.length);
      });

  it('tells of bytes that are missing', async () => {
    const text = join(['{"data":"', { hash: 'none', size: 3 }, '"}']);
    await assert.rejects(whole(store, text), { kind: 'blob-damaged' });
  });
});
