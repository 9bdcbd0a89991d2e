/** Pictures leave the house without places and devices, where the operator wants it so; src/interactions/response/release.ts */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { Binary, Patient } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { aBinary } from '../../support/document-reference.js';
import { aGreyJpeg, aPng } from '../../support/scans.js';
import { refusal } from '../../support/talk.js';

/** A picture with a place in its comment, and in Exif. */
function withPlace(fill = 0): Buffer {
  const picture = aGreyJpeg();
  const comment = Buffer.concat([Buffer.from('48.8584 N 2.2945 E'), Buffer.alloc(fill, ' ')]);
  const segment = (marker: number, data: Buffer): Buffer =>
    Buffer.concat([Buffer.from([0xff, marker, (data.length + 2) >> 8, (data.length + 2) & 255]), data]);
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
        assert.ok(Buffer.from(data!, 'base64').equals(aGreyJpeg()), 'in the resource');
      }
    });

    it('have no place in resources either, short and long, as JSON and XML, in searches, histories and records', async () => {
      const { talk } = stage();
      const long = Buffer.concat([withPlace(40_000), Buffer.from('behind the end 48.8584')]);
      const photo = [withPlace(), long].map(bytes => ({ contentType: 'image/jpeg', data: bytes.toString('base64') }));
      const { id } = (await talk.create<Patient>({ resourceType: 'Patient', photo })).body;
      const asXml = await fetch(`${talk.base}/Patient/${id}`, { headers: { accept: 'application/fhir+xml' } });
      const texts = [await asXml.text()];
      for (const path of [`Patient/${id}`, `Patient?_id=${id}`, `Patient/${id}/_history`, `Patient/${id}/$everything`])
        texts.push(JSON.stringify((await talk.get(path)).body));
      const wanted = aGreyJpeg().toString('base64');
      for (const text of texts) {
        assert.equal(text.split(wanted).length, 3);
        for (const place of photo) assert.ok(!text.includes(place.data));
      }
    });

    it('have no place where their base64 is written otherwise, in extensions and in narratives', async () => {
      const { talk } = stage();
      const place = withPlace(1).toString('base64');
      const wanted = aGreyJpeg().toString('base64');
      const otherwise = [
        place,
        ` ${place.replaceAll(/.{76}/g, '$&\n')}`,
        place.replaceAll(/.{4}/g, '$& '),
        place.replace(
          /([^=])(=+)$/,
          (_, last: string, end: string) => `${String.fromCharCode(last.charCodeAt(0) + 1)}${end}`,
        ),
      ];
      for (const data of otherwise) {
        const div = `<div xmlns="http://www.w3.org/1999/xhtml"><img alt="a" src="data:image/jpeg;base64,${data}"/></div>`;
        const patient = await talk.create<Patient>({
          ...{ resourceType: 'Patient', text: { status: 'generated', div } },
          extension: [{ url: 'http://a.org/picture', valueBase64Binary: data }],
          photo: [{ contentType: 'image/jpeg', data }],
        });
        assert.equal(patient.status, 201, patient.text.slice(0, 500));
        const binary = (await talk.create<Binary>({ resourceType: 'Binary', contentType: 'image/jpeg', data })).body;
        for (const accept of ['application/fhir+json', 'application/fhir+xml']) {
          const texts = [`Patient/${patient.body.id}`, `Patient?_id=${patient.body.id}`, `Binary/${binary.id}`];
          for (const [at, path] of texts.entries()) {
            const text = await (await fetch(`${talk.base}/${path}`, { headers: { accept } })).text();
            assert.equal(text.split(wanted).length, at < 2 ? 4 : 2, `${path} ${accept} ${data.slice(0, 20)}`);
          }
        }
        assert.ok((await given(binary.id)).bytes.equals(aGreyJpeg()));
      }
    });

    it('stand in resources as a picture that shows nothing where nobody can tell', async () => {
      const { talk } = stage();
      const id = await kept('image/jpeg', withPlace().subarray(0, -2));
      const { data } = (await talk.get<Binary>(`Binary/${id}`)).body;
      assert.equal(data, Buffer.from([0xff, 0xd8, 0xff, 0xd9]).toString('base64'));
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
