/**
 * What the entries of a submission must say, by the level that it claims.
 * https://profiles.ihe.net/ITI/MHD/4.2.3/StructureDefinition-IHE.MHD.Minimal.DocumentReference.html and those beside it
 */
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../../fhir/resource.js';
import type { SubmissionFaults } from './faults.js';
import { listKind, referenceIn, type Submission, type Submitted } from './submission.js';
import { DESIGNATION_TYPE, IDENTIFIER_TYPE, type MetadataLevel, SOURCE_ID } from './vocabulary.js';

export function checkMetadata(submission: Submission, level: MetadataLevel, faults: SubmissionFaults): void {
  const { sets, folders, documents } = submission;
  const [, ...more] = sets;
  if (sets.length === 0)
    faults.add(
      undefined,
      'entry',
      'no-submission-set',
      'XDSRegistryMetadataError',
      'A submission has one SubmissionSet.',
    );
  for (const { at } of more)
    faults.add(at, '', 'several-submission-sets', 'XDSRegistryMetadataError', 'A submission has one SubmissionSet.');
  for (const set of sets) checkList(set, level, faults);
  for (const folder of folders) checkList(folder, level, faults);
  for (const document of documents) checkDocument(document, level, faults);
}

/** A demand on one element: `path`, whether it is met, and what is wanted. */
type Demand = readonly [path: string, met: boolean, wanted: string];

function demand({ at }: Submitted, demands: readonly Demand[], faults: SubmissionFaults): void {
  for (const [path, met, wanted] of demands)
    if (!met) faults.add(at, `resource.${path}`, 'mhd-metadata', 'XDSRegistryMetadataError', wanted);
}

function checkList(list: Submitted, level: MetadataLevel, faults: SubmissionFaults): void {
  const { resource } = list;
  const isSet = listKind(resource) === 'submissionset';
  const strict = level !== 'minimal';
  const has = (key: string): boolean => resource[key] !== undefined;
  const demands: Demand[] = [
    ['status', resource['status'] === 'current', 'A list of a submission is current.'],
    ['mode', resource['mode'] === 'working', 'The mode of a list of a submission is working.'],
    [
      'identifier',
      !isSet || uniqueIdOf(resource) !== undefined,
      'A SubmissionSet has a uniqueId: an identifier whose use is usual.',
    ],
    ['extension', !isSet || countExtensions(resource, SOURCE_ID) === 1, 'A SubmissionSet has one sourceId.'],
    ['date', !isSet || has('date'), 'A SubmissionSet has a date.'],
    ['subject', !strict || has('subject'), 'A list of this level has a subject.'],
    [
      'extension',
      !strict || countExtensions(resource, DESIGNATION_TYPE) > 0,
      'A list of this level has a designationType.',
    ],
    ['title', isSet || !strict || has('title'), 'A Folder of this level has a title.'],
    ['encounter', !has('encounter'), 'A list of a submission has no encounter.'],
    ['orderedBy', !has('orderedBy'), 'A list of a submission has no order.'],
    ['emptyReason', !has('emptyReason'), 'A list of a submission has no reason for being empty.'],
  ];
  demand(list, demands, faults);
}

function checkDocument(document: Submitted, level: MetadataLevel, faults: SubmissionFaults): void {
  const { resource } = document;
  const contents = itemsOf(resource['content']);
  const { attachment = {}, format } = onlyObject(contents);
  const said = isObject(attachment) ? attachment : {};
  const { masterIdentifier, status } = resource;
  const demands: Demand[] = [
    [
      'masterIdentifier',
      isObject(masterIdentifier) && typeof masterIdentifier['value'] === 'string',
      'A document has a uniqueId: its masterIdentifier.',
    ],
    ['status', status === 'current' || status === 'superseded', 'A document of a submission is current.'],
    ['docStatus', resource['docStatus'] === undefined, 'A document of a submission has no docStatus.'],
    [
      'modifierExtension',
      resource['modifierExtension'] === undefined,
      'A document of a submission has no modifierExtension.',
    ],
    ['content', contents.length === 1, 'A document has one content.'],
    ['content[0].attachment.contentType', typeof said['contentType'] === 'string', 'A document has a contentType.'],
    [
      'content[0].attachment.url',
      typeof said['url'] === 'string',
      'A document names its bytes by url, as the fullUrl of a Binary.',
    ],
    ['content[0].attachment.data', said['data'] === undefined, 'The bytes of a document come as a Binary, not inline.'],
  ];
  if (level !== 'minimal') demands.push(...comprehensiveDemands(resource, said, format));
  demand(document, demands, faults);
  if (level !== 'minimal') checkPersons(document, level, faults);
}

