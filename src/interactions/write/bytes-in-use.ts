/**
 * Bytes that a document names stay what they are: size and hash of the document were taken from them, and whoever has attested it
 * has attested these. MHD lets nothing be deleted (MHD-10); a document is replaced by another one.
 * https://profiles.ihe.net/ITI/MHD/4.2.3/ITI-65.html, https://hl7.org/fhir/R4/http.html#delete ("referential integrity")
 *
 * A Binary that DocumentReferences name is neither deleted nor given other bytes, whatever CHARTROOM_INTEGRITY says, unless the same
 * commit takes all of these away, retracts them (entered-in-error) or lets them name something else. Retracted documents do not
 * count, nor does `$purge` of the Binary itself. Documents that whoever writes may not see protect their bytes all the same, and are not named.
 */
import { ATTACHMENT } from '../../access/binaries.js';
import type { StoreView } from '../../access/view.js';
import { FhirError } from '../../fhir/error.js';
import { all, type Query, type Where } from '../../search/query.js';
import { isOneOf, refersTo } from '../../search/separate.js';
import type { Absence, Change, OpenStamp, ResourceName, Standing, Version } from '../../store/store.js';
import type { Context } from '../engine.js';
import type { Outcome, PendingChange } from '../interaction.js';
import { binariesIn } from './pointing.js';
import { hasSameBytes } from './unchanged.js';

const TYPE = 'DocumentReference';
const RETRACTED: Where = {
  kind: 'param',
  code: 'status',
  test: { kind: 'token', any: [{ code: 'entered-in-error' }] },
};

/** Versions of Binaries whose bytes hooks have read, by the stamp of the attempt: what was taken from them is true of these alone. */
const versionsRead = new WeakMap<OpenStamp, Map<string, number>>();

export function noteBytesRead(
  { stamp }: Pick<Context, 'stamp'>,
  { id, version }: Pick<Version, 'id' | 'version'>,
): void {
  const known = versionsRead.get(stamp);
  if (known) known.set(id, version);
  else versionsRead.set(stamp, new Map([[id, version]]));
}

/**
 * Judges what is about to be committed, and adds what it depends on: that no document comes meanwhile that names what is changed, and that
 * what a document names for the first time is not taken away or changed meanwhile. Throws `conflict`.
 */
export async function checkBytesInUse(
  { engine, stamp }: Pick<Context, 'engine' | 'stamp'>,
  outcome: Outcome,
): Promise<Outcome> {
  const { changes = [] } = outcome;
  const changed = changes.filter(endsBytes);
  const named = await present(engine.store, newlyNamed(changes, engine.settings.bases), versionsRead.get(stamp));
  if (changed.length === 0 && named.length === 0) return outcome;
  const { mustNotMatch = [], mustExist = [] } = outcome;
  const documents = changes.filter(({ type }) => type === TYPE);
  const absent: Absence[] = [];
  for (const { type, id } of changed) {
    // One that is made here was held against the bytes that are written here.
    if (documents.some(each => each.replaces?.text && isAlive(each) && names(each, id))) throw inUse();
    const query = namingOther(id, documents);
    if (await isMet(engine.store, query)) throw inUse();
    absent.push({ uniquenessKey: `bytes of ${type}/${id}`, ...query });
  }
  return { ...outcome, mustNotMatch: [...mustNotMatch, ...absent], mustExist: [...mustExist, ...named] };
}

/** `reader`: the store, as the rule holds for everybody, whatever they see. */
const isMet = async (reader: Pick<StoreView, 'findIds'>, query: Pick<Query, 'types' | 'where'>): Promise<boolean> =>
  (await reader.findIds(query, 1)).found.length > 0;

/** Those that are there, or were when their bytes were read: whether an address may lead to nothing is decided elsewhere. */
async function present(
  reader: Pick<StoreView, 'findIds'>,
  named: readonly Standing[],
  read?: ReadonlyMap<string, number>,
): Promise<readonly Standing[]> {
  if (named.length === 0) return named;
  const { found } = await reader.findIds({ types: ['Binary'], where: isOneOf(['Binary'], named) }, named.length);
  const ids = new Set(found.map(({ id }) => id));
  return named.flatMap(one => {
    // What was read must be there, also where it has gone meanwhile.
    const version = read?.get(one.id);
    if (version !== undefined) return [{ ...one, version }];
    return ids.has(one.id) ? [one] : [];
  });
}

/** The bytes of a Binary are other ones after it, or none. An erasure is meant to end them. */
const endsBytes = (change: PendingChange): boolean =>
  change.type === 'Binary' &&
  change.replaces?.text !== undefined &&
  !change.erases &&
  (change.text === undefined || !hasSameBytes(change.replaces, change));

const names = ({ entries }: Change, id: string): boolean =>
  entries.some(entry => entry.parameter === ATTACHMENT && entry.kind === 'reference' && entry.id === id);

const isAlive = ({ text, entries }: Change): boolean =>
  text !== undefined &&
  !entries.some(entry => entry.parameter === 'status' && entry.kind === 'token' && entry.code === 'entered-in-error');

/** Documents that name a Binary, but for those that the same commit writes. */
function namingOther(id: string, written: readonly ResourceName[]): Pick<Query, 'types' | 'where'> {
  const others: Where[] = written.length > 0 ? [{ kind: 'not', of: isOneOf([TYPE], written) }] : [];
  const naming = refersTo(ATTACHMENT, [{ type: 'Binary', id }]);
  return { types: [TYPE], where: all(naming, { kind: 'not', of: RETRACTED }, ...others) };
}

/** Binaries that documents name which did not before, as far as they are not written here themselves. */
function newlyNamed(changes: readonly PendingChange[], bases: readonly string[]): readonly Standing[] {
  const found = new Map<string, Standing>();
  for (const { type, entries, replaces } of changes) {
    if (type !== TYPE) continue;
    const before = replaces?.text && binariesIn(replaces.text, bases);
    for (const entry of entries)
      if (entry.parameter === ATTACHMENT && entry.kind === 'reference' && entry.type === 'Binary') {
        const { id } = entry;
        const isWritten = changes.some(other => other.type === 'Binary' && other.id === id);
        if (!isWritten && !before?.has(id)) found.set(id, { type: 'Binary', id });
      }
  }
  return [...found.values()];
}

const inUse = (): FhirError =>
  new FhirError(
    'conflict',
    'A document names these bytes, with their size and hash: replace the document, retract it (entered-in-error), or delete or $purge it with them.',
    { expression: 'Binary', detail: 'binary-in-use' },
  );
