/**
 * Whether a second person looks at a scan before it is final, and why: whoever indexes is new; something was noticed; or it is one of the sample. The same
 * document is in the sample always, whoever asks, and nobody can choose it: the hash of its bytes decides.
 */
import { isObject, itemsOf, type Resource } from '../../fhir/resource.js';
import { personOf } from '../../interactions/person.js';
import type { HookedWrite } from '../../interactions/write/hooks.js';
import { isFindingInput, SCAN_QUALITY, SCAN_TASK } from './vocabulary.js';

export type SecondPerson = 'new-staff' | 'noticed' | 'sample' | 'not-asked';

export interface SamplePolicy {
  /** Of a hundred documents, by whose hash that is decided. */
  readonly percent: number;
  /** Documents that somebody indexes before they are new no more. */
  readonly newStaff: number;
}

/** What is to be indexed. */
export interface IndexedScan {
  /** With what was found of the document. */
  readonly task: Resource;
  readonly document: Resource;
  /** Something is odd about its index fields. */
  readonly isWarned: boolean;
}

type Staff = Pick<HookedWrite, 'find' | 'principal'>;

export async function secondPersonFor(
  { percent, newStaff }: SamplePolicy,
  { find, principal }: Staff,
  { task, document, isWarned }: IndexedScan,
): Promise<SecondPerson> {
  if (isWarned || itemsOf(task['input']).some(isFindingInput)) return 'noticed';
  if (isSampledBytes(hashOf(document), percent)) return 'sample';
  if (newStaff === 0) return 'not-asked';
  const indexed = await find('Task', [['code', `${SCAN_TASK.system}|${SCAN_QUALITY}`], byIndexer(principal)], newStaff);
  return indexed.length < newStaff ? 'new-staff' : 'not-asked';
}

/** The criterion for what somebody has indexed. */
function byIndexer(principal: Staff['principal']): readonly [name: string, value: string] {
  const { reference, identifier } = personOf(principal);
  if (typeof reference === 'string') return ['indexer', escapedValue(reference)];
  const { system, value } = isObject(identifier) ? identifier : {};
  const [namespace, name] = [system, value].map(each => escapedValue(typeof each === 'string' ? each : ''));
  return ['indexer:identifier', `${namespace}|${name}`];
}

const escapedValue = (text: string): string => text.replaceAll(/[\\,|$]/g, String.raw`\$&`);

/** SHA-1 of the first content, as base64. */
function hashOf({ content }: Resource): string {
  const [first] = itemsOf(content);
  const attachment = isObject(first) && isObject(first['attachment']) ? first['attachment'] : {};
  return typeof attachment['hash'] === 'string' ? attachment['hash'] : '';
}

/** `hash`: base64. What has none is always in it. */
export function isSampledBytes(hash: string, percent: number): boolean {
  const bytes = Buffer.from(hash, 'base64');
  return bytes.length < 4 || bytes.readUInt32BE(0) % 100 < percent;
}
