/** What the server has answered: status, headers and body as they came. */
import { useEffect, useState } from 'preact/hooks';
import type { Answer } from '../../fhir/client.js';
import { shownSize } from '../../fhir/show.js';
import { sayExplorer } from '../../messages/explorer.js';
import { Loading } from '../../ui/page.js';
import { SummaryList, Tag } from '../../ui/parts.js';
import { indentedJson, withReferences } from '../../fhir/json-text.js';

export interface TimedAnswer extends Answer<Blob> {
  readonly milliseconds: number;
}

/** Bytes that are shown: a page with more becomes slow. */
const MOST_SHOWN = 256 * 1024;

const isText = (type: string): boolean => /json|xml|^text\/|javascript|x-www-form-urlencoded/.test(type);

interface AnswerShape {
  readonly answer: TimedAnswer;
  /** Reads what a reference leads to. */
  readonly follow: (path: string) => void;
}

export function ShownAnswer({ answer, follow }: AnswerShape) {
  const { status, headers, body, milliseconds, requestId } = answer;
  const type = headers.get('Content-Type') ?? '';
  return (
    <>
      <h2>{sayExplorer('answer')}</h2>
      <SummaryList
        rows={[
          [
            sayExplorer('answer.status'),
            <Tag colour={status < 300 ? 'green' : status < 400 ? 'blue' : 'red'}>{String(status)}</Tag>,
          ],
          [sayExplorer('answer.took'), sayExplorer('answer.took.value', { n: milliseconds })],
          [sayExplorer('answer.size'), shownSize(body.size)],
          ...(type === '' ? [] : [[sayExplorer('answer.type'), type] as const]),
          ...(requestId === undefined ? [] : [[sayExplorer('answer.request'), requestId] as const]),
        ]}
      />
      <details>
        <summary>{sayExplorer('answer.headers')}</summary>
        <pre tabIndex={0} aria-label={sayExplorer('answer.headers')} role="region">
          {[...headers].map(([name, value]) => `${name}: ${value}`).join('\n')}
        </pre>
      </details>
      {body.size === 0 ? (
        <p>{sayExplorer('answer.empty')}</p>
      ) : isText(type) ? (
        <AsText
          key={requestId}
          body={body}
          isJson={/json$|json;/.test(type) && !type.includes('ndjson')}
          follow={follow}
        />
      ) : (
        <p>{sayExplorer('answer.bytes')}</p>
      )}
    </>
  );
}

interface TextShape {
  readonly body: Blob;
  readonly isJson: boolean;
  readonly follow: (path: string) => void;
}

function AsText({ body, isJson, follow }: TextShape) {
  const [text, setText] = useState<string>();
  const isCut = body.size > MOST_SHOWN;
  useEffect(() => {
    void body.slice(0, MOST_SHOWN).text().then(setText);
  }, [body]);
  if (text === undefined) return <Loading />;
  const parts = isJson ? withReferences(indentedJson(text)) : [{ text }];
  return (
    <>
      {isCut && <p class="notice">{sayExplorer('answer.cut', { size: shownSize(MOST_SHOWN) })}</p>}
      <pre class="body" tabIndex={0} aria-label={sayExplorer('answer')} role="region">
        {parts.map(({ text: part, reference }, at) =>
          reference === undefined ? (
            part
          ) : (
            <button
              // Parts have no other name.
              key={at}
              type="button"
              class="link"
              title={sayExplorer('answer.follow', { reference })}
              onClick={() => follow(reference)}
            >
              {part}
            </button>
          ),
        )}
      </pre>
    </>
  );
}
