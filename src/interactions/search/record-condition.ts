/** Which resources of a compartment belong to a record, as a condition: https://hl7.org/fhir/R4/compartmentdefinition.html */
import { createLruCache, type LruCache } from '../../platform/lru-cache.js';
import { compartmentWhere } from '../../search/compartment.js';
import { all, any, type Query, type Where } from '../../search/query.js';
import type { ResourceName } from '../../store/store.js';
import type { Engine } from '../engine.js';

export interface RecordFilter {
  /** ms: only what was updated since then. */
  readonly since?: number;
  /** ms: only what has its clinical date within. */
  readonly start?: number;
  readonly end?: number;
  readonly types?: readonly string[];
}

type RecordQuery = Pick<Query, 'types' | 'where'>;

/** Conditions of a hundred keys each, for those who come back for the next page. */
const conditions = new WeakMap<Engine['parameters'], LruCache<RecordQuery>>();
const KEPT_CONDITIONS = 50;

/** What belongs to the compartment: the same objects, where it was asked for lately. */
function wholeCompartment(
  { definitions, parameters }: Engine,
  owner: ResourceName,
  types: readonly string[],
): RecordQuery {
  let kept = conditions.get(parameters);
  if (!kept) conditions.set(parameters, (kept = createLruCache(KEPT_CONDITIONS)));
  const key = `${parameters.generation} ${owner.type}/${owner.id} ${types.join()}`;
  return kept.get(key, () => ({ types, where: compartmentWhere(definitions, parameters, owner, types) }));
}

/** Of these types, as far as the filter tells. */
export function recordCondition(
  engine: Engine,
  owner: ResourceName,
  wanted: readonly string[],
  given: RecordFilter,
): RecordQuery {
  const { types, where } = wholeCompartment(engine, owner, wanted);
  return { types, where: all(where, ...withinTime(engine, types, given)) };
}

/** Search parameters that say when something was done, best first. */
const CLINICAL =
  'date onset-date period authoredon authored-on authored occurrence effective-time effective started whenhandedover performed issued created datewritten sent recorded recorded-date'.split(
    ' ',
  );

/** Where `date` means something else. */
const OWN_DATE: Readonly<Partial<Record<string, string>>> = { MedicationRequest: 'authoredon' };

function withinTime({ parameters }: Engine, types: readonly string[], { since, start, end }: RecordFilter): Where[] {
  const bounded: Where[] = [];
  if (since !== undefined)
    bounded.push({ kind: 'param', code: '_lastUpdated', test: { kind: 'date', any: [{ lowMin: since }] } });
  if (start === undefined && end === undefined) return bounded;
  const bounds = { ...(start === undefined ? {} : { highMin: start }), ...(end === undefined ? {} : { lowMax: end }) };
  const ofTypes = types.map((type): Where => {
    const code = OWN_DATE[type] ?? CLINICAL.find(name => parameters.get(type, name)?.type === 'date');
    const within: Where =
      code === undefined
        ? all()
        : any(
            { kind: 'param', code, test: { kind: 'date', any: [bounds] } },
            { kind: 'not', of: { kind: 'present', code } },
          );
    return types.length === 1 ? within : { kind: 'of', type, where: within };
  });
  bounded.push(types.length === 1 ? ofTypes[0]! : any(...ofTypes));
  return bounded;
}
