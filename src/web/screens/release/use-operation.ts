/**
 * Asks an operation of a request, once at a time, and keeps at its fields what it was refused for. Where somebody else was faster, the page is told instead,
 * which shows both versions; what was typed stays.
 */
import type { Parameters, ParametersParameter, Task } from 'fhir/r4';
import { useRef, useState } from 'preact/hooks';
import { type Answer, ask } from '../../fhir/client.js';
import { RequestFault } from '../../fhir/fault.js';
import { isOvertaken, reloadTask } from '../../tasks/process-steps.js';
import { type FieldFault, faultsOfParameters } from '../../ui/fault-summary.js';

export interface OfRequest {
  readonly task: Task;
  /** Says that somebody else was faster; undefined: that what was asked for is done. */
  readonly overtake: (fault: RequestFault | undefined) => void;
}

export interface OperationAsked {
  /** Without `$`. */
  readonly name: string;
  readonly parameter: readonly ParametersParameter[];
  /** Ids of the fields that the parameters were made of, in their order. */
  readonly fields?: readonly string[];
  /** Code of `details` → id of the field that it is about. */
  readonly byDetail?: Readonly<Record<string, string>>;
}

export interface RequestOperation {
  readonly faults: readonly FieldFault[];
  readonly requestId: string | undefined;
  readonly faultAt: (field: string) => string | undefined;
  /** What is lacking before it is asked for. */
  readonly lack: (faults: readonly FieldFault[]) => void;
  /** Undefined: it was refused. */
  readonly run: <T = Parameters>(asked: OperationAsked) => Promise<Answer<T> | undefined>;
  /** Work that may be refused in the same way. Undefined: it was. */
  readonly trying: <T>(
    work: () => Promise<T>,
    asked?: Omit<OperationAsked, 'name' | 'parameter'>,
  ) => Promise<T | undefined>;
}

/** The state of a request is another one than the page shows. */
const isInOtherState = ({ issues }: RequestFault): boolean =>
  issues.some(({ expressions }) => expressions.includes('Task.businessStatus'));

export function useOperation({ task, overtake }: OfRequest): RequestOperation {
  const id = task.id!;
  const isAsked = useRef(false);
  const [faults, setFaults] = useState<readonly FieldFault[]>([]);
  const [requestId, setRequestId] = useState<string>();
  const trying: RequestOperation['trying'] = async (work, { fields = [], byDetail = {} } = {}) => {
    if (isAsked.current) return undefined;
    isAsked.current = true;
    try {
      const done = await work();
      setFaults([]);
      overtake(undefined);
      return done;
    } catch (error) {
      if (!(error instanceof RequestFault)) throw error;
      setRequestId(error.requestId);
      if (isOvertaken(error) || isInOtherState(error)) {
        setFaults([]);
        overtake(error);
        reloadTask(id);
        return undefined;
      }
      const named = error.issues.map(({ detail = '' }) => byDetail[detail]).find(each => each !== undefined);
      setFaults(faultsOfParameters(error, fields).map(({ field, text }) => ({ text, field: named ?? field })));
      return undefined;
    } finally {
      isAsked.current = false;
    }
  };
  return {
    ...{ faults, requestId, trying },
    faultAt: field => faults.find(each => each.field === field)?.text,
    lack(lacking) {
      setFaults(lacking);
      setRequestId(undefined);
    },
    run: <T>({ name, parameter, ...places }: OperationAsked) =>
      trying(() => ask<T>({ method: 'POST', path: `Task/${id}/$${name}`, body: parametersWith(parameter) }), places),
  };
}

/** FHIR has no empty lists. */
const parametersWith = (parameter: readonly ParametersParameter[]): Parameters => ({
  resourceType: 'Parameters',
  ...(parameter.length > 0 ? { parameter: [...parameter] } : {}),
});
