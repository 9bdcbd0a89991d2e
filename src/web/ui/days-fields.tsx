/** From which day on, and up to which. */
import { TextField } from './fields.js';

export interface DaysShape {
  readonly label: (day: 'start' | 'end') => string;
  readonly hint?: string;
  /** Both `YYYY-MM-DD` or empty. */
  readonly value: { readonly start: string; readonly end: string };
  readonly set: (day: 'start' | 'end', value: string) => void;
  readonly faultAt?: (field: string) => string | undefined;
}

export const DaysFields = ({ label, hint, value, set, faultAt }: DaysShape) => (
  <>
    {(['start', 'end'] as const).map(each => (
      <TextField
        key={each}
        id={each}
        type="date"
        label={label(each)}
        hint={hint}
        isOptional
        value={value[each]}
        set={day => set(each, day)}
        fault={faultAt?.(each)}
      />
    ))}
  </>
);
