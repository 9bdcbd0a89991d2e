/**
 * Requests that one writes oneself. Each is sent once, when it is asked for; what was sent stays in the memory of the page, and goes with it. The
 * statement of what the server can do is asked for when the screen is opened, and completes paths.
 */
import type { CapabilityStatement, OperationOutcome, Parameters } from 'fhir/r4';
import { useState } from 'preact/hooks';
import { type Answer, ask, askAnything } from '../../fhir/client.js';
import type { RequestFault } from '../../fhir/fault.js';
import { sayExplorer } from '../../messages/explorer.js';
import { say } from '../../messages/common.js';
import { announce } from '../../ui/announce.js';
import { FaultSummary, type FieldFault, RequestFailed } from '../../ui/fault-summary.js';
import { AreaField, SelectField, TextField } from '../../ui/fields.js';
import { Modal } from '../../ui/modal.js';
import { Loading, Page } from '../../ui/page.js';
import { useQuery } from '../../ui/use-query.js';
import { ShownAnswer, type TimedAnswer } from './answer.js';
import { completionsOf } from './completion.js';
import {
  askedOf,
  type RequestDraft,
  faultsOfDraft,
  hasBody,
  isSearch,
  type Method,
  METHODS,
  NEW_DRAFT,
  typeOfBody,
} from './draft.js';
import { ValidatedBody } from './issues.js';
import { Plan } from './plan.js';
import { SavedRequests } from './saved-requests.js';
import { type Sent, SentRequests, sentRequests } from './sent.js';

type Shown =
  | { readonly kind: 'answer'; readonly answer: TimedAnswer }
  | { readonly kind: 'issues'; readonly outcome: OperationOutcome }
  | { readonly kind: 'plan'; readonly plan: Parameters }
  | { readonly kind: 'fault'; readonly fault: RequestFault };

/** What is done with a draft, one thing at a time, and what it came to. */
function useExchange() {
  const [shown, setShown] = useState<Shown>();
  const [isBusy, setBusy] = useState(false);
  const during = async (work: () => Promise<Shown>): Promise<void> => {
    setBusy(true);
    try {
      setShown(await work());
    } catch (error) {
      setShown({ kind: 'fault', fault: error as RequestFault });
    }
    setBusy(false);
  };
  return {
    ...{ shown, isBusy },
    clear: () => setShown(undefined),
    send: (draft: RequestDraft) =>
      during(async () => {
        const answer = await timed(draft);
        sentRequests.set([{ draft, status: answer.status }, ...sentRequests.value].slice(0, MOST_SENT));
        announce(sayExplorer('answer.said', { status: answer.status }));
        return { kind: 'answer', answer };
      }),
    validate: (draft: RequestDraft, type: string) =>
      during(async () => {
        const asked = askedOf({ ...draft, method: 'POST', path: `${type}/$validate`, headers: '' });
        return { kind: 'issues', outcome: (await ask<OperationOutcome>(asked)).body };
      }),
    explain: ({ path }: RequestDraft) =>
      during(async () => {
        const asked = `${path.trim()}${path.includes('?') ? '&' : '?'}_explain=true`;
        return { kind: 'plan', plan: (await ask<Parameters>({ path: asked })).body };
      }),
  };
}

