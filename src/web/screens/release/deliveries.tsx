/** How records of a request have gone out, and what became of it ($delivery-outcome). */
import type { Bundle, Communication } from 'fhir/r4';
import { useState } from 'preact/hooks';
import { search } from '../../fhir/client.js';
import { shownDate } from '../../fhir/show.js';
import { sayGoingOut } from '../../messages/going-out.js';
import { sayRelease } from '../../messages/release.js';
import { reloadTask } from '../../tasks/process-steps.js';
import { announce } from '../../ui/announce.js';
import { FaultSummary, type FieldFault, RequestFailed } from '../../ui/fault-summary.js';
import { AreaField, SelectField, TextField } from '../../ui/fields.js';
import { Modal } from '../../ui/modal.js';
import { Loading } from '../../ui/page.js';
import { OfRecord, Table } from '../../ui/parts.js';
import { matchesIn } from '../../ui/use-pages.js';
import { queries, useQuery } from '../../ui/use-query.js';
import { Deliver, WAYS_OUT } from './deliver.js';
import { hasOutput, stateOfRequest } from './request-parts.js';
import { type OfTask, useOperation } from '../../tasks/use-operation.js';

const OUTCOMES = ['failed', 'wrong-recipient', 'revoked'] as const;
type Outcome = (typeof OUTCOMES)[number];

/** What a delivery says of itself under a code. */
function detailOf({ extension = [] }: Communication, code: string): string | undefined {
  const parts = extension.map(each => each.extension ?? []);
  const named = parts.find(each => each.some(({ url, valueCode }) => url === 'code' && valueCode === code));
  return named?.find(({ url }) => url === 'value')?.valueString;
}

const wayOf = (delivery: Communication) => WAYS_OUT.find(each => each === detailOf(delivery, 'method'));

/** Empty: it is no way that is known here. */
function methodOf(delivery: Communication): string {
  const way = wayOf(delivery);
  return way === undefined ? '' : sayGoingOut(`method.${way}`);
}

/** Who has taken it, or where the server has sent it. */
const takenBy = (delivery: Communication): string =>
  ['taken-by', 'to', 'receiver'].map(each => detailOf(delivery, each)).find(each => each !== undefined) ?? '';

/** Whether a link may still give the records: that of a mail also when the mail has gone. */
function hasLink(delivery: Communication): boolean {
  const [way, { status }] = [wayOf(delivery), delivery];
  return way === 'email'
    ? status === 'in-progress' || status === 'completed'
    : way !== 'ehr' && status === 'in-progress';
}

/** What was told of it. */
const toldOf = ({ statusReason }: Communication): Outcome | undefined =>
  OUTCOMES.find(each => statusReason?.coding?.some(({ code }) => code === each));

/**
 * What can still be told of it. That somebody else has it is often known late: it is told in every state of the request, also of what failed or was revoked
 * before, and once. A link is revoked once; what failed is told of what has gone out, once.
 */
function outcomesOf(delivery: Communication, isOut: boolean): readonly Outcome[] {
  const told = toldOf(delivery);
  if (told === 'wrong-recipient') return [];
  const can = {
    failed: isOut && told !== 'failed',
    'wrong-recipient': true,
    revoked: told === undefined && hasLink(delivery),
  };
  return OUTCOMES.filter(each => can[each]);
}

export function Deliveries(request: OfTask) {
  const { task } = request;
  const isOut = stateOfRequest(task) === 'released';
  const isDelivered = hasOutput(task, 'delivery');
  if (!isOut && !isDelivered) return null;
  return (
    <section>
      <h2>{sayGoingOut('deliveries')}</h2>
      {isDelivered && <Delivered {...request} />}
      {isOut && <Deliver {...request} />}
    </section>
  );
}

function Delivered(request: OfTask) {
  const { task } = request;
  const id = task.id!;
  const isOut = stateOfRequest(task) === 'released';
  const [telling, setTelling] = useState<Communication>();
  const [incident, setIncident] = useState<string>();
  const { data, error, refetch } = useQuery({
    key: ['deliveries', id],
    ask: async signal => {
      const asked = { 'based-on': `Task/${id}`, category: 'urn:chartroom:communication|delivery', _count: '100' };
      return matchesIn(
        (await search<Bundle<Communication>>('Communication', { ...asked, _sort: '-sent' }, signal)).body,
      );
    },
  });
  if (error) return <RequestFailed fault={error} again={() => void refetch()} />;
  if (!data) return <Loading />;
  return (
    <>
      <Table
        caption={sayGoingOut('deliveries.found', { n: data.length })}
        columns={(['way', 'taken-by', 'sent', 'outcome', 'tell'] as const).map(each => sayGoingOut(`column.${each}`))}
        rows={data.map(each => ({
          key: each.id!,
          cells: [
            methodOf(each),
            <OfRecord>{takenBy(each)}</OfRecord>,
            <span class="nowrap">{shownDate(each.sent)}</span>,
            <OutcomeTold delivery={each} isOut={isOut} />,
            outcomesOf(each, isOut).length > 0 ? (
              <button
                type="button"
                class="secondary"
                aria-label={`${sayGoingOut('outcome')}: ${methodOf(each)}, ${shownDate(each.sent)}`}
                onClick={() => setTelling(each)}
              >
                {sayGoingOut('outcome')}
              </button>
            ) : null,
          ],
        }))}
      />
      {incident !== undefined && <p class="notice danger">{sayGoingOut('outcome.incident')}</p>}
      {telling && (
        <TellOutcome
          {...request}
          delivery={telling}
          outcomes={outcomesOf(telling, isOut)}
          done={setIncident}
          close={() => setTelling(undefined)}
        />
      )}
    </>
  );
}