function comprehensiveDemands(resource: Resource, attachment: JsonObject, format: Json | undefined): Demand[] {
  const { type, category, subject, securityLabel, context } = resource;
  const around = isObject(context) ? context : {};
  const wanted = 'Comprehensive metadata have it.';
  return [
    ['type', type !== undefined, wanted],
    ['category', itemsOf(category).length === 1, 'Comprehensive metadata have one category.'],
    ['subject', subject !== undefined, wanted],
    ['securityLabel', itemsOf(securityLabel).length > 0, wanted],
    ['content[0].attachment.language', attachment['language'] !== undefined, wanted],
    ['content[0].attachment.creation', attachment['creation'] !== undefined, wanted],
    ['content[0].format', format !== undefined, wanted],
    ['context.facilityType', around['facilityType'] !== undefined, wanted],
    ['context.practiceSetting', around['practiceSetting'] !== undefined, wanted],
    ['context.sourcePatientInfo', around['sourcePatientInfo'] !== undefined, wanted],
  ];
}

/** Who wrote and who is meant: contained where the level says so, and not where it says that. */
function checkPersons({ at, resource }: Submitted, level: MetadataLevel, faults: SubmissionFaults): void {
  const { author, authenticator, context } = resource;
  const persons: readonly (readonly [string, Json | undefined])[] = [
    ...itemsOf(author).map((one, index) => [`author[${index}]`, one] as const),
    ['authenticator', authenticator],
    ['context.sourcePatientInfo', isObject(context) ? context['sourcePatientInfo'] : undefined],
  ];
  for (const [path, person] of persons) {
    const reference = referenceIn(person);
    if (reference === undefined || reference.startsWith('#') === (level === 'comprehensive')) continue;
    const wanted =
      level === 'comprehensive'
        ? 'In Comprehensive metadata this is contained.'
        : 'In UnContained metadata this is not contained.';
    faults.add(at, `resource.${path}`, 'mhd-metadata', 'XDSRegistryMetadataError', wanted);
  }
}

const onlyObject = (items: readonly Json[]): JsonObject => (isObject(items[0]) ? items[0] : {});

const countExtensions = ({ extension }: Resource, url: string): number =>
  itemsOf(extension).filter(one => isObject(one) && one['url'] === url).length;

/** The identifier of a List that no other has: `usual` by its use (4.2.3), or uniqueId by its type (4.2.4). */
export function uniqueIdOf({ identifier }: Resource): JsonObject | undefined {
  const found = itemsOf(identifier).find(one => isObject(one) && (one['use'] === 'usual' || isTyped(one, 'uniqueId')));
  return isObject(found) && typeof found['value'] === 'string' ? found : undefined;
}

function isTyped({ type }: JsonObject, code: string): boolean {
  const codings = isObject(type) ? itemsOf(type['coding']) : [];
  return codings.some(coding => isObject(coding) && coding['system'] === IDENTIFIER_TYPE && coding['code'] === code);
}

const KINDS_BY_USE: Readonly<Record<string, string>> = { usual: 'uniqueId', official: 'entryUUID' };
const USES_BY_KIND: Readonly<Record<string, string>> = { uniqueId: 'usual', entryUUID: 'official' };

/** Identifiers as both versions of MHD tell them apart, by use and by type (MHD-7). Undefined: there is nothing to add. */
export function identifiersOfBoth({ identifier }: Resource): Json[] | undefined {
  const given = itemsOf(identifier);
  const both = given.map(one => {
    if (!isObject(one) || one['system'] !== 'urn:ietf:rfc:3986') return one;
    const kind = Object.keys(USES_BY_KIND).find(code => isTyped(one, code));
    const { use } = one;
    if (kind !== undefined) return use === undefined ? { ...one, use: USES_BY_KIND[kind]! } : one;
    const code = typeof use === 'string' ? KINDS_BY_USE[use] : undefined;
    return code === undefined || one['type'] !== undefined
      ? one
      : { ...one, type: { coding: [{ system: IDENTIFIER_TYPE, code }] } };
  });
  return both.some((one, at) => one !== given[at]) ? both : undefined;
}
