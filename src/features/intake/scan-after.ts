/** A scan in a state of its Task: the patch of the document that goes with a transition, in the same commit. The bytes and what is said of them stay. */
import { isObject, itemsOf, type JsonObject, type Resource } from '../../fhir/resource.js';
import type { Companion } from '../../interactions/interaction.js';
import { INTAKE_TAGS, type ScanState } from './vocabulary.js';

/** A document, as it is stored. */
export interface StoredScan {
  readonly id: string;
  readonly version: string;
  readonly resource: Resource;
}

/** Elements that may be indexed. */
export const INDEX_ELEMENTS = ['subject', 'type', 'context', 'author', 'contained'] as const;

const STATUSES: Readonly<Partial<Record<ScanState, JsonObject>>> = {
  final: { docStatus: 'final' },
  rejected: { status: 'entered-in-error', docStatus: 'entered-in-error' },
  rearranged: { status: 'superseded' },
};

/** `indexed`: the document with the index fields that it is to have, where those are new. */
export function scanAfter({ id, version, resource }: StoredScan, state: ScanState, indexed?: Resource): Companion {
  const elements = INDEX_ELEMENTS.flatMap(name => {
    const value = indexed?.[name];
    return value === undefined || indexed === resource ? [] : [{ op: 'add', path: `/${name}`, value }];
  });
  const statuses = Object.entries(STATUSES[state] ?? {}).map(([name, value]) => ({
    op: 'add',
    path: `/${name}`,
    value,
  }));
  return {
    kind: 'patch',
    type: 'DocumentReference',
    id,
    ifMatch: [version],
    patch: { form: 'json', operations: [...elements, ...statuses, ...tagged(resource, state)] },
  };
}

/** Tags of the document; in the end it has none of ours. */
function tagged({ meta }: Resource, state: ScanState): JsonObject[] {
  const tags = isObject(meta) ? itemsOf(meta['tag']) : [];
  const others = tags.filter(tag => !isObject(tag) || tag['system'] !== INTAKE_TAGS);
  const value = STATUSES[state] ? others : [...others, { system: INTAKE_TAGS, code: state }];
  if (value.length > 0) return [{ op: 'add', path: '/meta/tag', value }];
  return tags.length > 0 ? [{ op: 'remove', path: '/meta/tag' }] : [];
}
