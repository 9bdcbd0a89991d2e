/** What will change, beside what is there; and, where somebody else was faster, what they have written. */
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { shownDate } from '../../fhir/show.js';
import { say } from '../../messages/common.js';
import { sayPatients } from '../../messages/patients.js';
import { OfRecord, Table, Tag } from '../../ui/parts.js';
import { changedFields, type Draft, DRAFT_FIELDS, type DraftField } from './draft.js';

interface ReviewShape {
  /** Undefined: it is registered. */
  readonly was: Draft | undefined;
  readonly draft: Draft;
  /** What somebody else has written meanwhile. */
  readonly theirs: Draft | undefined;
  readonly takeTheirs: (mine: ReadonlySet<DraftField>) => void;
  readonly same: ComponentChildren;
  readonly isBusy: boolean;
  readonly save: () => void;
  readonly back: () => void;
}

const Value = ({ field, of }: { readonly field: DraftField; readonly of: Draft }) => {
  const value = of[field].trim();
  if (value === '') return <span class="quiet">{say('unknown')}</span>;
  return <OfRecord>{field === 'birthDate' ? shownDate(value) : value}</OfRecord>;
};

export function Review({ was, draft, theirs, takeTheirs, same, isBusy, save, back }: ReviewShape) {
  const fields = was ? changedFields(was, draft) : DRAFT_FIELDS.filter(field => draft[field].trim() !== '');
  if (theirs && was) return <Conflict {...{ was, draft, theirs, takeTheirs, back }} />;
  return (
    <>
      {same}
      {fields.length === 0 ? (
        <p class="empty">{sayPatients('edit.nothing')}</p>
      ) : (
        <Table
          caption={was ? sayPatients('edit.changes', { n: fields.length }) : sayPatients('edit.new')}
          columns={[sayPatients('edit.field'), ...(was ? [sayPatients('edit.was')] : []), sayPatients('edit.becomes')]}
          rows={fields.map(field => ({
            key: field,
            cells: [
              sayPatients(`field.${field}`),
              ...(was ? [<Value field={field} of={was} />] : []),
              <Value field={field} of={draft} />,
            ],
          }))}
        />
      )}
      <div class="buttons">
        <button type="button" disabled={isBusy || fields.length === 0} onClick={save}>
          {was ? say('save') : sayPatients('register')}
        </button>
        <button type="button" class="secondary" onClick={back}>
          {sayPatients('edit.back')}
        </button>
      </div>
    </>
  );
}

interface ConflictShape extends Pick<ReviewShape, 'draft' | 'takeTheirs' | 'back'> {
  readonly was: Draft;
  readonly theirs: Draft;
}

/** Field by field: what was there, what we have typed, what somebody else has written. Where only one has changed it, that counts. */
function Conflict({ was, draft, theirs, takeTheirs, back }: ConflictShape) {
  const [mine, setMine] = useState<ReadonlySet<DraftField>>(() => new Set(changedFields(was, draft)));
  const fields = DRAFT_FIELDS.filter(field => draft[field] !== was[field] || theirs[field] !== was[field]);
  const choose = (field: DraftField, isMine: boolean): void => {
    const next = new Set(mine);
    if (isMine) next.add(field);
    else next.delete(field);
    setMine(next);
  };
  const choice = (field: DraftField, isMine: boolean) => (
    <label class="check">
      <input
        type="radio"
        name={`keep-${field}`}
        checked={mine.has(field) === isMine}
        onChange={() => choose(field, isMine)}
      />
      <Value field={field} of={isMine ? draft : theirs} />
      {(isMine ? draft : theirs)[field] !== was[field] && <Tag colour="yellow">{say('changed')}</Tag>}
    </label>
  );
  return (
    <>
      <div class="notice warning">
        <p>{sayPatients('conflict.text')}</p>
      </div>
      <Table
        caption={sayPatients('conflict.caption')}
        columns={['edit.field', 'conflict.was', 'conflict.mine', 'conflict.theirs'].map(each =>
          sayPatients(each as 'edit.was'),
        )}
        rows={fields.map(field => ({
          key: field,
          cells: [
            sayPatients(`field.${field}`),
            <Value field={field} of={was} />,
            choice(field, true),
            choice(field, false),
          ],
        }))}
      />
      <div class="buttons">
        <button type="button" onClick={() => takeTheirs(mine)}>
          {sayPatients('conflict.go-on')}
        </button>
        <button type="button" class="secondary" onClick={back}>
          {sayPatients('edit.back')}
        </button>
      </div>
    </>
  );
}
