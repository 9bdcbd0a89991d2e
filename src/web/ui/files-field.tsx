/** Files that are chosen, or dropped where the field is; what was there before is replaced. */
import { useState } from 'preact/hooks';
import { describedBy, type FieldShape, Framed } from './fields.js';

type FilesShape = FieldShape & {
  readonly value: readonly File[];
  readonly set: (files: readonly File[]) => void;
};

/** Each kind of input has a type of its own to the compiler: it takes one at a time. */
const FILE: string = 'file';

export function FilesField({ value, set, ...field }: FilesShape) {
  const [isOver, setOver] = useState(false);
  return (
    <div
      class={isOver ? 'drop over' : 'drop'}
      onDragOver={event => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={event => {
        event.preventDefault();
        setOver(false);
        set([...(event.dataTransfer?.files ?? [])]);
      }}
    >
      <Framed field={field}>
        <input
          id={field.id}
          name={field.id}
          type={FILE as 'text'}
          multiple
          aria-describedby={describedBy(field)}
          aria-invalid={field.fault === undefined ? undefined : 'true'}
          onChange={({ currentTarget }) => set([...(currentTarget.files ?? [])])}
        />
      </Framed>
      {value.length > 0 && (
        <ul class="quiet">
          {value.map(({ name }, at) => (
            <li key={at}>
              <bdi dir="auto">{name}</bdi>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
