/** Fields of forms: a label, a hint, and what is wrong, tied to the control. */
import type { ComponentChildren } from 'preact';
import { say } from '../messages/common.js';

export interface FieldShape {
  readonly id: string;
  readonly label: string;
  readonly hint?: string | undefined;
  /** What is wrong with it. */
  readonly fault?: string | undefined;
  readonly isOptional?: boolean;
}

export const describedBy = ({ id, hint, fault }: FieldShape): string | undefined =>
  [hint === undefined ? '' : `${id}-hint`, fault === undefined ? '' : `${id}-fault`]
    .filter(each => each !== '')
    .join(' ') || undefined;

/** What frames a control. */
export function Framed({ field, children }: { readonly field: FieldShape; readonly children: ComponentChildren }) {
  const { id, label, hint, fault, isOptional } = field;
  return (
    <div class={fault === undefined ? 'field' : 'field has-fault'}>
      <label for={id}>
        {label} {isOptional === true && <span class="quiet">{say('optional')}</span>}
      </label>
      {hint !== undefined && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {fault !== undefined && (
        <p class="fault" id={`${id}-fault`}>
          {fault}
        </p>
      )}
      {children}
    </div>
  );
}

type InputShape = FieldShape & {
  readonly value: string;
  readonly set: (value: string) => void;
  readonly type?: 'text' | 'date' | 'password' | 'tel' | 'email' | 'search' | 'number';
  /** Characters that are expected. */
  readonly width?: 40;
  /** Values in any script. */
  readonly anyScript?: boolean;
  /** Values that are offered. */
  readonly list?: readonly string[];
  /** Letters of one width. */
  readonly isCode?: boolean;
};

/** Each kind of input has a type of its own to the compiler: it takes one at a time. */
const oneKind = (type: string): 'text' => type as 'text';

export function TextField(shape: InputShape) {
  const { value, set, type = 'text', width, anyScript = false, list, isCode = false, ...field } = shape;
  return (
    <Framed field={field}>
      <input
        id={field.id}
        name={field.id}
        type={oneKind(type)}
        value={value}
        autoComplete="off"
        spellcheck={false}
        class={isCode ? 'code' : width === undefined ? undefined : `width-${width}`}
        list={list === undefined ? undefined : `${field.id}-list`}
        aria-describedby={describedBy(field)}
        aria-invalid={field.fault === undefined ? undefined : 'true'}
        onInput={({ currentTarget }) => set(currentTarget.value)}
        dir={anyScript ? 'auto' : undefined}
      />
      {list !== undefined && (
        <datalist id={`${field.id}-list`}>
          {list.map(each => (
            <option key={each} value={each} />
          ))}
        </datalist>
      )}
    </Framed>
  );
}

type AreaShape = FieldShape & {
  readonly value: string;
  readonly set: (value: string) => void;
  readonly rows?: number;
  readonly isCode?: boolean;
};

export function AreaField({ value, set, rows = 4, isCode = false, ...field }: AreaShape) {
  return (
    <Framed field={field}>
      <textarea
        id={field.id}
        name={field.id}
        rows={rows}
        class={isCode ? 'code' : undefined}
        spellcheck={false}
        value={value}
        aria-describedby={describedBy(field)}
        aria-invalid={field.fault === undefined ? undefined : 'true'}
        onInput={({ currentTarget }) => set(currentTarget.value)}
      />
    </Framed>
  );
}

type SelectShape = FieldShape & {
  readonly value: string;
  readonly set: (value: string) => void;
  /** Value, and what is shown. */
  readonly options: readonly (readonly [value: string, text: string])[];
};

export function SelectField({ value, set, options, ...field }: SelectShape) {
  return (
    <Framed field={field}>
      <select
        id={field.id}
        name={field.id}
        value={value}
        aria-describedby={describedBy(field)}
        aria-invalid={field.fault === undefined ? undefined : 'true'}
        onChange={({ currentTarget }) => set(currentTarget.value)}
      >
        {options.map(([each, text]) => (
          <option key={each} value={each} selected={each === value}>
            {text}
          </option>
        ))}
      </select>
    </Framed>
  );
}

type CheckShape = FieldShape & { readonly value: boolean; readonly set: (value: boolean) => void };

export function CheckField({ value, set, ...field }: CheckShape) {
  return (
    <div class={field.fault === undefined ? 'field' : 'field has-fault'}>
      {field.fault !== undefined && (
        <p class="fault" id={`${field.id}-fault`}>
          {field.fault}
        </p>
      )}
      <div class="check">
        <input
          id={field.id}
          name={field.id}
          type={oneKind('checkbox')}
          checked={value}
          aria-describedby={describedBy(field)}
          aria-invalid={field.fault === undefined ? undefined : 'true'}
          onChange={({ currentTarget }) => set(currentTarget.checked)}
        />
        <label for={field.id}>{field.label}</label>
      </div>
    </div>
  );
}
