/** What of a JPEG file stays when it is released: the picture, upright, and nothing of where and with what it was made. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { stripExif } from '../../../src/features/documents/read/strip-exif.js';
import { JPEG_SCAN, jpegSegments } from '../../../src/fhir/content/jpeg-segments.js';
import { DOCUMENTS, readPayloads } from '../../support/documents.js';
import { skipWithout } from '../../support/shared.js';

const EXIF = 0xe1;

/** An Exif segment as cameras write it: orientation, maker, and a directory of places. */
function exif(orientation: number): Buffer {
  const entry = (tag: number, type: number, count: number, value: number): Buffer => {
    const bytes = Buffer.alloc(12);
    bytes.writeUInt16BE(tag, 0);
    bytes.writeUInt16BE(type, 2);
    bytes.writeUInt32BE(count, 4);
    if (type === 3) bytes.writeUInt16BE(value, 8);
    else bytes.writeUInt32BE(value, 8);
    return bytes;
  };
  const maker = Buffer.from('SecretCamera\0');
  const behind = 8 + 2 + 3 * 12 + 4;
  const directory = Buffer.concat([
    Buffer.from([0, 3]),
    entry(0x010f, 2, maker.length, behind),
    entry(0x0112, 3, 1, orientation),
    entry(0x8825, 4, 1, behind),
    Buffer.alloc(4),
  ]);
  const data = Buffer.concat([Buffer.from('Exif\0\0MM\0*\0\0\0\b', 'latin1'), directory, maker]);
  const head = Buffer.from([0xff, EXIF, 0, 0]);
  head.writeUInt16BE(data.length + 2, 2);
  return Buffer.concat([head, data]);
}

const coded = (bytes: Uint8Array): Buffer[] =>
  [...jpegSegments(bytes)].flatMap(({ marker, start, end }) =>
    marker === JPEG_SCAN ? [Buffer.from(bytes.subarray(start, end))] : [],
  );

describe('a JPEG file for release', () => {
  it('has the same picture, and neither place, device, time nor thumbnail', function () {
    const photos = readPayloads(skipWithout(this, ...DOCUMENTS)).filter(
      ({ contentType }) => contentType === 'image/jpeg',
    );
    assert.equal(photos.length, 3);
    for (const { file, bytes } of photos) {
      const released = stripExif(bytes)!;
      assert.deepEqual(coded(released), coded(bytes), file);
      assert.ok(coded(bytes).length > 0);
      const markers = new Set([...jpegSegments(released)].map(({ marker }) => marker));
      assert.ok(!markers.has(0xed) && !markers.has(0xfe), file);
      for (const { marker, data } of jpegSegments(released)) if (marker === EXIF) assert.ok(data.length < 40, file);
    }
  });

  it('stands upright as before: the orientation stays, and what stood beside it goes', function () {
    const photo = readPayloads(skipWithout(this, ...DOCUMENTS)).find(({ file }) => file === 'photo.jpg')!.bytes;
    const turned = Buffer.concat([photo.subarray(0, 2), exif(6), photo.subarray(2)]);
    const released = Buffer.from(stripExif(turned)!);
    const segments = [...jpegSegments(released)].filter(({ marker }) => marker === EXIF);
    assert.equal(segments.length, 1);
    assert.ok(!released.includes('SecretCamera') && turned.includes('SecretCamera'));
    // Its one entry: tag 0x0112, a SHORT, 6.
    assert.ok(Buffer.from(segments[0]!.data).includes(Buffer.from([0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6])));
    assert.deepEqual(coded(released), coded(photo));
    const upright = Buffer.concat([photo.subarray(0, 2), exif(1), photo.subarray(2)]);
    assert.ok(![...jpegSegments(stripExif(upright)!)].some(({ marker }) => marker === EXIF));
  });

  it('is none where the file cannot be followed to its end', function () {
    const photo = readPayloads(skipWithout(this, ...DOCUMENTS)).find(({ file }) => file === 'photo.jpg')!.bytes;
    assert.equal(stripExif(photo.subarray(0, photo.length - 2)), undefined);
    assert.equal(stripExif(Buffer.from('%PDF-1.4')), undefined);
  });
});
