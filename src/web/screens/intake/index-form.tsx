/** The index fields of a scan, as the paper says them; the server judges them, each at its field. */
import type { Parameters, ParametersParameter } from 'fhir/r4';
import { useRef, useState } from 'preact/hooks';
import { ask } from '../../fhir/client.js';
import { RequestFault } from '../../fhir/fault.js';
import { sayIntake } from '../../messages/intake.js';
import { reloadTask } from '../../tasks/process-steps.js';
import { announce } from '../../ui/announce.js';
import { FaultSummary, type FieldFault, fieldFaults } from '../../ui/fault-summary.js';
import { TextField } from '../../ui/fields.js';

const FIELDS = ['identifier', 'family', 'given', 'birthdate', 'type', 'date', 'author', 'encounter'] as const;
type Field = (typeof FIELDS)[number];
type Typed = Readonly<Record<Field, string>>;
const NOTHING = Object.fromEntries(FIELDS.map(each => [each, ''])) as Typed;
const DATES: ReadonlySet<Field> = new Set(['birthdate', 'date']);
const HINTS: ReadonlyMap<Field, string> = new Map([
  ['type', sayIntake('type.hint')],
  ['encounter', sayIntake('encounter.hint')],
]);
/** By what the server tells of the document. */
const ELEMENTS = {
  ...{ 'DocumentReference.subject': 'identifier', 'DocumentReference.context.sourcePatientInfo': 'identifier' },
  ...{ 'DocumentReference.type': 'type', 'DocumentReference.date': 'date', 'DocumentReference.context.period': 'date' },
  ...{ 'DocumentReference.author': 'author', 'DocumentReference.context.encounter': 'encounter' },
};

const VALUES: Readonly<Record<Field, (text: string) => Omit<ParametersParameter, 'name'>>> = {
  identifier: valueString => ({ valueString }),
  family: valueString => ({ valueString }),
  given: valueString => ({ valueString }),
  birthdate: valueDate => ({ valueDate }),
  type: code => ({ valueCoding: { system: 'http://loinc.org', code } }),
  date: valueDateTime => ({ valueDateTime }),
  author: display => ({ valueReference: { display } }),
  encounter: id => ({ valueReference: { reference: `Encounter/${id}` } }),
};

interface IndexShape {
  /** Ids. */
  readonly task: string;
  readonly document: string;
}

export function IndexForm({ task, document }: IndexShape) {
  const [typed, setTyped] = useState(NOTHING);
  const [faults, setFaults] = useState<readonly FieldFault[]>([]);
  const [requestId, setRequestId] = useState<string>();
  const isAsked = useRef(false);
  const give = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (isAsked.current) return;
    isAsked.current = true;
    const parameter = FIELDS.filter(each => typed[each].trim() !== '').map(name => ({
      name,
      ...VALUES[name](typed[name].trim()),
    }));
    try {
      const path = `DocumentReference/${document}/$index`;
      const given: Parameters = { resourceType: 'Parameters', ...(parameter.length > 0 ? { parameter } : {}) };
      const { body } = await ask<Parameters>({ method: 'POST', path, body: given });
      const state = body.parameter?.find(({ name }) => name === 'state')?.valueCode;
      setFaults([]);
      announce(sayIntake(state === 'final' ? 'indexed.final' : 'indexed.pending-qc'));
      reloadTask(task);
    } catch (error) {
      if (!(error instanceof RequestFault)) throw error;
      setFaults(fieldFaults(error, { ...ELEMENTS, 'Parameters.parameter': 'identifier' }));
      setRequestId(error.requestId);
    } finally {
      isAsked.current = false;
    }
  };
  return (
    <form class="panel" onSubmit={event => void give(event)} noValidate>
      <h2>{sayIntake('index')}</h2>
      <p class="hint">{sayIntake('index.text')}</p>
      <FaultSummary faults={faults} requestId={requestId} />
      {FIELDS.map(name => (
        <TextField
          key={name}
          id={name}
          type={DATES.has(name) ? 'date' : 'text'}
          label={sayIntake(name)}
          hint={HINTS.get(name)}
          value={typed[name]}
          set={value => setTyped({ ...typed, [name]: value })}
          fault={faults.find(({ field }) => field === name)?.text}
          anyScript={name === 'family' || name === 'given' || name === 'author'}
        />
      ))}
      <button type="submit">{sayIntake('index.give')}</button>
    </form>
  );
}
