/** A list that comes in pages, in each of its states: it loads, failed, is empty, is there, has more. What was found stays, whatever happens to the rest. */
import type { FhirResource } from 'fhir/r4';
import type { ComponentChildren } from 'preact';
import { say } from '../messages/common.js';
import { RequestFailed } from './fault-summary.js';
import { Empty, Loading } from './page.js';
import type { Pages } from './use-pages.js';

interface FoundShape<T> {
  readonly pages: Pages<T>;
  /** What is said where nothing was found. */
  readonly none: string;
  readonly show: (found: readonly T[]) => ComponentChildren;
}

export function FoundList<T extends FhirResource>({ pages, none, show }: FoundShape<T>) {
  const { found, error, isFetching, more, again } = pages;
  if (error && !found) return <RequestFailed fault={error} again={again} />;
  if (!found) return <Loading />;
  if (found.length === 0) return <Empty>{none}</Empty>;
  return (
    <>
      {show(found)}
      {error ? (
        <RequestFailed fault={error} again={again} />
      ) : isFetching ? (
        <Loading />
      ) : (
        more && (
          <button type="button" class="secondary" onClick={more}>
            {say('more')}
          </button>
        )
      )}
    </>
  );
}
