/**
 * A write that would leave a resource as it is makes no version: the answer is the version that is there. R4 says of an update that
 * it "creates a new current version for an existing resource"; a version that says nothing new is history that nobody can use,
 * and a client that sends all it has every night would make one of everything. https://hl7.org/fhir/R4/http.html#update
 *
 * The same is what would be stored as the same text, but for version and time, with the same attachment bytes. The order of
 * what meta says does not count: labels that are kept come after those that are sent.
 */
import { createHash } from 'node:crypto';
import { parseAnyJson, STORED_JSON } from '../../fhir/json/json.js';
import type { Json } from '../../fhir/resource.js';
import type { Version } from '../../store/store.js';
import type { Outcome, PendingChange, Result } from '../interaction.js';
import { endOf } from './meta-labels.js';
import { auditSubject } from '../read.js';
import { storedText } from '../response/resource-text.js';

/** How `stamp` begins the meta of a version: nothing else in its text says when it was written. */
const stampedHead = ({ version, updated }: Version): string =>
  `{"versionId":"${version}","lastUpdated":"${new Date(updated).toISOString()}"`;

/** Whether both versions of a resource say the same. Told in a few comparisons of bytes where they do not. */
export function isSame(one: Version, other: Version & Pick<PendingChange, 'attachments'>): boolean {
  const [text, otherText] = [one.text, other.text];
  if (!text || !otherText) return false;
  const [head, otherHead] = [stampedHead(one), stampedHead(other)];
  if (text.length - head.length !== otherText.length - otherHead.length || hashesOf(one) !== hashesOf(other))
    return false;
  const at = text.indexOf(head);
  if (at < 0 || otherText.indexOf(otherHead) !== at || !text.subarray(0, at).equals(otherText.subarray(0, at)))
    return false;
  if (text.subarray(at + head.length).equals(otherText.subarray(at + otherHead.length))) return true;
  const [end, otherEnd] = [endOf(text, at), endOf(otherText, at)];
  return (
    text.subarray(end).equals(otherText.subarray(otherEnd)) &&
    ordered(text.subarray(at, end)) === ordered(otherText.subarray(at, otherEnd))
  );
}

/** Whether two versions have the same bytes beside their texts. */
export const hasSameBytes = (one: Version, other: Version & Pick<PendingChange, 'attachments'>): boolean =>
  hashesOf(one) === hashesOf(other);

/** In the order of their places. */
const hashesOf = ({ blobs = [], attachments }: Version & Pick<PendingChange, 'attachments'>): string =>
  (
    attachments?.map(each => ('bytes' in each ? createHash('sha256').update(each.bytes).digest('hex') : each.hash)) ??
    blobs.map(({ hash }) => hash)
  ).join();

/** The members of a meta but version and time, in one order. */
function ordered(meta: Buffer): string {
  const { versionId: _, lastUpdated: __, ...said } = parseAnyJson(meta, STORED_JSON).value as Record<string, Json>;
  return JSON.stringify(Object.entries(said).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** The outcome of a write that leaves the current version as it is, as long as it is the current one. `shown`: with the resource. */
export function unchanged(row: Version, shown: boolean): Outcome {
  const location = `${row.type}/${row.id}/_history/${row.version}`;
  return leftAlone(row, { status: 200, location, ...auditSubject(row), ...(shown ? storedText(row) : {}) });
}

/** The same with another answer. */
export const leftAlone = (row: Version, result: Result): Outcome => ({
  mustExist: [{ type: row.type, id: row.id, version: row.version }],
  result: { unchanged: true, ...result },
});
