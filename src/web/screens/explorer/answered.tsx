/** The answer to a request by hand: status, headers, body; of an OperationOutcome the issues, with the lines of the body that they are about. */
import type { OperationOutcome } from 'fhir/r4';
import { useEffect } from 'preact/hooks';
import { askAnything } from '../../fhir/client.js';
import { shownConcept } from '../../fhir/show.js';
import { sayExplorer } from '../../messages/explorer.js';
import { announce } from '../../ui/announce.js';
import { OfRecord, Tag } from '../../ui/parts.js';

export interface SentRequest {
  readonly method: string;
  readonly path: string;
  /** One a line. */
  readonly headers: string;
  readonly body: string;
}

export interface AnswerOfRequest {
  /** 0: the server was not reached. */
  readonly status: number;
  readonly ms: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

export async function sent({ method, path, headers, body }: SentRequest): Promise<AnswerOfRequest> {
  const began = performance.now();
  const given = headers.split('\n').flatMap(line => {
    const [, name, value] = /^\s*([\w-]+):\s*(.+?)\s*$/.exec(line) ?? [];
    return name === undefined ? [] : [[name, value!] as const];
  });
  const hasBody = body.trim() !== '' && method !== 'GET';
  const answer = await askAnything({
    method,
    path: path.trim().replace(/^\/+/, ''),
    headers: Object.fromEntries(given),
    body: hasBody ? body : undefined,
  });
  return { ...answer, ms: Math.round(performance.now() - began) };
}

function outcomeIn(body: string): OperationOutcome | undefined {
  try {
    const said = JSON.parse(body) as OperationOutcome;
    return said.resourceType === 'OperationOutcome' ? said : undefined;
  } catch {
    return undefined;
  }
}

function pretty(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

export function AnswerShown({ answer }: { readonly answer: AnswerOfRequest }) {
  const { status, ms, headers, body } = answer;
  const outcome = outcomeIn(body);
  useEffect(() => announce(sayExplorer('answer.status', { status: String(status) })), [answer]);
  return (
    <section>
      <h2>{sayExplorer('answer')}</h2>
      <p>
        <Tag colour={status >= 200 && status < 300 ? 'green' : 'red'}>
          {sayExplorer('answer.status', { status: String(status) })}
        </Tag>
        <span class="quiet">{sayExplorer('answer.time', { ms })}</span>
      </p>
      {outcome && <Issues outcome={outcome} />}
      <details>
        <summary>{sayExplorer('answer.headers')}</summary>
        <pre tabIndex={0} aria-label={sayExplorer('answer.headers')}>
          {headers.map(([name, value]) => `${name}: ${value}`).join('\n')}
        </pre>
      </details>
      {body === '' ? (
        <p class="quiet">{sayExplorer('answer.empty')}</p>
      ) : (
        <pre class="tall" tabIndex={0} aria-label={sayExplorer('answer.body')}>
          {pretty(body)}
        </pre>
      )}
    </section>
  );
}

const SEVERITIES = { fatal: 'red', error: 'red', warning: 'yellow', information: 'blue' } as const;
const LINE = 'http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-line';

const Issues = ({ outcome: { issue } }: { readonly outcome: OperationOutcome }) => (
  <>
    <h3>{sayExplorer('issues', { n: issue.length })}</h3>
    <ul class="plain">
      {issue.map((each, at) => {
        const line = each.extension?.find(({ url }) => url === LINE)?.valueInteger;
        return (
          <li key={at}>
            <Tag colour={SEVERITIES[each.severity]}>{each.severity}</Tag>
            {line !== undefined && <span class="quiet">{sayExplorer('line', { line })} </span>}
            {each.expression?.map(path => (
              <code key={path}>{path} </code>
            ))}
            <OfRecord>{shownConcept(each.details) || (each.diagnostics ?? '')}</OfRecord>
          </li>
        );
      })}
    </ul>
  </>
);
