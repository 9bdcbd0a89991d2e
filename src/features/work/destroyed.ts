/**
 * What was destroyed moves no more, whoever moves it and by whatever way: by work of a process, or by `$move`. It is a condition of the commit, so that of a chart that is
 * handed out and destroyed at once one is refused. https://hl7.org/fhir/R4/codesystem-iso-21089-lifecycle.html
 */
import type { FhirError } from '../../fhir/error.js';
import { parseReference } from '../../fhir/reference.js';
import { isObject, type Json } from '../../fhir/resource.js';
import type { Parameters } from '../../interactions/interaction.js';
import type { HookedWrite, Preparation } from '../../interactions/write/hooks.js';
import { refuseWork } from './judge.js';

/** What becomes of records. */
export const RECORD_LIFECYCLE = 'http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle';

/** `name`: Type/id, or several with commas between. Of Provenances. */
export const destructionOf = (name: string): Parameters => [
  ['target', name],
  ['activity', `${RECORD_LIFECYCLE}|destroy`],
];

export const destroyedAlready = (expression: string): FhirError =>
  refuseWork('This was destroyed: it moves no more.', expression, 'destroyed');

/** Things that are asked about in one search. */
const NAMED_AT_ONCE = 50;

/** The same of what somebody says has moved, by names of Type/id. Throws `unprocessable`. */
export async function noneDestroyed(
  { find }: Pick<HookedWrite, 'find'>,
  names: readonly string[],
  expression: string,
): Promise<NonNullable<Preparation['absent']>> {
  const conflict = destroyedAlready(expression);
  const absent: NonNullable<Preparation['absent']>[number][] = [];
  for (let at = 0; at < names.length; at += NAMED_AT_ONCE) {
    const criteria = destructionOf(names.slice(at, at + NAMED_AT_ONCE).join(','));
    if ((await find('Provenance', criteria, 1)).length > 0) throw conflict;
    absent.push({ type: 'Provenance', criteria, conflict });
  }
  return absent;
}

/** Throws `unprocessable` where what a Task is about was destroyed. `moves`: it moves by this. */
export async function undestroyed(
  { find }: Pick<HookedWrite, 'find'>,
  {
    focus,
    bases,
    moves,
  }: { readonly focus: Json | undefined; readonly bases: readonly string[]; readonly moves: boolean },
): Promise<NonNullable<Preparation['absent']>> {
  const text = isObject(focus) && typeof focus['reference'] === 'string' ? focus['reference'] : '';
  const target = parseReference(text, bases);
  if (target?.kind !== 'local') return [];
  const criteria = destructionOf(`${target.type}/${target.id}`);
  const conflict = destroyedAlready('Task.focus');
  if ((await find('Provenance', criteria, 1)).length > 0) throw conflict;
  return moves ? [{ type: 'Provenance', criteria, conflict }] : [];
}
