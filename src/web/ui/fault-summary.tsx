/** What went wrong, above a page or a form: in words, with the fields that it is about and the id of the request. */
import { useEffect, useRef } from 'preact/hooks';
import type { RequestFault } from '../fhir/fault.js';
import { say } from '../messages/common.js';

/** A fault at a field of a form, by the id of the field. */
export interface FieldFault {
  readonly field: string | undefined;
  readonly text: string;
}

/** FHIRPath of an element → id of the field that holds it. The longest beginning counts. */
export type FieldsByExpression = Readonly<Record<string, string>>;

const withoutIndexes = (expression: string): string => expression.replaceAll(/\[\d+\]/g, '');

/** What a request came to, by the fields of a form. */
export function fieldFaults(fault: RequestFault, fields: FieldsByExpression = {}): readonly FieldFault[] {
  const texts = fault.issues.filter(({ text }) => text !== '');
  if (texts.length === 0) return [{ field: undefined, text: sentenceOf(fault) }];
  return texts.map(({ text, expressions }) => ({ text, field: fieldOf(expressions, fields) }));
}

/** Of an operation: `fields` are those that its parameters were made of, in their order. */
export const faultsOfParameters = (fault: RequestFault, fields: readonly string[]): readonly FieldFault[] => {
  const texts = fault.issues.filter(({ text }) => text !== '');
  if (texts.length === 0) return fieldFaults(fault);
  return texts.map(({ text, expressions }) => {
    const at = expressions.map(each => /^Parameters\.parameter\[(\d+)\]/.exec(each)?.[1]).find(Boolean);
    return { text, field: at === undefined ? undefined : fields[Number(at)] };
  });
};

function fieldOf(expressions: readonly string[], fields: FieldsByExpression): string | undefined {
  const plain = expressions.map(withoutIndexes);
  return Object.keys(fields)
    .toSorted((a, b) => b.length - a.length)
    .filter(path => plain.some(each => each === path || each.startsWith(`${path}.`)))
    .map(path => fields[path])[0];
}

/** In plain words, by the status. */
export function sentenceOf({ status }: RequestFault): string {
  const known = ['0', '401', '403', '404', '410', '409', '412'].find(each => each === String(status));
  return known === undefined ? say('problem.other', { status }) : say(`problem.${known as '404'}`);
}

interface SummaryShape {
  readonly faults: readonly FieldFault[];
  readonly requestId?: string | undefined;
  readonly again?: (() => void) | undefined;
}

/** Takes the focus when it appears. https://design-system.service.gov.uk/components/error-summary/ */
export function FaultSummary({ faults, requestId, again }: SummaryShape) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => box.current?.focus(), [faults]);
  if (faults.length === 0) return null;
  return (
    <div class="fault-summary" role="alert" tabIndex={-1} ref={box}>
      <h2>{say('problem')}</h2>
      <ul>
        {faults.map(({ field, text }) => (
          <li key={text}>
            {field === undefined ? (
              text
            ) : (
              <a href={`#${field}`} onClick={event => goToField(event, field)}>
                {text}
              </a>
            )}
          </li>
        ))}
      </ul>
      {requestId !== undefined && <p class="quiet">{say('problem.request', { id: requestId })}</p>}
      {again && (
        <button type="button" class="secondary" onClick={again}>
          {say('try-again')}
        </button>
      )}
    </div>
  );
}

function goToField(event: Event, field: string): void {
  event.preventDefault();
  document.getElementById(field)?.focus();
}

/** What a request came to that no form is about. */
export const RequestFailed = ({ fault, again }: { readonly fault: RequestFault; readonly again?: () => void }) => (
  <FaultSummary faults={fieldFaults(fault)} requestId={fault.requestId} again={again} />
);
