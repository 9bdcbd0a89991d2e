/** What is wrong with what was typed, and work that is done once at a time: a second click while it is under way does nothing. */
import { useRef, useState } from 'preact/hooks';
import { RequestFault } from '../fhir/fault.js';
import { type FieldFault, fieldFaults } from './fault-summary.js';

export interface Faults {
  readonly faults: readonly FieldFault[];
  /** Of the request that was refused. */
  readonly requestId: string | undefined;
  readonly isBusy: boolean;
  /** What is wrong with a field, by its id. */
  readonly faultAt: (field: string) => string | undefined;
  /** Says what is lacking before anything is asked for. True: something is. */
  readonly lack: (faults: readonly FieldFault[]) => boolean;
  /** `judge`: what a refusal says of which fields. Undefined: it was refused, or is under way already. */
  readonly trying: <T>(
    work: () => Promise<T>,
    judge?: (fault: RequestFault) => readonly FieldFault[],
  ) => Promise<T | undefined>;
}

export function useFaults(): Faults {
  const isAsked = useRef(false);
  const [isBusy, setBusy] = useState(false);
  const [faults, setFaults] = useState<readonly FieldFault[]>([]);
  const [requestId, setRequestId] = useState<string>();
  return {
    ...{ faults, requestId, isBusy },
    faultAt: field => faults.find(each => each.field === field)?.text,
    lack(lacking) {
      setFaults(lacking);
      setRequestId(undefined);
      return lacking.length > 0;
    },
    async trying(work, judge = fieldFaults) {
      if (isAsked.current) return undefined;
      isAsked.current = true;
      setBusy(true);
      try {
        const done = await work();
        setFaults([]);
        return done;
      } catch (error) {
        if (!(error instanceof RequestFault)) throw error;
        setRequestId(error.requestId);
        setFaults(judge(error));
        return undefined;
      } finally {
        isAsked.current = false;
        setBusy(false);
      }
    },
  };
}
