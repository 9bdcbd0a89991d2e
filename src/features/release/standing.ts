/** Conditions of a commit: what was looked at is what is there when it is committed, so that a revocation or a label of the same moment is not overtaken. */
import { isObject, type Resource } from '../../fhir/resource.js';
import type { Outcome } from '../../interactions/interaction.js';
import type { ChosenDocument } from './chosen.js';

export type Standings = NonNullable<Outcome['mustExist']>;

export const standingSet = (documents: readonly ChosenDocument[], consent: Resource | undefined): Standings => [
  ...documents.map(({ document, version }) => ({ type: 'DocumentReference', id: idIn(document), version })),
  ...(consent ? [standingResource(consent)] : []),
];

export const standingResource = ({ resourceType, id, meta }: Resource): Standings[number] => ({
  type: resourceType,
  id: typeof id === 'string' ? id : '',
  version: Number(isObject(meta) ? meta['versionId'] : undefined),
});

const idIn = (name: string): string => name.slice(name.indexOf('/') + 1);
