/** How a document says that its text was read from a picture by a machine, and checked by nobody. docs/records-desk.md */
import { isObject, itemsOf, type JsonObject, type Resource } from '../resource.js';

/** Tags of a scan that is to be read or could not be, and of a text that was read. */
export const MACHINE_TEXT_TAGS = 'urn:chartroom:machine-text';

export const TEXT_TAG: JsonObject = {
  system: MACHINE_TEXT_TAGS,
  code: 'text',
  display: 'Read by a machine, and checked by nobody',
};

export const isMachineText = ({ meta }: Resource): boolean =>
  (isObject(meta) ? itemsOf(meta['tag']) : []).some(
    tag => isObject(tag) && tag['system'] === MACHINE_TEXT_TAGS && tag['code'] === TEXT_TAG['code'],
  );
