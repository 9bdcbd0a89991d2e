/** A Bundle of ITI-65 as what its entries are. https://profiles.ihe.net/ITI/MHD/4.2.3/ITI-65.html */
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../../fhir/resource.js';
import type { Interaction, Of } from '../../../interactions/interaction.js';
import { rootOf } from '../../../interactions/transaction/references.js';
import type { HookedEntry } from '../../../interactions/write/hooks.js';
import type { SubmissionFaults } from './faults.js';
import { LIST_TYPES } from './vocabulary.js';

/** An entry that brings a resource along. */
export interface Submitted {
  readonly at: number;
  readonly fullUrl: string | undefined;
  readonly resource: Resource;
  /** Of what is changed. */
  readonly id?: string | undefined;
}

export interface Submission {
  readonly sets: readonly Submitted[];
  readonly folders: readonly Submitted[];
  readonly documents: readonly Submitted[];
  /** Binaries and FHIR documents. */
  readonly contents: readonly Submitted[];
  readonly patches: readonly { readonly at: number; readonly id: string }[];
  /** Position of the entry of the patient; and what it has, unless it is only read. */
  readonly patients: readonly {
    readonly at: number;
    readonly fullUrl: string | undefined;
    readonly id: string | undefined;
  }[];
  /** What a reference, or a url, of one entry names among the entries: by fullUrl, or relative to its own. https://hl7.org/fhir/R4/bundle.html#references */
  readonly named: (from: Pick<Submitted, 'fullUrl'>, reference: string) => Submitted | undefined;
}

/** The closed list of entries; what is not on it is a fault. */
export function readSubmission(entries: readonly HookedEntry[], faults: SubmissionFaults): Submission {
  const found = new FoundEntries();
  for (const [at, { fullUrl, ask }] of entries.entries()) {
    const trouble = found.take(at, fullUrl, ask);
    if (trouble !== undefined) faults.add(at, '', 'entry-not-allowed', 'XDSRegistryMetadataError', trouble);
  }
  return found;
}

class FoundEntries implements Submission {
  readonly sets: Submitted[] = [];
  readonly folders: Submitted[] = [];
  readonly documents: Submitted[] = [];
  readonly contents: Submitted[] = [];
  readonly patches: { at: number; id: string }[] = [];
  readonly patients: { at: number; fullUrl: string | undefined; id: string | undefined }[] = [];
  readonly #byFullUrl = new Map<string, Submitted>();
  readonly named: Submission['named'] = ({ fullUrl }, reference) =>
    this.#byFullUrl.get(reference) ?? this.#byFullUrl.get(`${rootOf(fullUrl)}/${reference}`);

  /** Why there can be no such entry; undefined: it was taken. */
  take(at: number, fullUrl: string | undefined, ask: Interaction): string | undefined {
    const resource = resourceOf(ask);
    if (ask.kind === 'patch' && ask.type === 'DocumentReference' && ask.id !== undefined) {
      if (!isSuperseding(ask)) return 'The only patch of a submission sets DocumentReference.status to superseded.';
      this.patches.push({ at, id: ask.id });
      return undefined;
    }
    if ('type' in ask && ask.type === 'Patient' && (ask.kind === 'read' || resource)) {
      this.patients.push({ at, fullUrl, id: 'id' in ask ? ask.id : undefined });
      return undefined;
    }
    if (!resource) return 'A submission has no such entry: MHD lists which there are.';
    const submitted = { at, fullUrl, resource, id: ask.kind === 'update' ? ask.id : undefined };
    if (fullUrl !== undefined) this.#byFullUrl.set(fullUrl, submitted);
    if (resource.resourceType === 'List' && listKind(resource) === 'folder') this.folders.push(submitted);
    else if (ask.kind !== 'create') return 'This is created by a submission, by POST, and not changed.';
    else return this.#takeCreated(submitted);
    return undefined;
  }

  #takeCreated(submitted: Submitted): string | undefined {
    const { resource } = submitted;
    const { resourceType: type } = resource;
    if (type === 'List' && listKind(resource) === 'submissionset') this.sets.push(submitted);
    else if (type === 'List') return 'A List is a SubmissionSet or a Folder, by its code.';
    else if (type === 'DocumentReference') this.documents.push(submitted);
    else if (type === 'Binary' || isDocument(resource)) this.contents.push(submitted);
    else return 'A submission has Lists, DocumentReferences, Binaries, document Bundles and one Patient.';
    return undefined;
  }
}

function resourceOf(ask: Interaction): Resource | undefined {
  return (ask.kind === 'create' || ask.kind === 'update') && 'resource' in ask.body ? ask.body.resource : undefined;
}

const isDocument = ({ resourceType, type }: Resource): boolean => resourceType === 'Bundle' && type === 'document';

export function listKind({ code }: Resource): string | undefined {
  const codings = isObject(code) ? itemsOf(code['coding']) : [];
  const own = codings.find(coding => isObject(coding) && coding['system'] === LIST_TYPES);
  return isObject(own) && typeof own['code'] === 'string' ? own['code'] : undefined;
}

/** A FHIRPath Patch that replaces the status by superseded, and does nothing else. */
function isSuperseding({ patch }: Of<'patch'>): boolean {
  if (patch.form !== 'fhirpath') return false;
  const operations = itemsOf(patch.parameters.resource['parameter']);
  const [only] = operations;
  if (operations.length !== 1 || !isObject(only) || only['name'] !== 'operation') return false;
  const parts = new Map(
    itemsOf(only['part']).map(part => (isObject(part) ? [part['name'], simpleValue(part)] : [undefined, undefined])),
  );
  return (
    parts.get('type') === 'replace' &&
    parts.get('path') === 'DocumentReference.status' &&
    parts.get('value') === 'superseded'
  );
}

const simpleValue = (part: JsonObject): Json | undefined =>
  Object.entries(part).find(([key]) => key.startsWith('value'))?.[1];

/** The text of a Reference; undefined: it has none. */
export const referenceIn = (value: Json | undefined): string | undefined =>
  isObject(value) && typeof value['reference'] === 'string' ? value['reference'] : undefined;
