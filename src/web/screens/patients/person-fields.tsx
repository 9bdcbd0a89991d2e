/** The fields of a person. */
import { sayPatients } from '../../messages/patients.js';
import { SelectField, TextField } from '../../ui/fields.js';
import type { Draft, DraftField } from './draft.js';

interface PersonShape {
  readonly draft: Draft;
  readonly set: (field: DraftField, value: string) => void;
  readonly faultOf: (field: DraftField) => string | undefined;
  readonly isNew: boolean;
}

/** Codes of http://hl7.org/fhir/administrative-gender. */
const GENDERS = ['', 'female', 'male', 'other', 'unknown'] as const;

const TYPES: Readonly<Partial<Record<DraftField, 'date' | 'tel' | 'email'>>> = {
  ...{ birthDate: 'date', phone: 'tel', contactPhone: 'tel', email: 'email' },
};

export function PersonFields({ draft, set, faultOf, isNew }: PersonShape) {
  const field = (name: DraftField, isOptional = true) => (
    <TextField
      id={name}
      label={sayPatients(`field.${name}`)}
      type={TYPES[name] ?? 'text'}
      value={draft[name]}
      set={value => set(name, value)}
      fault={faultOf(name)}
      isOptional={isOptional}
      anyScript
    />
  );
  return (
    <>
      <fieldset>
        <legend>{sayPatients('edit.person')}</legend>
        <div class="grid">
          {field('family', false)}
          {field('given')}
          {field('birthDate')}
          <SelectField
            id="gender"
            label={sayPatients('field.gender')}
            value={draft.gender}
            set={value => set('gender', value)}
            fault={faultOf('gender')}
            options={GENDERS.map(code => [code, code === '' ? sayPatients('gender.none') : code])}
          />
          {isNew && field('mrn')}
        </div>
      </fieldset>
      <fieldset>
        <legend>{sayPatients('edit.reach')}</legend>
        <div class="grid">{(['phone', 'email'] as const).map(each => field(each))}</div>
        <div class="grid">{(['line', 'city', 'state', 'postalCode', 'country'] as const).map(each => field(each))}</div>
      </fieldset>
      <fieldset>
        <legend>{sayPatients('edit.contact')}</legend>
        <div class="grid">{(['contactName', 'contactPhone'] as const).map(each => field(each))}</div>
      </fieldset>
    </>
  );
}
