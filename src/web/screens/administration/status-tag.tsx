/** The status of a job, a definition or a subscription: the word says everything. */
import { Tag, type TagColour } from '../../ui/parts.js';

const COLOURS: Readonly<Record<string, TagColour>> = {
  ...{ running: 'blue', waiting: 'yellow', completed: 'green', failed: 'red' },
  ...{ active: 'green', error: 'red', ready: 'green', indexing: 'blue' },
};

export const ServerStatusTag = ({ status }: { readonly status: string }) => (
  <Tag colour={COLOURS[status] ?? 'grey'}>{status}</Tag>
);
