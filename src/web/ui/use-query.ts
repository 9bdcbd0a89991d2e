/** Answers of the server, kept while the page is: asked for when something is opened, and never on their own (each is an audit event). */
import { QueryClient, type QueryKey, QueryObserver, type QueryObserverResult } from '@tanstack/query-core';
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { RequestFault } from '../fhir/fault.js';

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      ...{ retry: false, staleTime: Infinity, gcTime: 5 * 60_000, networkMode: 'always' },
      ...{ refetchOnWindowFocus: false, refetchOnReconnect: false },
    },
    mutations: { retry: false, networkMode: 'always' },
  },
});

export interface QueryAsked<T> {
  /** The same key, the same answer: it names all that the answer depends on. */
  readonly key: QueryKey;
  readonly ask: (signal: AbortSignal) => Promise<T>;
  /** Default true. */
  readonly enabled?: boolean;
}

export function useQuery<T>({ key, ask, enabled = true }: QueryAsked<T>): QueryObserverResult<T, RequestFault> {
  const options = { queryKey: key, queryFn: ({ signal }: { signal: AbortSignal }) => ask(signal), enabled };
  const observer = useMemo(() => new QueryObserver<T, RequestFault>(queries, options), []);
  const [, redraw] = useState(0);
  useEffect(() => observer.subscribe(() => redraw(count => count + 1)), [observer]);
  useEffect(() => observer.setOptions(options), [JSON.stringify(key), enabled]);
  return observer.getOptimisticResult(queries.defaultQueryOptions(options) as never);
}
