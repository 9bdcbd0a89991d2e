/**
 * What documents do to each other. A document that `replaces` another one makes it `superseded` in the same commit, with what was added to
 * it and made from it; nothing is deleted (MHD-8, MHD-10). `appends`, `transforms` and `signs` leave their target as it is (MHD-9).
 * https://hl7.org/fhir/R4/documentreference-definitions.html#DocumentReference.relatesTo, https://profiles.ihe.net/ITI/MHD/4.2.3/ITI-65.html
 *
 * What is replaced must be current, and of the same patient: a document on a wrong patient is retracted (`entered-in-error`) and filed
 * anew, without a link from one patient to the other.
 */
import { FhirError, type Issue, issueOfKind } from '../../fhir/error.js';
import { parseReference } from '../../fhir/reference.js';
import { isObject, itemsOf, type Json, type Resource } from '../../fhir/resource.js';
import type { Companion } from '../../interactions/interaction.js';
import type { HookedWrite } from '../../interactions/write/hooks.js';
import { earlier } from './attachments.js';

/** Documents that go with one that is replaced. */
const MOST_DEPENDENT = 200;

type Asking = Pick<HookedWrite, 'id' | 'before' | 'view' | 'find' | 'beside'>;

/**
 * What is written with a document that replaces others. A target that is superseded already, and that nothing else here replaces, is taken
 * as it is: so comes the history of another server. `strict`: it is refused. Throws `unprocessable`, `conflict` where another document
 * has replaced one.
 */
export async function supersede(
  write: Asking,
  document: Resource,
  bases: readonly string[],
  strict = false,
): Promise<readonly Companion[]> {
  if (document['status'] !== 'current') return [];
  const issues: Issue[] = [];
  const gone = new Map<string, string>();
  for (const { reference, expression } of await newlyReplaced(write, document, bases)) {
    const row = await targetOf(write, reference, bases);
    const replaced = row?.text && (JSON.parse(row.text.toString()) as Resource);
    const beside = besideOf(write, reference, bases);
    const other = beside ?? replaced;
    const isOfOther = other && !isSamePatient(other, document, bases);
    const trouble = !other
      ? UNKNOWN_TARGET
      : isOfOther
        ? OTHER_PATIENT
        : beside
          ? besideTrouble(beside)
          : await troubleOf(write, other['status'], row!.id, { expression, strict });
    if (trouble) issues.push(issueOfKind('unprocessable', { ...trouble, expression }));
    else if (!beside && row && replaced && replaced['status'] === 'current') gone.set(row.id, String(row.version));
  }
  if (issues.length > 0) throw new FhirError('unprocessable', 'The document cannot replace what it says.', { issues });
  for (const id of [...gone.keys()])
    await addDependents(write, id, gone, other => isSamePatient(other, document, bases));
  return [...gone]
    .filter(([id]) => !write.beside('DocumentReference', id))
    .map(([id, version]) => superseding(id, version));
}

/** What a document replaces that it has not replaced before, however that is written. Throws `conflict` where it is replaced itself. */
async function newlyReplaced(
  write: Asking,
  document: Resource,
  bases: readonly string[],
): Promise<readonly Replaced[]> {
  const before = earlier(write);
  if (before?.['status'] === 'superseded') await refuseRevival(write);
  const nameOf = ({ reference }: Replaced): string | undefined => localNameOf(reference, bases) ?? reference;
  const known = new Set(replacedBy(before).map(nameOf));
  return replacedBy(document).filter(one => !known.has(nameOf(one)));
}

/** `Type/id`, however it is written; undefined: it is not of this server. */
function localNameOf(reference: string | undefined, bases: readonly string[]): string | undefined {
  const target = parseReference(reference ?? '', bases);
  return target?.kind === 'local' ? `${target.type}/${target.id}` : undefined;
}

/**
 * Whoever writes what they read before it was replaced must not make it current again: throws `conflict`. A document whose successors are
 * retracted, at the latest with the same transaction, may be.
 */
async function refuseRevival(write: Asking): Promise<void> {
  const criteria = [
    ['relationship', `DocumentReference/${write.id}$replaces`],
    ['status:not', 'entered-in-error'],
  ] as const;
  const successors = await write.find('DocumentReference', criteria, MOST_DEPENDENT);
  const stays = successors.some(({ id }) => {
    const ask = write.beside('DocumentReference', id);
    if (ask?.kind === 'update' && 'resource' in ask.body) return ask.body.resource['status'] !== 'entered-in-error';
    return ask === undefined;
  });
  if (stays)
    throw new FhirError('conflict', 'Another document has replaced this one, which stays superseded: read it again.', {
      expression: 'DocumentReference.status',
      detail: 'superseded-meanwhile',
    });
}

