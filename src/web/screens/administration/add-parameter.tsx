/** A search parameter of one's own is in force as soon as it is saved; what is stored already is indexed behind the traffic. */
import type { SearchParameter } from 'fhir/r4';
import { useState } from 'preact/hooks';
import { ask } from '../../fhir/client.js';
import { sayAdmin } from '../../messages/administration.js';
import { SERVER } from '../../session/server.js';
import { announce } from '../../ui/announce.js';
import { FaultSummary, type FieldFault, fieldFaults } from '../../ui/fault-summary.js';
import { SelectField, TextField } from '../../ui/fields.js';
import { useFaults } from '../../ui/use-faults.js';

const TYPES = ['string', 'token', 'date', 'number', 'quantity', 'reference', 'uri'] as const;
type ParameterType = (typeof TYPES)[number];

interface TypedParameter {
  readonly code: string;
  readonly base: string;
  readonly type: ParameterType;
  readonly expression: string;
  readonly description: string;
}
const NOTHING: TypedParameter = { code: '', base: '', type: 'string', expression: '', description: '' };

const FIELDS = {
  'SearchParameter.code': 'code',
  'SearchParameter.name': 'code',
  'SearchParameter.url': 'code',
  'SearchParameter.base': 'base',
  'SearchParameter.type': 'type',
  'SearchParameter.expression': 'expression',
  'SearchParameter.description': 'description',
} as const;

const lackingIn = (typed: TypedParameter): readonly FieldFault[] =>
  (['code', 'base', 'expression', 'description'] as const).flatMap(field =>
    typed[field].trim() === '' ? [{ field, text: sayAdmin(`add.${field}.missing`) }] : [],
  );

/** Its id is made here, so that the request may come twice. */
function parameterFrom({ code, base, type, expression, description }: TypedParameter, id: string): SearchParameter {
  return {
    ...{ resourceType: 'SearchParameter', id, url: `${SERVER.base}/SearchParameter/${id}`, status: 'active' },
    ...{ name: nameFrom(code), code: code.trim(), type, expression: expression.trim() },
    description: description.trim(),
    base: base.split(/[\s,]+/).filter(each => each !== '') as SearchParameter['base'],
  };
}

/** A name that a machine can take: https://hl7.org/fhir/R4/searchparameter.html#invs */
const nameFrom = (code: string): string => {
  const words = code.split(/[^A-Za-z0-9]+/).filter(each => each !== '');
  const name = words.map(each => each[0]!.toUpperCase() + each.slice(1)).join('');
  return /^[A-Z]/.test(name) ? name : `Own${name}`;
};

export function AddParameter({ done }: { readonly done: () => void }) {
  const [typed, setTyped] = useState(NOTHING);
  const [id, setId] = useState<string>(() => crypto.randomUUID());
  const { faults, requestId, faultAt, lack, trying, isBusy } = useFaults();
  const add = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (lack(lackingIn(typed))) return;
    const isDone = await trying(
      () => ask({ method: 'PUT', path: `SearchParameter/${id}`, body: parameterFrom(typed, id) }),
      refused => fieldFaults(refused, FIELDS),
    );
    if (!isDone) return;
    announce(sayAdmin('add.done', { code: typed.code }));
    setTyped(NOTHING);
    setId(crypto.randomUUID());
    done();
  };
  const field = (name: 'code' | 'base' | 'expression' | 'description') => ({
    ...{ id: name, label: sayAdmin(`add.${name}`), hint: sayAdmin(`add.${name}.hint`), value: typed[name] },
    ...{ set: (value: string) => setTyped({ ...typed, [name]: value }), fault: faultAt(name) },
  });
  return (
    <form onSubmit={event => void add(event)} noValidate class="panel">
      <h2>{sayAdmin('add')}</h2>
      <FaultSummary faults={faults} requestId={requestId} />
      <TextField {...field('code')} isCode />
      <TextField {...field('base')} />
      <SelectField
        id="type"
        label={sayAdmin('add.type')}
        value={typed.type}
        set={value => setTyped({ ...typed, type: value as ParameterType })}
        options={TYPES.map(each => [each, each])}
        fault={faultAt('type')}
      />
      <TextField {...field('expression')} isCode />
      <TextField {...field('description')} width={40} />
      <button type="submit" disabled={isBusy}>
        {sayAdmin('add.do')}
      </button>
    </form>
  );
}
