/** A Task by its id, for the page that shows it, with the version that the next write replaces. */
import type { Task } from 'fhir/r4';
import type { ComponentChildren } from 'preact';
import { ask } from '../fhir/client.js';
import { RequestFailed } from '../ui/fault-summary.js';
import { Loading, Page } from '../ui/page.js';
import { useQuery } from '../ui/use-query.js';

export interface LoadedTask {
  readonly task: Task;
  readonly etag: string | undefined;
}

interface WithTaskShape {
  readonly id: string;
  /** Of the page while the Task is not there. */
  readonly title: string;
  readonly children: (loaded: LoadedTask) => ComponentChildren;
}

export function WithTask({ id, title, children }: WithTaskShape) {
  const { data, error, refetch } = useQuery<LoadedTask>({
    key: ['task', id],
    async ask(signal) {
      const { body, etag } = await ask<Task>({ path: `Task/${encodeURIComponent(id)}`, signal });
      return { task: body, etag };
    },
  });
  if (data)
    return (
      <>
        {error && <RequestFailed fault={error} again={() => void refetch()} />}
        {children(data)}
      </>
    );
  return (
    <Page title={title}>{error ? <RequestFailed fault={error} again={() => void refetch()} /> : <Loading />}</Page>
  );
}
