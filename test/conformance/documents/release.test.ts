/** Pictures leave the house without places and devices, where the operator wants it so; src/interactions/response/release.ts */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { Binary } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { aBinary } from '../../support/document-reference.js';
import { aGreyJpeg, aPng } from '../../support/scans.js';
import { refusal } from '../../support/talk.js';

/** A picture with a place in its comment, and in Exif. */
function withPlace(): Buffer {
  const picture = aGreyJpeg();
  const comment = Buffer.from('48.8584 N 2.2945 E');
  const segment = (marker: number, data: Buffer): Buffer =>
    Buffer.concat([Buffer.from([0xff, marker, 0, data.length + 2]), data]);
  const exif = Buffer.concat([Buffer.from('Exif\0\0'), comment]);
  return Buffer.concat([picture.subarray(0, 2), segment(0xe1, exif), segment(0xfe, comment), picture.subarray(2)]);
}

onStoresInTurn(
  'pictures that are given out',
  stage => {
    const kept = async (type: string, bytes: Buffer): Promise<string> =>
      (await stage().talk.create<Binary>(aBinary(type, bytes))).body.id;
    const given = async (id: string, headers: Record<string, string> = {}) => {
      const reply = await fetch(`${stage().talk.base}/Binary/${id}`, { headers: { accept: '*/*', ...headers } });
      return { reply, bytes: Buffer.from(await reply.arrayBuffer()) };
    };

    it('have no place, and their own length, ETag and ranges; what is stored stays', async () => {
      const { talk } = stage();
      for (const type of ['image/jpeg', 'application/octet-stream']) {
        const id = await kept(type, withPlace());
        const { reply, bytes } = await given(id);
        assert.ok(!bytes.includes('48.8584') && bytes.equals(aGreyJpeg()), type);
        assert.equal(reply.headers.get('content-length'), String(bytes.length));
        const tag = reply.headers.get('etag')!;
        assert.equal(tag, `"${createHash('sha256').update(bytes).digest('hex')}"`);
        const part = await given(id, { range: 'bytes=2-9' });
        assert.deepEqual([part.reply.status, part.bytes], [206, bytes.subarray(2, 10)]);
        assert.equal((await given(id, { 'if-none-match': tag })).reply.status, 304);
        const { data } = (await talk.get<Binary>(`Binary/${id}`)).body;
        assert.ok(Buffer.from(data!, 'base64').equals(withPlace()), 'the record itself');
      }
    });

    it('are given out as they are where they are no JPEG, and not at all where nobody can tell', async () => {
      const png = aPng(20, 20);
      assert.ok((await given(await kept('image/png', png))).bytes.equals(png));
      const cut = await kept('image/jpeg', withPlace().subarray(0, -2));
      const reply = await stage().talk.get(`Binary/${cut}`, { accept: 'image/jpeg' });
      assert.deepEqual(refusal(reply), { status: 422, detail: 'not-releasable' });
    });
  },
  { config: { stripExif: 'on' } },
);

onStoresInTurn('pictures where the operator wants nothing of the kind', stage => {
  it('are given out as they were sent', async () => {
    const { body } = await stage().talk.create<Binary>(aBinary('image/jpeg', withPlace()));
    const reply = await fetch(`${stage().talk.base}/Binary/${body.id}`, { headers: { accept: 'image/jpeg' } });
    assert.ok(Buffer.from(await reply.arrayBuffer()).equals(withPlace()));
  });
});
