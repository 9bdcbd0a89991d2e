/** What was sent since the page is there. It is in the memory of the page alone. */
import { sayExplorer } from '../../messages/explorer.js';
import { Cell, useCell } from '../../session/cell.js';
import type { RequestDraft } from './draft.js';

export interface Sent {
  readonly draft: RequestDraft;
  readonly status: number;
}

/** The last one first. */
export const sentRequests = new Cell<readonly Sent[]>([]);

export function SentRequests({ take }: { readonly take: (sent: Sent) => void }) {
  const sent = useCell(sentRequests);
  return (
    <>
      <h2>{sayExplorer('history')}</h2>
      {sent.length === 0 ? (
        <p class="quiet">{sayExplorer('history.none')}</p>
      ) : (
        <ol class="plain">
          {sent.map((each, at) => (
            <li key={sent.length - at}>
              <button type="button" class="link" onClick={() => take(each)}>
                {sayExplorer('history.row', {
                  method: each.draft.method,
                  path: each.draft.path,
                  status: String(each.status),
                })}
              </button>
            </li>
          ))}
        </ol>
      )}
    </>
  );
}
