/**
 * Somebody else than who has chosen looks at each document ($release-confirm), and types two identifiers of the patient that stand in it. Where its text seems to
 * name somebody else, the server asks for an answer.
 */
import type { Parameters, Patient } from 'fhir/r4';
import { useState } from 'preact/hooks';
import { sayGoingOut } from '../../messages/going-out.js';
import { HOME } from '../../session/server.js';
import { reloadTask } from '../../tasks/process-steps.js';
import { announce } from '../../ui/announce.js';
import { FaultSummary, type FieldFault } from '../../ui/fault-summary.js';
import { AreaField, SelectField, TextField } from '../../ui/fields.js';
import { OfRecord, Table, Tag } from '../../ui/parts.js';
import { useTitles } from './documents-named.js';
import { type ChosenInput, chosenIn } from './request-parts.js';
import { type OfTask, type TaskOperation, useOperation } from '../../tasks/use-operation.js';

interface ReadIn {
  readonly identifier: string;
  readonly birthDate: string;
  readonly name: string;
  readonly answer: string;
}
const NOTHING: ReadIn = { identifier: '', birthDate: '', name: '', answer: '' };

function lackingIn({ identifier, birthDate, name }: ReadIn): readonly FieldFault[] {
  const faults: FieldFault[] = [];
  if (identifier.trim() === '')
    faults.push({ field: 'confirm-identifier', text: sayGoingOut('confirm.identifier.missing') });
  if (birthDate === '' && name.trim() === '')
    faults.push({ field: 'confirm-birth-date', text: sayGoingOut('confirm.second.missing') });
  return faults;
}

const confirmationOf = (id: string, { identifier, birthDate, name, answer }: ReadIn) => ({
  name: 'document',
  part: [
    { name: 'document', valueReference: { reference: `DocumentReference/${id}` } },
    { name: 'identifier', valueString: identifier.trim() },
    ...(birthDate === '' ? [] : [{ name: 'birth-date', valueDate: birthDate }]),
    ...(name.trim() === '' ? [] : [{ name: 'name', valueString: name.trim() }]),
    ...(answer.trim() === '' ? [] : [{ name: 'answer', valueString: answer.trim() }]),
  ],
});

/** Whether the server has read a text of it. */
const isRead = ({ parameter = [] }: Parameters): boolean =>
  parameter.some(({ part = [] }) => part.some(({ name, valueCode }) => name === 'looked-at' && valueCode === 'text'));

export function SecondLook({ patient, ...request }: OfTask & { readonly patient: Patient }) {
  const { task } = request;
  const chosen = chosenIn(task);
  const titleOf = useTitles(chosen.map(({ id }) => id));
  const operation = useOperation(request);
  const [at, setAt] = useState('');
  const [read, setRead] = useState(NOTHING);
  const [said, setSaid] = useState('');
  const open = chosen.filter(each => !each.isConfirmed);
  const current = open.find(({ id }) => id === at) ?? open[0];
  const confirm = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (!current) return;
    if (operation.lack(lackingIn(read))) return;
    const answer = await operation.run({
      name: 'release-confirm',
      parameter: [confirmationOf(current.id, read)],
      fields: ['confirm-identifier'],
      byDetail: { 'other-patient-named': 'confirm-answer' },
    });
    if (!answer) return;
    setRead(NOTHING);
    const text = sayGoingOut(isRead(answer.body) ? 'confirm.read' : 'confirm.unread', { what: titleOf(current.id) });
    setSaid(text);
    announce(text);
    reloadTask(task.id!);
  };
  return (
    <section>
      <h2>{sayGoingOut('second-look')}</h2>
      <p>{sayGoingOut('second-look.text')}</p>
      <ChosenTable {...{ chosen, titleOf }} patient={patient.id!} />
      {said !== '' && <p class="notice">{said}</p>}
      {current ? (
        <ReadForm
          {...{ open, current, titleOf, read, operation, setRead }}
          choose={id => {
            setAt(id);
            setRead(NOTHING);
            operation.lack([]);
          }}
          confirm={event => void confirm(event)}
        />
      ) : (
        <p class="notice">{sayGoingOut('confirm.all')}</p>
      )}
    </section>
  );
}

interface ChosenShape {
  readonly chosen: readonly ChosenInput[];
  readonly titleOf: (id: string) => string;
  readonly patient: string;
}

const ChosenTable = ({ chosen, titleOf, patient }: ChosenShape) => (
  <Table
    caption={sayGoingOut('chosen', { n: chosen.length })}
    columns={(['document', 'withheld', 'looked-at'] as const).map(each => sayGoingOut(`column.${each}`))}
    rows={chosen.map(({ id, withheld, isConfirmed }) => ({
      key: id,
      cells: [
        <a href={`${HOME}chart/${patient}/document/${id}`}>
          <OfRecord>{titleOf(id)}</OfRecord>
        </a>,
        sayGoingOut('withheld', { n: withheld }),
        <Tag colour={isConfirmed ? 'green' : 'yellow'}>{sayGoingOut(isConfirmed ? 'confirmed' : 'unconfirmed')}</Tag>,
      ],
    }))}
  />
);

interface ReadFormShape {
  readonly open: readonly ChosenInput[];
  readonly current: ChosenInput;
  readonly titleOf: (id: string) => string;
  readonly read: ReadIn;
  readonly setRead: (read: ReadIn) => void;
  readonly operation: TaskOperation;
  readonly choose: (id: string) => void;
  readonly confirm: (event: Event) => void;
}

const ReadForm = ({ open, current, titleOf, read, setRead, operation, choose, confirm }: ReadFormShape) => {
  const { faults, requestId, faultAt } = operation;
  const asksAnswer = faultAt('confirm-answer') !== undefined || read.answer !== '';
  return (
    <form class="panel" onSubmit={confirm} noValidate>
      <h3>{sayGoingOut('confirm')}</h3>
      <FaultSummary faults={faults} requestId={requestId} />
      <SelectField
        id="confirm-document"
        label={sayGoingOut('confirm.document')}
        value={current.id}
        set={choose}
        options={open.map(({ id }) => [id, titleOf(id)])}
      />
      <div class="grid">
        <TextField
          id="confirm-identifier"
          label={sayGoingOut('confirm.identifier')}
          hint={sayGoingOut('confirm.identifier.hint')}
          value={read.identifier}
          set={identifier => setRead({ ...read, identifier })}
          fault={faultAt('confirm-identifier')}
        />
        <TextField
          id="confirm-birth-date"
          type="date"
          label={sayGoingOut('confirm.birth-date')}
          hint={sayGoingOut('confirm.birth-date.hint')}
          value={read.birthDate}
          set={birthDate => setRead({ ...read, birthDate })}
          fault={faultAt('confirm-birth-date')}
        />
        <TextField
          id="confirm-name"
          anyScript
          label={sayGoingOut('confirm.name')}
          isOptional
          value={read.name}
          set={name => setRead({ ...read, name })}
        />
      </div>
      {asksAnswer && (
        <AreaField
          id="confirm-answer"
          label={sayGoingOut('confirm.answer')}
          hint={sayGoingOut('confirm.answer.hint')}
          rows={2}
          value={read.answer}
          set={answer => setRead({ ...read, answer })}
          fault={faultAt('confirm-answer')}
        />
      )}
      <button type="submit">{sayGoingOut('confirm.do')}</button>
    </form>
  );
};