export function Explore() {
  const [draft, setDraft] = useState(NEW_DRAFT);
  const [faults, setFaults] = useState<readonly FieldFault[]>([]);
  const [isDeleting, setDeleting] = useState(false);
  const { shown, isBusy, clear, send, validate, explain } = useExchange();
  const { data: statement } = useQuery({
    key: ['metadata'],
    ask: async () => (await ask<CapabilityStatement>({ path: 'metadata' })).body,
  });
  const submit = (event: Event): void => {
    event.preventDefault();
    const found = faultsOfDraft(draft);
    setFaults(found);
    if (found.length > 0) return;
    if (draft.method === 'DELETE') setDeleting(true);
    else void send(draft);
  };
  const validateBody = (): void => {
    const type = typeOfBody(draft.body);
    setFaults(type === undefined ? [{ field: 'body', text: sayExplorer('body.no-type') }] : []);
    if (type !== undefined) void validate(draft, type);
  };
  const remove = (): void => {
    setDeleting(false);
    void send(draft);
  };
  const take = (next: RequestDraft): void => {
    setDraft(next);
    clear();
    document.getElementById('path')?.focus();
  };

  return (
    <Page title={sayExplorer('title')}>
      <FaultSummary faults={faults} />
      <p>{sayExplorer('text')}</p>
      <form class="panel" onSubmit={submit} noValidate>
        <RequestFields draft={draft} set={setDraft} faults={faults} statement={statement} />
        <div class="buttons">
          <button type="submit" disabled={isBusy}>
            {sayExplorer('send')}
          </button>
          {hasBody(draft) && (
            <button type="button" class="secondary" onClick={validateBody} disabled={isBusy}>
              {sayExplorer('validate')}
            </button>
          )}
          {isSearch(draft) && (
            <button type="button" class="secondary" onClick={() => void explain(draft)} disabled={isBusy}>
              {sayExplorer('explain')}
            </button>
          )}
        </div>
      </form>
      {isDeleting && <Deleting draft={draft} close={() => setDeleting(false)} go={remove} />}
      {isBusy ? <Loading /> : shown && <Result shown={shown} follow={path => void send({ ...NEW_DRAFT, path })} />}
      <div class="columns">
        <section>
          <SavedRequests take={take} />
        </section>
        <section>
          <SentRequests take={({ draft: sent }: Sent) => take(sent)} />
        </section>
      </div>
    </Page>
  );
}

const MOST_SENT = 50;

async function timed(draft: RequestDraft): Promise<TimedAnswer> {
  const from = performance.now();
  const answer: Answer<Blob> = await askAnything(askedOf(draft));
  return { ...answer, milliseconds: Math.round(performance.now() - from) };
}

interface FieldsShape {
  readonly draft: RequestDraft;
  readonly set: (draft: RequestDraft) => void;
  readonly faults: readonly FieldFault[];
  readonly statement: CapabilityStatement | undefined;
}

function RequestFields({ draft, set, faults, statement }: FieldsShape) {
  const faultAt = (field: string): string | undefined => faults.find(each => each.field === field)?.text;
  return (
    <>
      <div class="request-line">
        <SelectField
          id="method"
          label={sayExplorer('method')}
          value={draft.method}
          set={method => set({ ...draft, method: method as Method })}
          options={METHODS.map(each => [each, each])}
        />
        <TextField
          id="path"
          label={sayExplorer('path')}
          hint={sayExplorer('path.hint')}
          value={draft.path}
          set={path => set({ ...draft, path })}
          fault={faultAt('path')}
          list={statement ? completionsOf(statement, draft.path) : []}
          isCode
        />
      </div>
      {hasBody(draft) && (
        <AreaField
          id="body"
          label={sayExplorer('body')}
          hint={sayExplorer('body.hint')}
          value={draft.body}
          set={body => set({ ...draft, body })}
          rows={14}
          fault={faultAt('body')}
          isCode
        />
      )}
      <details open={draft.headers !== ''}>
        <summary>{sayExplorer('headers')}</summary>
        <AreaField
          id="headers"
          label={sayExplorer('headers')}
          hint={sayExplorer('headers.hint')}
          value={draft.headers}
          set={headers => set({ ...draft, headers })}
          rows={3}
          fault={faultAt('headers')}
          isCode
        />
      </details>
    </>
  );
}

interface DeletingShape {
  readonly draft: RequestDraft;
  readonly close: () => void;
  readonly go: () => void;
}

const Deleting = ({ draft, close, go }: DeletingShape) => (
  <Modal title={sayExplorer('delete.title', { path: draft.path })} close={close} isAlert>
    <p>{sayExplorer('delete.text')}</p>
    <div class="buttons">
      <button type="button" class="danger" onClick={go}>
        {sayExplorer('delete.do')}
      </button>
      <button type="button" class="secondary" onClick={close}>
        {say('cancel')}
      </button>
    </div>
  </Modal>
);

function Result({ shown, follow }: { readonly shown: Shown; readonly follow: (path: string) => void }) {
  return (
    <section class="result">
      {shown.kind === 'answer' ? (
        <ShownAnswer answer={shown.answer} follow={follow} />
      ) : shown.kind === 'issues' ? (
        <ValidatedBody outcome={shown.outcome} />
      ) : shown.kind === 'plan' ? (
        <Plan plan={shown.plan} />
      ) : (
        <RequestFailed fault={shown.fault} />
      )}
    </section>
  );
}
