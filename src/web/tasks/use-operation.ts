/**
 * Asks an operation of work, once at a time, and keeps at its fields what it was refused for. Where somebody else was faster, the page is told instead,
 * which shows both versions; what was typed stays.
 */
import type { Parameters, ParametersParameter, Task } from 'fhir/r4';
import { type Answer, ask } from '../fhir/client.js';
import type { RequestFault } from '../fhir/fault.js';
import { type FieldFault, fieldFaults, faultsOfParameters, type FieldsByExpression } from '../ui/fault-summary.js';
import { type Faults, useFaults } from '../ui/use-faults.js';
import { isOvertaken, reloadTask } from './process-steps.js';

export interface OfTask {
  readonly task: Task;
  /** Says that somebody else was faster; undefined: that what was asked for is done. */
  readonly overtake: (fault: RequestFault | undefined) => void;
}

/** Where it is said what a refusal is about. */
export interface PlacesOfFaults {
  /** Ids of the fields that the parameters were made of, in their order. */
  readonly fields?: readonly string[];
  /** Code of `details` → id of the field that it is about. */
  readonly byDetail?: Readonly<Record<string, string>>;
  readonly byExpression?: FieldsByExpression;
}

export interface OperationAsked extends PlacesOfFaults {
  /** Without `$`. */
  readonly name: string;
  readonly parameter: readonly ParametersParameter[];
  /** Refused where somebody else has changed the Task since it was shown. */
  readonly isOfShown?: true;
}

export interface TaskOperation extends Omit<Faults, 'trying'> {
  /** Undefined: it was refused, or is under way already. */
  readonly run: <T = Parameters>(asked: OperationAsked) => Promise<Answer<T> | undefined>;
  /** Work that may be refused in the same way. */
  readonly trying: <T>(work: () => Promise<T>, places?: PlacesOfFaults) => Promise<T | undefined>;
}

function placed(fault: RequestFault, { fields = [], byDetail = {}, byExpression }: PlacesOfFaults) {
  const named = fault.issues.map(({ detail = '' }) => byDetail[detail]).find(each => each !== undefined);
  const faults: readonly FieldFault[] = byExpression
    ? fieldFaults(fault, byExpression)
    : faultsOfParameters(fault, fields);
  return faults.map(({ field, text }) => ({ text, field: named ?? field }));
}

export function useOperation({ task, overtake }: OfTask): TaskOperation {
  const id = task.id!;
  const { trying: tryOnce, ...faults } = useFaults();
  const trying: TaskOperation['trying'] = (work, places = {}) =>
    tryOnce(
      async () => {
        const done = await work();
        overtake(undefined);
        return done;
      },
      fault => {
        if (!isOvertaken(fault)) return placed(fault, places);
        overtake(fault);
        reloadTask(id);
        return [];
      },
    );
  return {
    ...{ ...faults, trying },
    run: <T>({ name, parameter, isOfShown, ...places }: OperationAsked) => {
      const version = task.meta?.versionId;
      const headers = isOfShown && version !== undefined ? { 'If-Match': `W/"${version}"` } : {};
      const asked = { path: `Task/${id}/$${name}`, headers, body: parametersWith(parameter) };
      return trying(() => ask<T>({ method: 'POST', ...asked }), places);
    },
  };
}

/** FHIR has no empty lists. */
export const parametersWith = (parameter: readonly ParametersParameter[]): Parameters => ({
  resourceType: 'Parameters',
  ...(parameter.length > 0 ? { parameter: [...parameter] } : {}),
});
