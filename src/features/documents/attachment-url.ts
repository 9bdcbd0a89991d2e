/**
 * Where the url of an attachment leads. https://hl7.org/fhir/R4/datatypes.html#Attachment, "the url SHALL be … " of US Core 9 (USC-3): a
 * reader is never sent to an address that a client made up.
 */
import { parseReference } from '../../fhir/reference.js';
import type { HookGround } from '../../interactions/write/hooks.js';

export type AttachmentPlace =
  /** A resource of this server, or one version of it. */
  | { readonly kind: 'own'; readonly type: string; readonly id: string; readonly version: string | undefined }
  /** `#id`: what the resource contains. */
  | { readonly kind: 'contained' }
  /** An address that may be fetched where its host is listed. */
  | { readonly kind: 'foreign' }
  /** An address that nobody may follow (`file:`, `data:`, `javascript:` …), or none. */
  | { readonly kind: 'never' };

/** Never throws. `bases`: addresses of this server. */
export function attachmentPlace(url: string, bases: readonly string[]): AttachmentPlace {
  const target = parseReference(url, bases);
  if (target?.kind === 'local') return { kind: 'own', type: target.type, id: target.id, version: target.version };
  if (target?.kind === 'contained') return { kind: 'contained' };
  return /^https?:\/\//i.test(url) ? { kind: 'foreign' } : { kind: 'never' };
}

/** Whether this is the version that is there now. Clients have it from the Location of what they have just stored. */
export async function isCurrent(
  { view }: Pick<HookGround, 'view'>,
  type: string,
  id: string,
  version: string,
): Promise<boolean> {
  return String((await view.read(type, id, undefined, 0))?.version) === version;
}

/** Whether a resource is there, and not deleted. Its text is not read. */
export async function resourceExists({ view }: Pick<HookGround, 'view'>, type: string, id: string): Promise<boolean> {
  const row = await view.read(type, id, undefined, 0);
  return row?.text !== undefined || row?.withheld !== undefined;
}
