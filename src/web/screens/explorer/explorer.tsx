/**
 * Any FHIR request by hand: with completion from what the server says of itself, when one asks for it; with the plan of a search, and with the faults of a
 * body at their lines. What was asked is kept while the window is.
 */
import type { CapabilityStatement } from 'fhir/r4';
import { useState } from 'preact/hooks';
import { ask } from '../../fhir/client.js';
import { sayExplorer } from '../../messages/explorer.js';
import { Cell, useCell } from '../../session/cell.js';
import { FaultSummary, type FieldFault } from '../../ui/fault-summary.js';
import { AreaField, SelectField, TextField } from '../../ui/fields.js';
import { Page } from '../../ui/page.js';
import { useQuery } from '../../ui/use-query.js';
import { AnswerShown, type AnswerOfRequest, sent, type SentRequest } from './answered.js';

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
const EMPTY: SentRequest = { method: 'GET', path: '', headers: '', body: '' };
const MOST_KEPT = 50;

/** The newest first. */
const history = new Cell<readonly SentRequest[]>([]);

const headerFault = (headers: string): boolean =>
  headers.split('\n').some(line => line.trim() !== '' && !/^[\w-]+:\s*\S/.test(line.trim()));

/** Undefined: it can be sent. */
function faultIn({ method, path, headers }: SentRequest): FieldFault | undefined {
  if (path.trim() === '' && method === 'GET') return { field: 'path', text: sayExplorer('path.missing') };
  return headerFault(headers) ? { field: 'headers', text: sayExplorer('headers.wrong') } : undefined;
}

/** As the newest; the same one is kept once. */
const keep = (request: SentRequest): void => {
  const others = history.value.filter(each => JSON.stringify(each) !== JSON.stringify(request));
  history.set([request, ...others].slice(0, MOST_KEPT));
};

function typeOfBody(body: string): string | undefined {
  try {
    const { resourceType } = JSON.parse(body) as { resourceType?: unknown };
    return typeof resourceType === 'string' && /^[A-Za-z]+$/.test(resourceType) ? resourceType : undefined;
  } catch {
    return undefined;
  }
}

export function Explorer() {
  const [typed, setTyped] = useState(EMPTY);
  const [answer, setAnswer] = useState<AnswerOfRequest>();
  const [faults, setFaults] = useState<readonly FieldFault[]>([]);
  const set = (name: keyof SentRequest) => (value: string) => setTyped({ ...typed, [name]: value });
  const send = async (request: SentRequest): Promise<void> => {
    const fault = faultIn(request);
    setFaults(fault ? [fault] : []);
    if (fault) return;
    keep(request);
    setAnswer(await sent(request));
  };
  const explain = (): void => {
    const path = typed.path + (typed.path.includes('?') ? '&' : '?') + '_explain=true';
    void send({ ...typed, method: 'GET', path });
  };
  const validate = (): void => {
    const type = typeOfBody(typed.body);
    if (type === undefined) return setFaults([{ field: 'body', text: sayExplorer('validate.missing') }]);
    void send({ ...typed, method: 'POST', path: `${type}/$validate` });
  };
  const faultOf = (field: string): string | undefined => faults.find(each => each.field === field)?.text;
  return (
    <Page title={sayExplorer('title')}>
      <FaultSummary faults={faults} />
      <form class="panel" noValidate onSubmit={event => (event.preventDefault(), void send(typed))}>
        <p class="hint">{sayExplorer('text')}</p>
        <div class="request-line">
          <SelectField
            id="method"
            label={sayExplorer('method')}
            value={typed.method}
            set={set('method')}
            options={METHODS.map(each => [each, each])}
          />
          <TextField
            id="path"
            label={sayExplorer('path')}
            hint={sayExplorer('path.hint')}
            value={typed.path}
            set={set('path')}
            fault={faultOf('path')}
            list="paths"
          />
        </div>
        <Completion path={typed.path} />
        <AreaField
          id="headers"
          label={sayExplorer('headers')}
          hint={sayExplorer('headers.hint')}
          isOptional
          rows={2}
          value={typed.headers}
          set={set('headers')}
          fault={faultOf('headers')}
        />
        <AreaField
          id="body"
          label={sayExplorer('body')}
          isOptional
          rows={8}
          value={typed.body}
          set={set('body')}
          fault={faultOf('body')}
        />
        <div class="buttons">
          <button type="submit">{sayExplorer('send')}</button>
          <button type="button" class="secondary" onClick={explain}>
            {sayExplorer('explain')}
          </button>
          <button type="button" class="secondary" onClick={validate}>
            {sayExplorer('validate')}
          </button>
        </div>
      </form>
      {answer && <AnswerShown answer={answer} />}
      <History choose={setTyped} />
    </Page>
  );
}

/** Types, operations and parameters that /metadata names: asked for once, when somebody wants it. */
function Completion({ path }: { readonly path: string }) {
  const [isWanted, want] = useState(false);
  const { data } = useQuery({
    key: ['metadata'],
    ask: async signal => (await ask<CapabilityStatement>({ path: 'metadata', signal })).body,
    enabled: isWanted,
  });
  if (!data)
    return (
      <button type="button" class="link" onClick={() => want(true)}>
        {sayExplorer('load')}
      </button>
    );
  const resources = data.rest?.[0]?.resource ?? [];
  const [type = '', query] = path.split('?');
  const named = resources.find(each => each.type === type);
  const paths = [
    ...resources.map(each => each.type),
    ...(named?.operation ?? []).map(({ name }) => `${type}/$${name}`),
  ];
  return (
    <>
      <datalist id="paths">
        {paths.map(each => (
          <option key={each} value={each} />
        ))}
      </datalist>
      {named && query !== undefined && (
        <details>
          <summary>{sayExplorer('parameters', { type })}</summary>
          <p>
            {named.searchParam?.map(({ name }) => (
              <code key={name}>{name} </code>
            ))}
          </p>
        </details>
      )}
    </>
  );
}

function History({ choose }: { readonly choose: (request: SentRequest) => void }) {
  const kept = useCell(history);
  return (
    <section>
      <h2>{sayExplorer('history')}</h2>
      {kept.length === 0 ? (
        <p class="quiet">{sayExplorer('history.none')}</p>
      ) : (
        <ul class="plain">
          {kept.map((request, at) => (
            <li key={at}>
              <button type="button" class="link" onClick={() => choose(request)}>
                {request.method} {request.path}
              </button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
