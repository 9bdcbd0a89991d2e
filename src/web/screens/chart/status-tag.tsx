/** A status, in the colour that it has in every part of the chart. */
import { Tag } from '../../ui/parts.js';
import { statusColour } from './words.js';

/** `status`: a code; empty: there is none. */
export const StatusTag = ({ status }: { readonly status: string }) =>
  status === '' ? null : <Tag colour={statusColour(status)}>{status}</Tag>;
