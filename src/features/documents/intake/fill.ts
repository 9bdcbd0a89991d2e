/**
 * What a document says of itself, put into the DocumentReference that came with it: what a plain create leaves out is filled in, and
 * nothing that was said is touched. Whoever speaks MHD says what they mean: of a submission and a publication nothing is filled in.
 * https://profiles.ihe.net/ITI/MHD/4.2.3/32_fhir_maps.html (the map that ITI-106 follows)
 */
import { isObject, itemsOf, type JsonObject, type Resource } from '../../../fhir/resource.js';
import type { HookedWrite } from '../../../interactions/write/hooks.js';
import { describedElements, newUniqueId } from '../mhd/from-metadata.js';
import { identifierToken } from '../mhd/unique.js';
import type { DocumentMetadata, DocumentPatient } from '../read/document-metadata.js';

/** `at`: the content whose bytes were read. Changes the document in place. */
export async function fillIn(
  write: HookedWrite,
  document: Resource,
  at: number,
  metadata: DocumentMetadata | undefined,
): Promise<void> {
  if (metadata) {
    const {
      contained = [],
      context,
      attachment,
      format,
      ...elements
    } = describedElements(metadata, freePrefix(document));
    const subject = document['subject'] ?? (await subjectOf(write, metadata));
    addAbsent(document, { ...elements, ...(subject === undefined ? {} : { subject }) });
    const around = isObject(document['context']) ? document['context'] : undefined;
    if (around) addAbsent(around, context ?? {});
    else addAbsent(document, { context });
    const content = itemsOf(document['content'])[at];
    if (isObject(content)) {
      addAbsent(content, { format });
      if (isObject(content['attachment'])) addAbsent(content['attachment'], attachment);
    }
    const used = JSON.stringify(document);
    const added = contained.filter(({ id }) => typeof id === 'string' && used.includes(`"#${id}"`));
    if (added.length > 0) document['contained'] = [...itemsOf(document['contained']), ...added];
  }
  addAbsent(document, { masterIdentifier: newUniqueId() });
}

function addAbsent(to: JsonObject, elements: Readonly<Record<string, JsonObject[string] | undefined>>): void {
  for (const [name, value] of Object.entries(elements))
    if (value !== undefined && to[name] === undefined && to[`_${name}`] === undefined) to[name] = value;
}

/** Ids that nothing has which the document contains. */
function freePrefix({ contained }: Resource): string {
  const ids = itemsOf(contained).flatMap(one => (isObject(one) && typeof one['id'] === 'string' ? [one['id']] : []));
  let prefix = 'c';
  while (ids.some(id => id.startsWith(prefix))) prefix += 'c';
  return prefix;
}

/** Whom the document is about, where that is one person, who is known here and active. */
async function subjectOf(
  { find }: HookedWrite,
  { patient, otherPatients }: DocumentMetadata,
): Promise<JsonObject | undefined> {
  const tokens = tokensOf(patient);
  if (otherPatients || tokens.length === 0) return undefined;
  const criteria = [
    ['identifier', tokens.join(',')],
    ['active:not', 'false'],
  ] as const;
  const [one, ...others] = await find('Patient', criteria, 2);
  return one && others.length === 0 ? { reference: `Patient/${one.id}` } : undefined;
}

/** Of identifiers that say whose they are. */
const tokensOf = (patient: DocumentPatient | undefined): readonly string[] =>
  (patient?.identifier ?? []).flatMap(one => (one.system === undefined ? [] : (identifierToken({ ...one }) ?? [])));
