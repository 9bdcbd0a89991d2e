/** The index fields of a scan, as the paper says them; the server judges them, each at its field. */
import type { Parameters, ParametersParameter } from 'fhir/r4';
import { useState } from 'preact/hooks';
import { ask } from '../../fhir/client.js';
import { sayIntake } from '../../messages/intake.js';
import { reloadTask } from '../../tasks/process-steps.js';
import { type OfTask, parametersWith, useOperation } from '../../tasks/use-operation.js';
import { announce } from '../../ui/announce.js';
import { FaultSummary } from '../../ui/fault-summary.js';
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

interface IndexShape extends OfTask {
  /** Id. */
  readonly document: string;
}

export function IndexForm({ document, ...scan }: IndexShape) {
  const [typed, setTyped] = useState(NOTHING);
  const { faults, requestId, faultAt, trying } = useOperation(scan);
  const give = async (event: Event): Promise<void> => {
    event.preventDefault();
    const parameter = FIELDS.filter(each => typed[each].trim() !== '').map(name => ({
      name,
      ...VALUES[name](typed[name].trim()),
    }));
    const path = `DocumentReference/${document}/$index`;
    const answer = await trying(() => ask<Parameters>({ method: 'POST', path, body: parametersWith(parameter) }), {
      byExpression: { ...ELEMENTS, 'Parameters.parameter': 'identifier' },
    });
    if (!answer) return;
    const state = answer.body.parameter?.find(({ name }) => name === 'state')?.valueCode;
    announce(sayIntake(state === 'final' ? 'indexed.final' : 'indexed.pending-qc'));
    reloadTask(scan.task.id!);
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
          fault={faultAt(name)}
          anyScript={name === 'family' || name === 'given' || name === 'author'}
        />
      ))}
      <button type="submit">{sayIntake('index.give')}</button>
    </form>
  );
}
