/**
 * What goes with a DocumentReference that is deleted or purged: the Binaries that hold its bytes and belong to it alone, by their
 * securityContext. A deletion keeps their history as it keeps that of the document; $purge erases both.
 */
import { parseReference } from '../../fhir/reference.js';
import { isObject, type Resource } from '../../fhir/resource.js';
import type { Companion } from '../../interactions/interaction.js';
import type { HookedWrite } from '../../interactions/write/hooks.js';
import { attachmentPlace } from './attachment-url.js';
import { attachmentsOf } from './attachments.js';

type EarlierVersion = NonNullable<HookedWrite['before']>;
type PageEnd = Awaited<ReturnType<HookedWrite['view']['history']>>['cursors'][number];

const VERSIONS_A_PAGE = 100;

/** `write`: a deletion. */
export async function removedWith(write: HookedWrite, bases: readonly string[]): Promise<readonly Companion[]> {
  const isPurge = write.interaction === 'operation';
  const versions = isPurge ? await versionsOf(write) : [write.before];
  const named = new Set(versions.flatMap(version => binariesOf(version, bases)));
  const companions: Companion[] = [];
  for (const id of named) {
    if (write.beside('Binary', id) || !(await belongsTo(write, id, bases))) continue;
    const address = { type: 'Binary', id };
    if (!isPurge) companions.push({ ...address, kind: 'delete' });
    else
      companions.push({
        ...address,
        kind: 'operation',
        operation: 'purge',
        safe: false,
        parameters: [],
        lenient: false,
      });
  }
  return companions;
}

async function versionsOf({ view, type, id }: HookedWrite): Promise<readonly EarlierVersion[]> {
  const versions: EarlierVersion[] = [];
  let after: PageEnd | undefined;
  do {
    const page = await view.history({ type, id, limit: VERSIONS_A_PAGE, ...(after ? { after } : {}) });
    versions.push(...page.rows);
    after = page.more ? page.cursors.at(-1) : undefined;
  } while (after);
  return versions;
}

/** Ids that the attachments of a version name. */
function binariesOf(version: EarlierVersion | undefined, bases: readonly string[]): readonly string[] {
  if (!version?.text) return [];
  return attachmentsOf(JSON.parse(version.text.toString()) as Resource).flatMap(({ url }) => {
    const place = typeof url === 'string' ? attachmentPlace(url, bases) : undefined;
    return place?.kind === 'own' && place.type === 'Binary' ? [place.id] : [];
  });
}

async function belongsTo({ view, type, id }: HookedWrite, binary: string, bases: readonly string[]): Promise<boolean> {
  const row = await view.read('Binary', binary);
  if (!row?.text) return false;
  const { securityContext } = JSON.parse(row.text.toString()) as Resource;
  const reference = isObject(securityContext) ? securityContext['reference'] : undefined;
  const target = typeof reference === 'string' ? parseReference(reference, bases) : undefined;
  return target?.kind === 'local' && target.type === type && target.id === id;
}
