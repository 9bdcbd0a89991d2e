/**
 * Whose bytes are: a Binary has no patient of its own, but the resources that point at it have (an attachment's `url`), and so has what its
 * securityContext names. Their patients are kept with it in the commit of the resource that points, so that every look at the bytes is
 * recorded as one at the record of the patient. https://hl7.org/fhir/R4/binary.html#security, https://profiles.ihe.net/ITI/BALP
 *
 * A patient is only ever added: what was once part of a record stays one for the audit trail.
 */
import { ATTACHMENT } from '../../access/binaries.js';
import { createView } from '../../access/view.js';
import { FhirError } from '../../fhir/error.js';
import { isObject, type Json } from '../../fhir/resource.js';
import type { AlsoAbout, Change } from '../../store/store.js';
import type { Context } from '../engine.js';

/** An address, relative or not, in the text of a resource; the version does not matter. */
const POINTER =
  /"url"\s*:\s*"((?:[^"\\]|\\\/){0,2000}?)Binary(?:\/|\\\/)([A-Za-z0-9.-]{1,64})(?:(?:\/|\\\/)_history(?:\/|\\\/)\d{1,15})?(?=")/g;
const BINARY = Buffer.from('Binary');

/** Ids of the Binaries of this server that attachments in a text point at. `bases`: its addresses. */
export function binariesIn(text: Buffer, bases: readonly string[]): Set<string> {
  const found = new Set<string>();
  if (!text.includes(BINARY)) return found;
  for (const [, before = '', id = ''] of text.toString('utf8').matchAll(POINTER)) {
    const base = before.replaceAll('\\/', '/').replace(/\/$/, '');
    if (base === '' || bases.includes(base)) found.add(id);
  }
  return found;
}

/** Ids of the Binaries that a change points at, also where its text has the address in escapes. */
const pointedBy = ({ text, entries }: Change, bases: readonly string[]): ReadonlySet<string> => {
  const found = text ? binariesIn(text, bases) : new Set<string>();
  for (const entry of entries)
    if (entry.parameter === ATTACHMENT && entry.kind === 'reference' && entry.type === 'Binary') found.add(entry.id);
  return found;
};

/**
 * Bytes are seen by whoever sees a resource that points at them: nobody makes one that points at what they see neither by its id nor by a
 * search, also where they see no Binary at all, because others who see the resource might. Whether there is something is not told. What pointed
 * there before may go on. Throws `unprocessable`.
 */
export async function refuseUnseenBytes(
  { view, engine, permission }: Pick<Context, 'view' | 'engine' | 'permission'>,
  changes: readonly Change[],
): Promise<void> {
  if (view.shows('Binary') && !view.showsPartOf('Binary')) return;
  const { bases } = engine.settings;
  const byId = createView(engine, permission.reach.r, permission.masks);
  const isSeen = async (id: string): Promise<boolean> =>
    ((await view.read('Binary', id, undefined, 0)) ?? (await byId.read('Binary', id, undefined, 0))) !== undefined;
  const written = new Set(changes.flatMap(({ type, id }) => (type === 'Binary' ? [id] : [])));
  for (const change of changes) {
    if (change.type === 'Binary' || change.type === 'AuditEvent') continue;
    const before = change.replaces?.text && binariesIn(change.replaces.text, bases);
    for (const id of pointedBy(change, bases)) {
      if (written.has(id) || before?.has(id)) continue;
      if (!(await isSeen(id)))
        throw new FhirError('unprocessable', 'There is nothing under the address of an attachment: store it first.', {
          expression: change.type,
          detail: 'url-not-found',
        });
    }
  }
}

export interface Pointed {
  readonly changes: readonly Change[];
  /** Of Binaries that are there already. */
  readonly alsoAbout: readonly AlsoAbout[];
}

/** What follows for Binaries from changes that are about to be committed. */
export function withPatientsOfBytes(changes: readonly Change[], bases: readonly string[]): Pointed {
  const owners = new Map<string, Set<string>>();
  for (const change of changes) {
    const { type, patients } = change;
    if (patients.length === 0 || type === 'Binary') continue;
    for (const id of pointedBy(change, bases)) {
      const known = owners.get(id) ?? new Set();
      for (const patient of patients) known.add(patient);
      owners.set(id, known);
    }
  }
  if (owners.size === 0) return { changes, alsoAbout: [] };
  const written = changes.map(change => {
    const known = change.type === 'Binary' ? owners.get(change.id) : undefined;
    if (!known) return change;
    owners.delete(change.id);
    return { ...change, patients: [...new Set([...change.patients, ...known])] };
  });
  return {
    changes: written,
    alsoAbout: [...owners].map(([id, known]) => ({ type: 'Binary', id, patients: [...known] })),
  };
}

/** Patients of a Binary that is written: those of the version before, and of what its securityContext names, as far as that may be seen. */
export async function patientsOfBinary(
  { view }: Pick<Context, 'view'>,
  securityContext: Json | undefined,
  before: readonly string[] = [],
): Promise<readonly string[]> {
  const { reference } = isObject(securityContext) ? securityContext : {};
  if (typeof reference !== 'string') return before;
  const [, type = '', id = ''] = /^([A-Z][A-Za-z]+)\/([A-Za-z0-9.-]{1,64})$/.exec(reference) ?? [];
  const target = type === '' || type === 'Binary' || !view.shows(type) ? undefined : await view.read(type, id);
  return target ? [...new Set([...before, ...target.patients])] : before;
}
