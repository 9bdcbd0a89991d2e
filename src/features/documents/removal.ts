/**
 * What goes with a DocumentReference that is deleted or purged: what the server has written about it, and the Binaries that hold its bytes and belong to it alone, by their
 * securityContext. A deletion keeps their history as it keeps that of the document; $purge erases both.
 */
import { parseReference } from '../../fhir/reference.js';
import { FhirError } from '../../fhir/error.js';
import { isObject, type Resource } from '../../fhir/resource.js';
import type { Companion } from '../../interactions/interaction.js';
import type { HookedWrite } from '../../interactions/write/hooks.js';
import { attachmentPlace } from './attachment-url.js';
import { attachmentsOf } from './attachments.js';
import { ACCOUNT_TAG } from './intake/vocabulary.js';

type EarlierVersion = NonNullable<HookedWrite['before']>;
type PageEnd = Awaited<ReturnType<HookedWrite['view']['history']>>['cursors'][number];

const VERSIONS_A_PAGE = 100;

/**
 * What the server has written about the document (intake/): a Provenance, a Task. Its resources would refer to nothing.
 */
async function accountsOf({ type, id, find }: HookedWrite): Promise<readonly ResourceAddress[]> {
  const tag = `${ACCOUNT_TAG.system}|${ACCOUNT_TAG.code}`;
  const kinds = [
    ['Provenance', 'target'],
    ['Task', 'focus'],
  ] as const;
  const found = kinds.map(async ([of, by]) => {
    const criteria = [
      [by, `${type}/${id}`],
      ['_tag', tag],
    ] as const;
    return (await find(of, criteria, MOST_BINARIES)).map(row => ({ type: of, id: row.id }));
  });
  return (await Promise.all(found)).flat();
}

interface ResourceAddress {
  readonly type: string;
  readonly id: string;
}

/** `write`: a deletion. */
export async function removedWith(write: HookedWrite, bases: readonly string[]): Promise<readonly Companion[]> {
  const isPurge = write.interaction === 'operation';
  const named = new Set((await versionsOf(write, write.type, write.id)).flatMap(version => binariesOf(version, bases)));
  if (named.size > MOST_BINARIES)
    throw new FhirError(
      'unprocessable',
      'The document has had more Binaries than can go with it: purge some of them first.',
      {
        expression: write.type,
        detail: 'too-many-binaries',
      },
    );
  const companions: Companion[] = [];
  const removed: ResourceAddress[] = [...(await accountsOf(write))];
  for (const id of named)
    if (!write.beside('Binary', id) && (await belongsTo(write, id, { bases, isPurge })))
      removed.push({ type: 'Binary', id });
  for (const address of removed) {
    if (write.beside(address.type, address.id)) continue;
    if (isPurge)
      companions.push({
        ...address,
        kind: 'operation',
        operation: 'purge',
        safe: false,
        parameters: [],
        lenient: false,
      });
    else companions.push({ ...address, kind: 'delete' });
  }
  return companions;
}

/** A commit holds no more. */
const MOST_BINARIES = 900;

async function versionsOf({ view }: HookedWrite, type: string, id: string): Promise<readonly EarlierVersion[]> {
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

/** Whether a Binary is that of the document alone. One that is deleted has been so before, and is purged with it. */
async function belongsTo(
  write: HookedWrite,
  binary: string,
  { bases, isPurge }: { readonly bases: readonly string[]; readonly isPurge: boolean },
): Promise<boolean> {
  const { view, type, id } = write;
  const current = await view.read('Binary', binary);
  if (!current || (!current.text && !isPurge)) return false;
  const { text } = current.text ? current : ((await versionsOf(write, 'Binary', binary)).find(row => row.text) ?? {});
  if (!text) return false;
  const { securityContext } = JSON.parse(text.toString()) as Resource;
  const reference = isObject(securityContext) ? securityContext['reference'] : undefined;
  const target = typeof reference === 'string' ? parseReference(reference, bases) : undefined;
  if (target?.kind !== 'local' || target.type !== type || target.id !== id) return false;
  const addresses = bases.map(base => `${base}/Binary/${binary}`).join(',');
  const naming = await write.find(type, [['location', addresses]], 2);
  return naming.every(row => row.id === id);
}
