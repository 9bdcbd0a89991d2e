/** What can be done with a Task by the tables of its process ($transitions), and doing it ($transition). */
import type { Coding, Parameters, ParametersParameter, Task } from 'fhir/r4';
import { useEffect, useState } from 'preact/hooks';
import { ask } from '../fhir/client.js';
import type { RequestFault } from '../fhir/fault.js';
import { queries, useQuery } from '../ui/use-query.js';

export interface Possible {
  readonly name: string;
  readonly display: string;
  readonly needs: readonly string[];
}

const possibleIn = ({ parameter = [] }: Parameters): readonly Possible[] =>
  parameter.flatMap(({ name, part = [] }) => {
    const code = part.find(each => each.name === 'name')?.valueCode;
    if (name !== 'transition' || code === undefined) return [];
    const display = part.find(each => each.name === 'display')?.valueString ?? code;
    return [
      { name: code, display, needs: part.flatMap(each => (each.name === 'needs' ? (each.valueCode ?? []) : [])) },
    ];
  });

export interface PossibleSteps {
  /** Of the Task as it is shown, and of no other version; undefined: they are not known yet. */
  readonly data: readonly Possible[] | undefined;
  readonly error: RequestFault | null;
  readonly refetch: () => void;
  /** Somebody else has changed the Task while the page was opened: it was loaded again. */
  readonly wasChanged: boolean;
}

/** `enabled`: default true. */
export function usePossible({ id = '', meta }: Task, enabled = true): PossibleSteps {
  const shown = meta?.versionId;
  const { data, error, isFetching, refetch } = useQuery({
    key: ['transitions', id],
    async ask(signal) {
      const { body } = await ask<Parameters>({ path: `Task/${id}/$transitions`, signal });
      return { steps: possibleIn(body), version: body.parameter?.find(({ name }) => name === 'version')?.valueId };
    },
    enabled,
  });
  const [wasChanged, setChanged] = useState(false);
  const { version } = data ?? {};
  // While one of both is on its way, the other one may be a version ahead.
  const isSettled = enabled && !isFetching && queries.isFetching({ queryKey: ['task', id] }) === 0;
  const isOther = isSettled && version !== undefined && shown !== undefined && version !== shown;
  useEffect(() => {
    if (!isOther) return;
    setChanged(true);
    reloadTask(id);
  }, [isOther, version, shown]);
  return { data: isOther ? undefined : data?.steps, error, refetch: () => void refetch(), wasChanged };
}

/** Of what is no work of a process the server has no transitions. */
export const isNoWork = (failed: RequestFault | null): boolean =>
  failed !== null && failed.status >= 400 && failed.status < 500;

export interface TypedBeside {
  readonly reason: string;
  readonly until: string;
  readonly location: string;
}

/** What is typed for another step is not sent. `code`: the reason as a code. */
export function stepParameters(
  { name, needs }: Possible,
  typed: TypedBeside,
  code?: Coding,
): readonly ParametersParameter[] {
  const given = (value: string, need?: string): boolean =>
    value.trim() !== '' && (need === undefined || needs.includes(need));
  const { reason, until, location } = typed;
  return [
    { name: 'name', valueCode: name },
    ...(given(reason) ? [{ name: 'reason', valueString: reason.trim() }] : []),
    ...(code === undefined ? [] : [{ name: 'reason-code', valueCoding: code }]),
    ...(given(location, 'location') ? [{ name: 'location', valueReference: { reference: location.trim() } }] : []),
    ...(given(until, 'term') ? [{ name: 'until', valueDateTime: until }] : []),
  ];
}

/** Asks anew for the Task and for what can be done with it. */
export function reloadTask(id: string): void {
  void queries.invalidateQueries({ queryKey: ['task', id] });
  void queries.invalidateQueries({ queryKey: ['transitions', id] });
  queries.removeQueries({ queryKey: ['pages', 'Task'] });
}

/** Refusals that say that the work is in another state than the page shows. */
const IN_OTHER_STATE: ReadonlySet<string | undefined> = new Set(['transition-refused', 'not-to-be-indexed']);

/** Whether somebody else was faster. */
export const isOvertaken = ({ status, issues }: RequestFault): boolean =>
  status === 409 ||
  status === 412 ||
  issues.some(({ detail, expressions }) => IN_OTHER_STATE.has(detail) || expressions.includes('Task.businessStatus'));