const UNKNOWN_TARGET = {
  detail: 'unknown-target',
  text: 'There is no such document here, so that it cannot be replaced.',
};
const OTHER_PATIENT = {
  detail: 'other-patient',
  text: 'A document replaces one of the same patient: retract the other one (entered-in-error), and file this without a link.',
};
const NOT_CURRENT = { detail: 'target-not-current', text: 'Only a current document can be replaced.' };

/** The target as another entry of the same transaction writes it. */
function besideOf(write: Asking, reference: string | undefined, bases: readonly string[]): Resource | undefined {
  const target = parseReference(reference ?? '', bases);
  const ask = target?.kind === 'local' ? write.beside(target.type, target.id) : undefined;
  return ask && 'body' in ask && ask.body && 'resource' in ask.body ? ask.body.resource : undefined;
}

const besideTrouble = ({ status }: Resource): typeof NOT_CURRENT | undefined =>
  status === 'superseded'
    ? undefined
    : { detail: 'target-written-current', text: 'What is replaced is written as superseded in the same transaction.' };

async function targetOf({ id, view }: Asking, reference: string | undefined, bases: readonly string[]) {
  const target = parseReference(reference ?? '', bases);
  return target?.kind === 'local' && target.type === 'DocumentReference' && target.id !== id
    ? view.read('DocumentReference', target.id)
    : undefined;
}

/** Why a document of this status cannot be replaced. Throws `conflict` where another one has replaced it. */
async function troubleOf(
  write: Asking,
  status: Json | undefined,
  target: string,
  { expression, strict }: { readonly expression: string; readonly strict: boolean },
): Promise<typeof NOT_CURRENT | undefined> {
  if (status === 'current') return undefined;
  if (status !== 'superseded') return NOT_CURRENT;
  const criteria = [['relationship', `DocumentReference/${target}$replaces`]] as const;
  const successors = await write.find('DocumentReference', criteria, 2);
  if (successors.some(({ id }) => id !== write.id)) throw replacedAlready(expression);
  return strict ? NOT_CURRENT : undefined;
}

interface Replaced {
  readonly reference: string | undefined;
  readonly expression: string;
}

function replacedBy(document: Resource | undefined): readonly Replaced[] {
  return itemsOf(document?.['relatesTo']).flatMap((relation, at) => {
    if (!isObject(relation) || relation['code'] !== 'replaces') return [];
    const { target } = relation;
    const reference = isObject(target) && typeof target['reference'] === 'string' ? target['reference'] : undefined;
    return [{ reference, expression: `DocumentReference.relatesTo[${at}].target` }];
  });
}

/** Current documents that were added to one, or made from it, and so on: ids and versions. */
async function addDependents(
  write: Pick<Asking, 'id' | 'find'>,
  id: string,
  to: Map<string, string>,
  isOfPatient: (document: Resource) => boolean,
): Promise<void> {
  const waiting = [id];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const criteria = [
      ['relationship', `DocumentReference/${next}$appends,DocumentReference/${next}$transforms`],
      ['status', 'current'],
    ] as const;
    for (const found of await write.find('DocumentReference', criteria, MOST_DEPENDENT + 1)) {
      if (to.has(found.id) || found.id === write.id) continue;
      if (!found.text || !isOfPatient(JSON.parse(found.text.toString()) as Resource)) continue;
      to.set(found.id, String(found.version));
      waiting.push(found.id);
    }
    if (to.size > MOST_DEPENDENT)
      throw new FhirError(
        'unprocessable',
        'So many documents depend on the one that is replaced that they cannot go together.',
        {
          expression: 'DocumentReference.relatesTo',
          detail: 'too-many-dependents',
        },
      );
  }
}

const superseding = (id: string, version: string): Companion => ({
  kind: 'patch',
  type: 'DocumentReference',
  id,
  ifMatch: [version],
  patch: { form: 'json', operations: [{ op: 'replace', path: '/status', value: 'superseded' }] },
});

/** Nobody is the same as nobody; whoever is contained is nobody else. */
function isSamePatient(one: Resource, other: Resource, bases: readonly string[]): boolean {
  const [first, second] = [patientOf(one, bases), patientOf(other, bases)];
  return first === second && first?.startsWith('#') !== true;
}

/** Of this server, by its id; elsewhere, by what is said; undefined: nothing is. */
function patientOf({ subject }: Resource, bases: readonly string[]): string | undefined {
  if (!isObject(subject)) return undefined;
  const { reference, identifier } = subject;
  if (typeof reference !== 'string')
    return isObject(identifier) ? JSON.stringify([identifier['system'], identifier['value']]) : undefined;
  return localNameOf(reference, bases) ?? reference;
}

const replacedAlready = (expression: string): FhirError =>
  new FhirError('conflict', 'Another document replaces this one already: look for its successor.', {
    expression,
    detail: 'replaced-already',
  });
