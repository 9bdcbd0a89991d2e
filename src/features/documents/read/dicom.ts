/**
 * What a DICOM file says before its pixels: https://dicom.nema.org/medical/dicom/current/output/html/part10.html#chapter_7, attributes after
 * https://dicom.nema.org/medical/dicom/current/output/html/part03.html#sect_C.7
 */
import { inflateRawSync } from 'node:zlib';
import dicomParser, { type DataSet } from 'dicom-parser';
import {
  type DocumentMetadata,
  type DocumentPatient,
  type HumanName,
  givenOnly,
  type ReadLimits,
  unlessEmpty,
} from './document-metadata.js';
import { dateTimeOf } from './plain-values.js';

const PIXELS = 'x7fe00010';
const UID = /^[0-2](?:\.(?:0|[1-9]\d*))+$/;

/** What comes behind `limits.header` is not looked at. Undefined, or any error, where it is no DICOM file. */
export function readDicom(bytes: Uint8Array, limits: ReadLimits): DocumentMetadata | undefined {
  const data = dicomParser.parseDicom(bytes.subarray(0, limits.header), {
    untilTag: PIXELS,
    // Deflated files: the preamble stays, and what follows may become so large and no larger.
    inflater: (packed: Uint8Array, position: number) =>
      Buffer.concat([
        packed.subarray(0, position),
        inflateRawSync(packed.subarray(position), { maxOutputLength: limits.inflated }),
      ]),
  });
  const uid = (tag: string) => uidOf(data.string(tag));
  const sop = uid('x00080018');
  const offset = data.string('x00080201') ?? '';
  const at = (date: string, time: string) =>
    dateTimeOf(`${data.string(date) ?? ''}${data.string(time) ?? ''}${offset}`) ?? dateTimeOf(data.string(date));
  const study = at('x00080020', 'x00080030');
  const institution = dicomText(data, 'x00080080');
  return givenOnly<DocumentMetadata>({
    kind: 'dicom',
    contentType: 'application/dicom',
    masterIdentifier: sop === undefined ? undefined : { system: 'urn:ietf:rfc:3986', value: `urn:oid:${sop}` },
    title: dicomText(data, 'x00081030') ?? dicomText(data, 'x0008103e'),
    creation: at('x00080012', 'x00080013') ?? at('x00080023', 'x00080033') ?? study,
    patient: imagedPatient(data),
    custodian: institution === undefined ? undefined : { identifier: [], name: institution },
    context: study === undefined ? undefined : { period: { start: study } },
    width: data.uint16('x00280011'),
    height: data.uint16('x00280010'),
    imaging: givenOnly<NonNullable<DocumentMetadata['imaging']>>({
      studyInstanceUid: uid('x0020000d'),
      seriesInstanceUid: uid('x0020000e'),
      sopInstanceUid: sop,
      sopClassUid: uid('x00080016'),
      modality: codeAt(data, 'x00080060'),
      accessionNumber: dicomText(data, 'x00080050'),
      transferSyntaxUid: uid('x00020010'),
      frames: wholeAt(data, 'x00280008'),
    }),
  });
}

const uidOf = (value: string | undefined): string | undefined =>
  value !== undefined && value.length <= 64 && UID.test(value) ? value : undefined;

const codeAt = (data: DataSet, tag: string): string | undefined => {
  const code = data.string(tag);
  return code !== undefined && /^[A-Z\d_ ]{1,16}$/.test(code) ? code : undefined;
};

function wholeAt(data: DataSet, tag: string): number | undefined {
  const number = Number(data.string(tag) ?? Number.NaN);
  return Number.isSafeInteger(number) && number > 0 ? number : undefined;
}

/** In the character set that the file names, where that is one of the common ones; others only if they are ASCII. */
function dicomText(data: DataSet, tag: string): string | undefined {
  const element = data.elements[tag];
  if (!element || element.length === 0 || element.length > 64 * 1024) return undefined;
  const bytes = Buffer.from(data.byteArray.buffer, data.byteArray.byteOffset + element.dataOffset, element.length);
  const charset = data.string('x00080005') ?? '';
  const plain = bytes.every(byte => byte < 0x80);
  if (!plain && !/^ISO_IR (?:100|192)$/.test(charset)) return undefined;
  const text = bytes
    .toString(charset === 'ISO_IR 192' ? 'utf8' : 'latin1')
    .replaceAll(/[\0-\x1f]+/g, ' ')
    .trim();
  return text === '' ? undefined : text;
}

const SEX: Readonly<Record<string, string>> = { F: 'female', M: 'male', O: 'other' };

function imagedPatient(data: DataSet): DocumentPatient | undefined {
  const id = dicomText(data, 'x00100020');
  const name = personName(dicomText(data, 'x00100010'));
  if (id === undefined && !name) return undefined;
  return givenOnly<DocumentPatient>({
    identifier: id === undefined ? [] : [{ value: id }],
    name: name && [name],
    birthDate: dateTimeOf(data.string('x00100030'))?.slice(0, 10),
    gender: SEX[data.string('x00100040') ?? ''],
  });
}

/** PN: family^given^middle^prefix^suffix; ideographic and phonetic forms follow `=`. */
function personName(value: string | undefined): HumanName | undefined {
  const [family, given, middle, prefix, suffix] = (value?.split('=')[0] ?? '').split('^').map(part => part.trim());
  const some = (...parts: readonly (string | undefined)[]) =>
    unlessEmpty(parts.filter((part): part is string => part !== undefined && part !== ''));
  const name = givenOnly<HumanName>({
    family: family === '' ? undefined : family,
    given: some(given, middle),
    prefix: some(prefix),
    suffix: some(suffix),
  });
  return (name.family ?? name.given) ? name : undefined;
}
