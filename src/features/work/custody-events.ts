/**
 * What has become of charts and documents: the movements that Provenances tell (of work, of the desk, of the intake), in the order in which they were, and
 * where each thing is by the last of them.
 */
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import { parseReference } from '../../fhir/reference.js';
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../fhir/resource.js';
import type { Context } from '../../interactions/engine.js';
import { findSought, readCriteria } from '../../interactions/write/conditional.js';
import { FhirError } from '../../fhir/error.js';
import { breathe } from '../../platform/pieces.js';
import { RECORD_LIFECYCLE } from './destroyed.js';
import { REQUEST, TRANSITION_SYSTEM } from './process.js';

export interface CustodyEvent {
  /** Code of the lifecycle; `request`: somebody has asked for it, and it is where it was. */
  readonly activity: string;
  readonly display: string | undefined;
  /** dateTime or instant, as it is said; and ms. */
  readonly when: string;
  readonly at: number;
  readonly who: Json | undefined;
  readonly location: Json | undefined;
  readonly reason: Json | undefined;
  /** `Provenance/id`. */
  readonly provenance: string;
}

export interface CustodyItem {
  readonly type: string;
  readonly id: string;
  /** The earliest first. */
  readonly events: readonly CustodyEvent[];
}

/** Things that are asked about in one search, and movements that are told in all. */
const AT_ONCE = 50;
const MOST_EVENTS = 20_000;

/** Throws `too-costly`. */
export async function custodyOf(
  context: Context,
  things: readonly { readonly type: string; readonly id: string }[],
): Promise<CustodyItem[]> {
  const { bases } = context.engine.settings;
  const events = new Map<string, CustodyEvent[]>(things.map(({ type, id }) => [`${type}/${id}`, []]));
  let left = MOST_EVENTS;
  for (let at = 0; at < things.length; at += AT_ONCE) {
    const names = things.slice(at, at + AT_ONCE).map(({ type, id }) => `${type}/${id}`);
    const sought = await readCriteria(context, 'Provenance', [['target', names.join(',')]]);
    const rows = await findSought(context, sought, left + 1);
    left -= rows.length;
    if (left < 0)
      throw new FhirError(
        'too-costly',
        `More than ${MOST_EVENTS} movements are told of at a time: ask for one thing.`,
        {
          detail: 'custody-too-long',
        },
      );
    for (const { id, text } of rows) {
      await breathe();
      const { resource } = parseJson(text!, STORED_JSON);
      const event = eventOf(resource, id);
      if (event) for (const name of movedThings(resource, bases)) events.get(name)?.push(event);
    }
  }
  return things.map(({ type, id }) => ({
    ...{ type, id },
    events: events.get(`${type}/${id}`)!.toSorted((a, b) => a.at - b.at || (a.provenance < b.provenance ? -1 : 1)),
  }));
}

function eventOf(
  { activity, occurredDateTime, recorded, agent, location, reason }: Resource,
  id: string,
): CustodyEvent | undefined {
  const codings = isObject(activity) ? itemsOf(activity['coding']).filter(isObject) : [];
  const lifecycle = codings.find(({ system }) => system === RECORD_LIFECYCLE);
  const asked = codings.find(({ system, code: of }) => system === TRANSITION_SYSTEM && of === REQUEST);
  const code = (lifecycle ?? asked)?.['code'];
  if (typeof code !== 'string') return undefined;
  const when = [occurredDateTime, recorded].find(each => typeof each === 'string') ?? '';
  const words = codings.find(({ display }) => typeof display === 'string')?.['display'];
  const [first] = itemsOf(agent);
  return {
    activity: code,
    display: typeof words === 'string' ? words : undefined,
    when,
    at: Date.parse(when) || 0,
    who: isObject(first) ? first['who'] : undefined,
    location,
    reason: itemsOf(reason)[0],
    provenance: `Provenance/${id}`,
  };
}

/** Names of resources of this server, without their versions. */
function movedThings(provenance: Resource, bases: readonly string[]): string[] {
  return itemsOf(provenance['target']).flatMap((each: Json | JsonObject) => {
    const text = isObject(each) && typeof each['reference'] === 'string' ? each['reference'] : '';
    const target = parseReference(text, bases);
    return target?.kind === 'local' ? [`${target.type}/${target.id}`] : [];
  });
}
