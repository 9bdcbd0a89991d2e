/** The lines of an answer: a plain sentence each, what deserves a look marked, and the event that it begins with beside it. */
import type { Bundle, Parameters, ParametersParameter } from 'fhir/r4';
import { useEffect, useState } from 'preact/hooks';
import { ask, pathOfLink } from '../fhir/client.js';
import type { RequestFault } from '../fhir/fault.js';
import { shownDate } from '../fhir/show.js';
import { say } from '../messages/common.js';
import { sayAudit } from '../messages/audit.js';
import { announce } from '../ui/announce.js';
import { RequestFailed } from '../ui/fault-summary.js';
import { Empty, Loading } from '../ui/page.js';
import { OfRecord, Table, Tag } from '../ui/parts.js';
import { nextOf } from '../ui/use-pages.js';
import { EventModal } from './event.js';

export function AuditLines({ first }: { readonly first: Bundle<Parameters> }) {
  const [pages, setPages] = useState<readonly Bundle<Parameters>[]>([first]);
  const [event, setEvent] = useState<string>();
  const [fault, setFault] = useState<RequestFault>();
  const [isBusy, setBusy] = useState(false);
  const lines = pages.flatMap(({ entry = [] }) => entry.map(({ resource }) => resource?.parameter ?? []));
  const next = nextOf(pages.at(-1));
  const told =
    next === undefined ? sayAudit('lines', { n: lines.length }) : sayAudit('lines.more', { n: lines.length });
  useEffect(() => announce(told), [pages]);
  const more = async (url: string): Promise<void> => {
    setBusy(true);
    setFault(undefined);
    try {
      const { body } = await ask<Bundle<Parameters>>({ path: pathOfLink(url) });
      setPages([...pages, body]);
    } catch (error) {
      setFault(error as RequestFault);
    }
    setBusy(false);
  };
  if (lines.length === 0)
    return (
      <Empty>
        <h2>{sayAudit('none')}</h2>
        <p>{sayAudit('none.more')}</p>
      </Empty>
    );
  return (
    <>
      <Table
        caption={told}
        columns={['day', 'sentence', 'marks', 'event'].map(each => sayAudit(`column.${each as 'day'}`))}
        rows={lines.map((line, at) => rowOf(line, at, setEvent))}
      />
      {fault && <RequestFailed fault={fault} again={() => void more(next!)} />}
      {isBusy ? (
        <Loading />
      ) : (
        next !== undefined && (
          <button type="button" class="secondary" onClick={() => void more(next)}>
            {say('more')}
          </button>
        )
      )}
      {event !== undefined && <EventModal path={event} close={() => setEvent(undefined)} />}
    </>
  );
}

const named = (line: readonly ParametersParameter[], name: string): ParametersParameter | undefined =>
  line.find(each => each.name === name);
const textOf = (line: readonly ParametersParameter[], name: string): string | undefined =>
  named(line, name)?.valueString;

function rowOf(line: readonly ParametersParameter[], at: number, show: (path: string) => void) {
  const day = shownDate(textOf(line, 'day') ?? textOf(line, 'when') ?? textOf(line, 'first')?.slice(0, 10));
  const event = textOf(line, 'event');
  return {
    key: String(at),
    cells: [
      <span class="nowrap">{day}</span>,
      <OfRecord>{textOf(line, 'sentence') ?? ''}</OfRecord>,
      <Marks line={line} />,
      event !== undefined && (
        <button type="button" class="link" aria-label={sayAudit('event.show', { day })} onClick={() => show(event)}>
          {sayAudit('column.event')}
        </button>
      ),
    ],
  };
}

function Marks({ line }: { readonly line: readonly ParametersParameter[] }) {
  const count = (name: string): number => named(line, name)?.valueInteger ?? 0;
  const suspended = textOf(line, 'suspended-until');
  return (
    <>
      {named(line, 'break-glass')?.valueBoolean === true && <Tag colour="purple">{sayAudit('mark.break-glass')}</Tag>}
      {count('denied') > 0 && <Tag colour="red">{sayAudit('mark.denied', { n: count('denied') })}</Tag>}
      {count('failed') > 0 && <Tag colour="orange">{sayAudit('mark.failed', { n: count('failed') })}</Tag>}
      {suspended !== undefined && (
        <Tag colour="yellow">{sayAudit('mark.suspended', { date: shownDate(suspended) })}</Tag>
      )}
    </>
  );
}
