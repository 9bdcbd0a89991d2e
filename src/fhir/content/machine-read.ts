/** How a document says that its text was read from a picture by a machine, and checked by nobody. docs/records-desk.md */
import { parseReference } from '../reference.js';
import { isObject, itemsOf, type JsonObject, type Resource } from '../resource.js';

/** Tags of a scan that is to be read or could not be, and of a text that was read. */
export const MACHINE_TEXT_TAGS = 'urn:chartroom:machine-text';

/** Of a text. */
export const TEXT_CODE = 'text';

export const TEXT_TAG: JsonObject = {
  system: MACHINE_TEXT_TAGS,
  code: TEXT_CODE,
  display: 'Read by a machine, and checked by nobody',
};

export const isMachineText = ({ meta }: Resource): boolean =>
  (isObject(meta) ? itemsOf(meta['tag']) : []).some(
    tag => isObject(tag) && tag['system'] === MACHINE_TEXT_TAGS && tag['code'] === TEXT_CODE,
  );

/** The id of the scan whose text it is; undefined: it is none. */
export function scanOfText(document: Resource, bases: readonly string[]): string | undefined {
  if (!isMachineText(document)) return undefined;
  for (const relation of itemsOf(document['relatesTo'])) {
    const target = isObject(relation) && relation['code'] === 'transforms' ? relation['target'] : undefined;
    const reference = isObject(target) && typeof target['reference'] === 'string' ? target['reference'] : '';
    const place = parseReference(reference, bases);
    if (place?.kind === 'local' && place.type === 'DocumentReference') return place.id;
  }
  return undefined;
}
