/** The list of requests to begin with. */
import { useMemo } from 'preact/hooks';
import { sayExplorer } from '../../messages/explorer.js';
import type { RequestDraft } from './draft.js';
import { savedFiles } from './saved.js';

export function SavedRequests({ take }: { readonly take: (draft: RequestDraft) => void }) {
  const files = useMemo(savedFiles, []);
  return (
    <>
      <h2>{sayExplorer('saved')}</h2>
      {files.map(({ title, requests }) => (
        <details key={title}>
          <summary>{title}</summary>
          <ul class="plain">
            {requests.map(({ title: request, draft }) => (
              <li key={request}>
                <button type="button" class="link" onClick={() => take(draft)}>
                  {request}
                </button>
              </li>
            ))}
          </ul>
        </details>
      ))}
    </>
  );
}
