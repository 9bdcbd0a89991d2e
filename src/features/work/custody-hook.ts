/**
 * What a Provenance tells of the custody of records stays as it was made: nobody changes or deletes it, and that something was destroyed is told by `$move` or by work alone, since it
 * moves no more after that: nobody writes that it was received or sent. Purges do as they must. https://hl7.org/fhir/R4/codesystem-iso-21089-lifecycle.html
 */
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import { parseReference } from '../../fhir/reference.js';
import { isObject, itemsOf, type Resource } from '../../fhir/resource.js';
import { type FeatureHook, isPurge } from '../../interactions/write/hooks.js';
import { noneDestroyed, RECORD_LIFECYCLE } from './destroyed.js';
import { refuseWork } from './judge.js';
import { MOVEMENTS } from './move.js';
import { TRANSITION_SYSTEM } from './process.js';
import type { WorkGround } from './task-hook.js';

export const custodyHook = ({ bases, clock }: Pick<WorkGround, 'bases' | 'clock'>): FeatureHook => ({
  types: ['Provenance'],
  async prepare(write) {
    const { before, resource, agent } = write;
    if (agent !== undefined || isPurge(write)) return undefined;
    const former = before?.text ? parseJson(before.text, STORED_JSON).resource : undefined;
    if (former && codesOf(former).some(([system, code]) => system === TRANSITION_SYSTEM || isMovement(system, code)))
      throw refuseWork(
        'What tells of the custody of records stays as it was made: say what has become of them since by $move.',
        ...(['Provenance.activity', 'custody-kept'] as const),
      );
    if (resource && codesOf(resource).some(([system, code]) => system === RECORD_LIFECYCLE && code === 'destroy'))
      throw refuseWork(
        'That something was destroyed is told by $move, with the reason.',
        ...(['Provenance.activity', 'destroyed-by-move'] as const),
      );
    if (!resource || !codesOf(resource).some(([system, code]) => isMovement(system, code))) return undefined;
    // What lies ahead would be the last of all that is told of it.
    const when = [resource['occurredDateTime'], resource['recorded']].find(each => typeof each === 'string');
    if (when !== undefined && Date.parse(when) > clock.now() + SKEW)
      throw refuseWork('A movement was at a time that is over.', 'Provenance', 'movement-ahead');
    return { absent: await noneDestroyed(write, targetsOf(resource, bases), 'Provenance.target') };
  },
});

/** ms by which clocks of others may be fast. */
const SKEW = 300_000;

/** Names of resources of this server. */
const targetsOf = ({ target }: Resource, bases: readonly string[]): string[] => [
  ...new Set(
    itemsOf(target).flatMap(each => {
      const reference = isObject(each) ? each['reference'] : undefined;
      const place = typeof reference === 'string' ? parseReference(reference, bases) : undefined;
      return place?.kind === 'local' ? [`${place.type}/${place.id}`] : [];
    }),
  ),
];

const isMovement = (system: unknown, code: unknown): boolean =>
  system === RECORD_LIFECYCLE && MOVEMENTS.has(String(code));

const codesOf = ({ activity }: Resource): readonly (readonly [unknown, unknown])[] =>
  (isObject(activity) ? itemsOf(activity['coding']) : [])
    .filter(isObject)
    .map(({ system, code }) => [system, code] as const);