/** Where the request is worked on again, links may have ended with what was told of another delivery: they are as good as revoked only when that is told. */
function OutcomeTold({ delivery, isOut }: { readonly delivery: Communication; readonly isOut: boolean }) {
  const { status, statusReason } = delivery;
  const code = toldOf(delivery);
  if (code !== undefined)
    return (
      <>
        {sayGoingOut(`outcome.${code}`)} <OfRecord>{statusReason?.text ?? ''}</OfRecord>
      </>
    );
  const way = wayOf(delivery);
  if (status !== 'in-progress') return <>{sayGoingOut(way === 'email' ? 'outcome.mailed' : 'outcome.reached')}</>;
  if (way === 'ehr' || (way === 'email' && isOut)) return <>{sayGoingOut('outcome.sending')}</>;
  return <>{sayGoingOut(isOut ? 'outcome.waiting' : 'outcome.unsure')}</>;
}

interface TellShape extends OfTask {
  readonly delivery: Communication;
  readonly outcomes: readonly Outcome[];
  /** Told of the incident that has begun, if one has. */
  readonly done: (incident: string | undefined) => void;
  readonly close: () => void;
}

function TellOutcome({ delivery, outcomes, done, close, ...request }: TellShape) {
  const id = request.task.id!;
  const { faults, requestId, faultAt, lack, run } = useOperation(request);
  const [outcome, setOutcome] = useState(outcomes[0]!);
  const [reason, setReason] = useState('');
  const [receivedBy, setReceivedBy] = useState('');
  const isWrong = outcome === 'wrong-recipient';
  const tell = async (): Promise<void> => {
    const lacking: FieldFault[] = [];
    if (reason.trim() === '') lacking.push({ field: 'outcome-reason', text: sayRelease('next.reason.missing') });
    if (isWrong && receivedBy.trim() === '')
      lacking.push({ field: 'outcome-received-by', text: sayGoingOut('outcome.received-by.missing') });
    if (lack(lacking)) return;
    const parameter = [
      { name: 'delivery', valueReference: { reference: `Communication/${delivery.id!}` } },
      { name: 'outcome', valueCode: outcome },
      { name: 'reason', valueString: reason.trim() },
      ...(isWrong ? [{ name: 'received-by', valueString: receivedBy.trim() }] : []),
    ];
    const fields = parameter.map(({ name }) => `outcome-${name}`);
    const answer = await run({ name: 'delivery-outcome', parameter, fields });
    if (!answer) return;
    done(answer.body.parameter?.find(({ name }) => name === 'incident')?.valueReference?.reference);
    announce(sayRelease('done', { what: sayGoingOut('outcome') }));
    close();
    reloadTask(id);
    await queries.invalidateQueries({ queryKey: ['deliveries', id] });
  };
  return (
    <Modal title={`${sayGoingOut('outcome')}: ${methodOf(delivery)}`} close={close}>
      <FaultSummary faults={faults} requestId={requestId} />
      <SelectField
        id="outcome-outcome"
        label={sayGoingOut('outcome.which')}
        value={outcome}
        set={value => setOutcome(outcomes.find(each => each === value) ?? outcomes[0]!)}
        options={outcomes.map(each => [each, sayGoingOut(`outcome.${each}`)])}
        fault={faultAt('outcome-outcome')}
      />
      <p class="notice warning">{sayGoingOut(`outcome.does.${outcome}`)}</p>
      {isWrong && (
        <TextField
          id="outcome-received-by"
          label={sayGoingOut('outcome.received-by')}
          value={receivedBy}
          set={setReceivedBy}
          fault={faultAt('outcome-received-by')}
        />
      )}
      <AreaField
        id="outcome-reason"
        label={sayGoingOut('outcome.reason')}
        rows={2}
        value={reason}
        set={setReason}
        fault={faultAt('outcome-reason')}
      />
      <div class="buttons">
        <button type="button" class="danger" onClick={() => void tell()}>
          {sayGoingOut('outcome.tell')}
        </button>
        <button type="button" class="secondary" onClick={close}>
          {sayRelease('decide.cancel')}
        </button>
      </div>
    </Modal>
  );
}
