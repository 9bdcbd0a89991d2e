/** What values say of themselves: attachments, urns, HTML in strings, links of narratives; each beside one that is right. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'mocha';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import type { JsonObject } from '../../../src/fhir/resource.js';
import { bytesOfBase64 } from '../../../src/validation/content/attachment.js';
import { createContentCheck } from '../../../src/validation/content/content.js';
import type { ProfileOptions } from '../../../src/validation/run.js';
import { inShort, runCheck } from '../../support/resource-check.js';

const check = createContentCheck(loadDefinitions());

async function found(resource: JsonObject, htmlInStrings: ProfileOptions['htmlInStrings'] = 'warn'): Promise<string[]> {
  return inShort(await runCheck(check, resource['resourceType'] as string, resource, { options: { htmlInStrings } }));
}

const patient = (more: JsonObject): JsonObject => ({ resourceType: 'Patient', ...more });

describe('an attachment', () => {
  const photo = (attachment: JsonObject): JsonObject => patient({ photo: [{}, attachment] });
  const hash = createHash('sha1').update('abcd').digest('base64');

  it('has the size of its data', async () => {
    assert.deepEqual(await found(photo({ data: 'YWJjZA==', size: 4 })), []);
    assert.deepEqual(await found(photo({ data: 'YWJjZA==', size: 5 })), ['attachment-data Patient.photo[1].size']);
    assert.deepEqual(await found(photo({ data: 'YWJj\nZA==', size: 4 })), []);
    assert.deepEqual(await found(photo({ url: 'http://a', size: 5 })), []);
  });

  it('has the hash of its data', async () => {
    assert.deepEqual(await found(photo({ data: 'YWJjZA==', hash })), []);
    assert.deepEqual(await found(photo({ data: 'YWJjZQ==', hash })), ['attachment-data Patient.photo[1].hash']);
    const hex = Buffer.from(hash, 'base64').toString('hex');
    assert.deepEqual(await found(photo({ data: 'YWJjZA==', hash: hex })), [], 'as a write takes it');
    assert.deepEqual(await found(photo({ url: 'http://a', hash })), []);
  });

  it('has the hash of its data, however long that is', async () => {
    const data = Buffer.alloc(1_200_000, 'abc').toString('base64');
    const right = createHash('sha1').update(Buffer.from(data, 'base64')).digest('base64');
    assert.deepEqual(await found(photo({ data, hash: right })), []);
    assert.deepEqual(await found(photo({ data, hash })), ['attachment-data Patient.photo[1].hash']);
  });

  it('is checked wherever it stands, and nothing else is', async () => {
    const value = { data: 'YWJjZA==', size: 5 };
    const observation = { resourceType: 'Observation', extension: [{ url: 'http://a', valueAttachment: value }] };
    assert.deepEqual(await found(observation), ['attachment-data Observation.extension[0].value.size']);
    // SampledData has data, too.
    const sampled = { resourceType: 'Observation', valueSampledData: { data: 'E', size: 1 } };
    assert.deepEqual(await found(sampled), []);
  });

  it('is measured without white space', () => {
    for (const text of ['', 'a', 'ab', 'abc', 'abcd', 'é😀'.repeat(99)]) {
      const data = Buffer.from(text).toString('base64');
      assert.equal(bytesOfBase64(data), Buffer.byteLength(text));
      assert.equal(bytesOfBase64(` ${data.slice(0, 3)}\r\n${data.slice(3)} `), Buffer.byteLength(text));
    }
  });
});

describe('an address that is reserved for examples', () => {
  const photo = (url: string): JsonObject => patient({ photo: [{ url }], identifier: [{ system: url, value: '1' }] });
  const told = async (url: string, exampleUrls: ProfileOptions['exampleUrls']): Promise<string[]> =>
    inShort(await runCheck(check, 'Patient', photo(url), { options: { exampleUrls } }));

  it('is told of where the setting says so, in addresses alone', async () => {
    for (const host of ['example.org', 'a.b.example.com', 'EXAMPLE.net:80', 'clinic.example', 'a-b.example.org?c']) {
      assert.deepEqual(await told(`http://${host}`, 'ignore'), [], host);
      assert.deepEqual(await told(`https://${host}`, 'warn'), ['warning example-url Patient.photo[0].url'], host);
      assert.deepEqual(await told(`http://${host}/a`, 'error'), ['example-url Patient.photo[0].url'], host);
    }
    for (const url of ['http://myexample.org', 'http://example.org.uk', 'http://a.b/example.org', 'urn:example.org'])
      assert.deepEqual(await told(url, 'error'), [], url);
  });
});

describe('a uri that is a urn', () => {
  const identified = (system: string): JsonObject => patient({ identifier: [{ system, value: '1' }] });
  const place = ['uri-form Patient.identifier[0].system'];

  it('is a UUID in lower case', async () => {
    const uuid = 'urn:uuid:8ce7db7b-9b9b-41ae-b1d7-3f2d1c728a13';
    assert.deepEqual(await found(identified(uuid)), []);
    for (const wrong of [uuid.slice(0, -1), `${uuid}0`, 'urn:uuid:x'])
      assert.deepEqual(await found(identified(wrong)), place, wrong);
    const capitals = await found(identified(`urn:uuid:${uuid.slice(9).toUpperCase()}`));
    assert.deepEqual(capitals, ['warning uri-form Patient.identifier[0].system']);
  });

  it('is an OID', async () => {
    for (const right of ['urn:oid:1.2.840.113619', 'urn:oid:2.16.0', 'urn:ietf:rfc:3986', 'urn:x'])
      assert.deepEqual(await found(identified(right)), [], right);
    for (const wrong of ['urn:oid:3.1', 'urn:oid:1.02', 'urn:oid:1', 'urn:oid:1..2', 'urn:oid:'])
      assert.deepEqual(await found(identified(wrong)), place, wrong);
  });

  it('is a canonical with version and fragment, in a list, too', async () => {
    const uuid = 'urn:uuid:8ce7db7b-9b9b-41ae-b1d7-3f2d1c728a13';
    assert.deepEqual(await found(patient({ meta: { profile: [`${uuid}|1.0`, `${uuid}#a`] } })), []);
    const wrong = await found(patient({ meta: { profile: [uuid, 'urn:uuid:a|1'] } }));
    assert.deepEqual(wrong, ['uri-form Patient.meta.profile[1]']);
  });

  it('is no string that only looks like one', async () => {
    assert.deepEqual(await found(patient({ name: [{ text: 'urn:uuid:x', given: ['urn:oid:y'] }] })), []);
    assert.deepEqual(await found(patient({ identifier: [{ value: 'urn:uuid:x' }] })), []);
  });
});

describe('HTML in a string', () => {
  const named = (text: string): JsonObject => patient({ name: [{ text }] });

  it('is told as the setting says', async () => {
    const text = 'Peter <script src="a"> James';
    assert.deepEqual(await found(named(text), 'ignore'), []);
    assert.deepEqual(await found(named(text), 'warn'), ['warning html-in-string Patient.name[0].text']);
    assert.deepEqual(await found(named(text), 'error'), ['html-in-string Patient.name[0].text']);
  });

  it('is what looks like a tag', async () => {
    for (const html of ['<b>', 'a</b>', '<br/>', '<br />', '<img src=x onerror=y>', "<a href='x'>", '<h1>', '<b\n>'])
      assert.equal((await found(named(html))).length, 1, html);
    for (const text of ['<', 'a < b', 'a <b and c', '<5 >3', '<a@b.org>', '<>', '< b>', '<-->', '&lt;b&gt;'])
      assert.deepEqual(await found(named(text)), [], text);
  });

  it('is found in markdown, lists and extensions, and left alone in narratives, codes and data', async () => {
    const note = { resourceType: 'Observation', note: [{ text: 'a <b>c</b>' }] };
    assert.deepEqual(await found(note), ['warning html-in-string Observation.note[0].text']);
    assert.deepEqual(await found(patient({ name: [{ given: ['a', '<b>'] }] })), [
      'warning html-in-string Patient.name[0].given[1]',
    ]);
    const extended = patient({ _birthDate: { extension: [{ url: 'http://a', valueString: '<b>' }] } });
    assert.deepEqual(await found(extended), ['warning html-in-string Patient.birthDate.extension[0].value']);
    assert.deepEqual(await found(patient({ text: { status: 'generated', div: '<div><b>a</b></div>' } })), []);
    assert.deepEqual(
      await found(
        patient({
          contained: [{ resourceType: 'Person', name: [{ text: '<b>' }] }],
          identifier: [{ system: 'http://<b>' }],
        }),
      ),
      [],
    );
  });

  it('is looked for in linear time', async () => {
    for (const part of ['<a ', '<a/', '<a a', '<aaaa', '</'])
      assert.deepEqual(await found(named(part.repeat(200_000))), [], part);
  });
});

describe('a contained resource', () => {
  const among = (contained: JsonObject): JsonObject =>
    patient({ contained: [{ resourceType: 'Person', id: 'a' }, contained] });

  it('has an id, also where it refers to what contains it', async () => {
    assert.deepEqual(await found(among({ resourceType: 'Person', id: 'b' })), []);
    const refers = { resourceType: 'Person', link: [{ target: { reference: '#' } }] };
    assert.deepEqual(inShort(await runCheck(check, 'Person', among(refers))), ['contained-id Patient.contained[1]']);
  });

  it('is alone in that', async () => {
    const entry = { resourceType: 'Bundle', entry: [{ resource: { resourceType: 'Person' } }] };
    assert.deepEqual(inShort(await runCheck(check, 'Person', entry)), []);
    assert.deepEqual(await found({ resourceType: 'Person' }), []);
  });
});

describe('a narrative', () => {
  const told = (html: string, more: JsonObject = {}): JsonObject =>
    patient({ text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">${html}</div>` }, ...more });
  const warning = ['warning narrative-link Patient.text.div'];

  it('has links to anchors that are there', async () => {
    assert.deepEqual(await found(told('<a href="#a">b</a><p id="a">c</p>')), []);
    assert.deepEqual(await found(told('<a href="#a">b</a><a name="a">c</a>')), []);
    assert.deepEqual(await found(told('<a href="#a">b</a><p id="b">c</p>')), warning);
    assert.deepEqual(await found(told('<a href="#a">b</a><img name="a"/>')), warning);
    assert.deepEqual(await found(told('<a href="#">b</a>')), []);
    assert.deepEqual(await found(told("<a href='#a'>b</a>")), warning);
  });

  it('has links to elements, contained resources and other narratives', async () => {
    assert.deepEqual(await found(told('<a href="#a">b</a>', { name: [{ id: 'a' }] })), []);
    assert.deepEqual(await found(told('<a href="#a">b</a>', { contained: [{ resourceType: 'Person', id: 'a' }] })), []);
    const section = (html: string): JsonObject => ({ text: { status: 'generated', div: `<div>${html}</div>` } });
    const composition = {
      resourceType: 'Composition',
      section: [section('<a href="#a">b</a>'), section('<p id="a"/>')],
    };
    assert.deepEqual(await found(composition), []);
    const dead = { resourceType: 'Composition', section: [section('<a href="#a">b</a>'), section('<p/>')] };
    assert.deepEqual(await found(dead), ['warning narrative-link Composition.section[0].text.div']);
  });

  it('has links of schemes that readers follow', async () => {
    for (const href of ['http://a', 'https://a', 'mailto:a@b', 'tel:1', 'Patient/a', '../a', 'a:b'.slice(2)])
      assert.deepEqual(await found(told(`<a href="${href}">a</a>`)), [], href);
    for (const href of ['urn:uuid:a', 'cid:a'])
      assert.deepEqual(await found(told(`<a href="${href}">a</a>`)), warning, href);
  });

  it('has each id once, where it has links', async () => {
    const link = '<a href="#a">b</a>';
    assert.deepEqual(await found(told(`${link}<p id="a"/><p id="b"/>`)), []);
    assert.deepEqual(await found(told(`${link}<p id="a"/><p id="a"/>`)), warning);
  });

  it('is told of each fault once, and its text is no tag', async () => {
    assert.deepEqual(await found(told('<a href="#a">b</a><a href="#b">c</a>')), warning);
    assert.deepEqual(await found(told('href="#a" <p title="a > href=&quot;#b&quot;">c</p>')), []);
  });

  it('is looked through in linear time', async () => {
    for (const part of [' href="#a"', '<a href="#a">', ' href', ' href=', ' id="a"', '<', '>'])
      await found(told(`<a href="#a">${part.repeat(100_000)}`));
  });
});
