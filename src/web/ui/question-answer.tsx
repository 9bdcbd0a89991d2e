/** An answer of the audit trail in plain words, in pages, with the event beside each line, and as a table to save. */
import type { Bundle, Parameters } from 'fhir/r4';
import { useState } from 'preact/hooks';
import { ask, askBytes, pathOfLink } from '../fhir/client.js';
import { RequestFault } from '../fhir/fault.js';
import { sayChart } from '../messages/chart.js';
import { say } from '../messages/common.js';
import { RequestFailed } from './fault-summary.js';
import { TextField } from './fields.js';
import { Empty, Loading } from './page.js';
import { OfRecord, Tag } from './parts.js';
import { saveFile } from './save-file.js';
import { useQuery } from './use-query.js';

interface QuestionShape {
  /** The operation. */
  readonly path: string;
  readonly caption: string;
  readonly none: string;
  /** Beside `start` and `end`. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Days that are shown at first. */
  readonly days?: number;
}

type Line = ReadonlyMap<string, string | number | boolean>;
const PAGE = '25';
const DAY = 24 * 60 * 60_000;

/** A path with what is asked. Nothing of a patient but an id is among it. */
const withQuery = (path: string, asked: Readonly<Record<string, string>>): string => {
  const query = new URLSearchParams(Object.entries(asked).filter(([, value]) => value !== '')).toString();
  return query === '' ? path : `${path}?${query}`;
};

const lineOf = ({ parameter = [] }: Parameters): Line =>
  new Map(
    parameter.map(({ name, valueString, valueInteger, valueBoolean }) => [
      name,
      valueString ?? valueInteger ?? valueBoolean ?? '',
    ]),
  );

export function QuestionAnswer({ path, caption, none, parameters = {}, days = 30 }: QuestionShape) {
  const [typed, setTyped] = useState(() => ({
    start: new Date(Date.now() - days * DAY).toISOString().slice(0, 10),
    end: '',
  }));
  const [period, setPeriod] = useState(typed);
  const show = (event: Event): void => {
    event.preventDefault();
    setPeriod(typed);
  };
  return (
    <>
      <form class="panel" onSubmit={show}>
        <div class="grid">
          <TextField
            id="start"
            type="date"
            label={sayChart('who.from')}
            value={typed.start}
            set={start => setTyped({ ...typed, start })}
          />
          <TextField
            id="end"
            type="date"
            label={sayChart('who.to')}
            isOptional
            value={typed.end}
            set={end => setTyped({ ...typed, end })}
          />
        </div>
        <button type="submit">{sayChart('who.show')}</button>
      </form>
      <Answered
        key={JSON.stringify([path, parameters, period])}
        {...{ path, caption, none }}
        asked={{ ...parameters, ...period }}
      />
    </>
  );
}

interface AnsweredShape extends Pick<QuestionShape, 'path' | 'caption' | 'none'> {
  readonly asked: Readonly<Record<string, string>>;
}

function Answered({ path, caption, none, asked }: AnsweredShape) {
  /** Pages behind the first one. */
  const [further, setFurther] = useState<readonly Bundle<Parameters>[]>([]);
  const [fault, setFault] = useState<RequestFault>();
  const { data, error, refetch } = useQuery({
    key: ['question', path, asked],
    ask: async signal =>
      (await ask<Bundle<Parameters>>({ path: withQuery(path, { ...asked, _count: PAGE }), signal })).body,
  });
  const catching = (work: Promise<void>): void =>
    void work.catch((failed: unknown) => {
      if (!(failed instanceof RequestFault)) throw failed;
      setFault(failed);
    });
  if (error) return <RequestFailed fault={error} again={() => void refetch()} />;
  if (!data) return <Loading />;
  const pages = [data, ...further];
  const lines = pages.flatMap(({ entry = [] }) =>
    entry.flatMap(({ resource }) => (resource?.resourceType === 'Parameters' ? [lineOf(resource)] : [])),
  );
  const next = pages.at(-1)!.link?.find(({ relation }) => relation === 'next')?.url;
  const more = async (url: string): Promise<void> => {
    const { body } = await ask<Bundle<Parameters>>({ path: pathOfLink(url) });
    setFurther([...further, body]);
  };
  const save = async (): Promise<void> =>
    saveFile((await askBytes({ path: withQuery(path, asked), accept: 'text/csv' })).body, 'audit.csv');
  return (
    <>
      {fault && <RequestFailed fault={fault} />}
      <h2>{caption}</h2>
      <p class="hint">{sayChart('who.when')}</p>
      {lines.length === 0 ? <Empty>{none}</Empty> : <Sentences lines={lines} />}
      <div class="buttons">
        {next !== undefined && (
          <button type="button" class="secondary" onClick={() => catching(more(next))}>
            {say('more')}
          </button>
        )}
        {lines.length > 0 && (
          <button type="button" class="secondary" onClick={() => catching(save())}>
            {sayChart('who.csv')}
          </button>
        )}
      </div>
    </>
  );
}

/** Each with its columns, for whoever wants to know more. */
const Sentences = ({ lines }: { readonly lines: readonly Line[] }) => (
  <ol class="sentences">
    {lines.map((line, at) => (
      <li key={at}>
        <p>
          <OfRecord>{String(line.get('sentence') ?? '')}</OfRecord>{' '}
          {line.get('break-glass') === true && <Tag colour="orange">break-glass</Tag>}
          {Number(line.get('denied') ?? 0) > 0 && <Tag colour="red">denied</Tag>}
        </p>
        <Details line={line} />
      </li>
    ))}
  </ol>
);

function Details({ line }: { readonly line: Line }) {
  const [isOpen, open] = useState(false);
  return (
    <details onToggle={({ currentTarget }) => open(currentTarget.open)}>
      <summary>{sayDetails}</summary>
      {isOpen && <Columns line={line} />}
    </details>
  );
}
const sayDetails = say('details');

function Columns({ line }: { readonly line: Line }) {
  const event = line.get('event');
  return (
    <div class="columns">
      <dl class="summary-list">
        {[...line]
          .filter(([name, value]) => name !== 'sentence' && value !== '')
          .map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>
                <OfRecord>{String(value)}</OfRecord>
              </dd>
            </div>
          ))}
      </dl>
      {typeof event === 'string' && /^AuditEvent\/[\w.-]+$/.test(event) && <RawEvent path={event} />}
    </div>
  );
}

/** The event itself. */
function RawEvent({ path }: { readonly path: string }) {
  const { data, error } = useQuery({ key: ['event', path], ask: async signal => (await ask({ path, signal })).body });
  if (error) return <RequestFailed fault={error} />;
  if (!data) return <Loading />;
  return (
    <pre tabIndex={0} aria-label={path}>
      {JSON.stringify(data, null, 2)}
    </pre>
  );
}
