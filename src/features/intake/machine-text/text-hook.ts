/**
 * What holds of a machine-read text and its scan, in the commit of whichever is written: a text that is made takes off the scan that it is wanted, so that
 * neither overtakes the other; what becomes of the scan (indexed, final, superseded, entered in error, labelled, deleted) becomes of its text, which goes when the scan gets other bytes; nobody writes the text alone.
 */
import { FhirError } from '../../../fhir/error.js';
import { isMachineText, MACHINE_TEXT_TAGS, scanOfText, TEXT_CODE } from '../../../fhir/content/machine-read.js';
import { parseJson, STORED_JSON } from '../../../fhir/json/json.js';
import { isObject, itemsOf, type Resource } from '../../../fhir/resource.js';
import type { Companion } from '../../../interactions/interaction.js';
import { addLabels } from '../../../interactions/write/meta-labels.js';
import { type FeatureHook, type HookedWrite, isPurge, type Preparation } from '../../../interactions/write/hooks.js';
import { INTAKE_TAGS } from '../vocabulary.js';
import {
  followingPatch,
  followingText,
  hasOtherBytes,
  isTagged,
  isWanted,
  taggingPatch,
  tagsWith,
  textIdOf,
  versionRead,
} from './machine-text.js';
import { READING_JOB, wokenReading } from './reading-job.js';
import { endingOf } from './scan-kinds.js';

interface TextGround {
  readonly bases: readonly string[];
  /** Whether there is a command that reads scans. */
  readonly isReading: boolean;
}

export const machineTextHook = ({ bases, isReading }: TextGround): FeatureHook => ({
  types: ['DocumentReference'],
  async prepare(write) {
    const { resource, before, agent } = write;
    const former = before?.text ? parseJson(before.text, STORED_JSON).resource : undefined;
    if (agent === 'intake' && resource && isMachineText(resource)) return madeText(write, resource, bases);
    if (former && isMachineText(former)) return agent === undefined && resource ? refuseAlone() : undefined;
    if (resource && isMachineText(resource)) refuseForged();
    if (!former)
      return isReading && resource && isComingIn(write, resource) ? { resource: wanted(resource) } : undefined;
    const companions = await followed(write, former, bases);
    // A write of the tags alone, as the job makes it, brings no other bytes.
    const isAgain = isReading && resource && isReplaced(former, resource, companions, bases);
    if (isAgain) return { resource: wanted(resource), companions };
    return companions.length > 0 ? { companions } : undefined;
  },
  ...(isReading
    ? {
        async committed(changes, jobs) {
          const isNew = changes.some(
            ({ text }) => text?.includes(MARK) && isWanted(parseJson(text, STORED_JSON).resource),
          );
          if (isNew) await jobs.amend(READING_JOB, wokenReading);
        },
      }
    : {}),
});

const MARK = '"wanted"';

/** What `$intake` takes in and a program can read. */
function isComingIn({ agent }: HookedWrite, document: Resource): boolean {
  const { meta } = document;
  const tags = isObject(meta) ? itemsOf(meta['tag']) : [];
  const isNew = tags.some(tag => isObject(tag) && tag['system'] === INTAKE_TAGS && tag['code'] === 'pending-index');
  return agent === 'intake' && isNew && endingOf(document) !== undefined;
}

/** Whether what was read of a scan is of other bytes than it has now, which can be read. */
const isReplaced = (
  former: Resource,
  scan: Resource,
  companions: readonly Companion[],
  bases: readonly string[],
): boolean =>
  (isTagged(former) || companions.length > 0) && endingOf(scan) !== undefined && hasOtherBytes(former, scan, bases);

const wanted = (scan: Resource): Resource => ({
  ...scan,
  meta: { ...(isObject(scan['meta']) ? scan['meta'] : {}), tag: [...tagsWith(scan, 'wanted')] },
});

function refuseAlone(): never {
  throw new FhirError('unprocessable', 'This text follows its scan: change the scan, or delete the text.', {
    detail: 'follows-its-scan',
    expression: 'DocumentReference',
  });
}

/** Who sees a text, and that no release gives it out, follows from its tag. */
function refuseForged(): never {
  const tag = `${MACHINE_TEXT_TAGS}|${TEXT_CODE}`;
  throw new FhirError(
    'unprocessable',
    `Texts that are read from scans are written by the server alone: leave the tag ${tag} out, or tag the scan ${MACHINE_TEXT_TAGS}|wanted to have it read.`,
    { detail: 'machine-text-tag', expression: 'DocumentReference.meta.tag' },
  );
}

/** A text that the job writes; a patch of one follows its scan already. Throws `unprocessable` where the scan is not to be read any more. */
async function madeText(
  write: HookedWrite,
  text: Resource,
  bases: readonly string[],
): Promise<Preparation | undefined> {
  if (write.interaction === 'patch') return undefined;
  const scan = await resourceOf(write, scanOfText(text, bases) ?? '');
  if (!scan || !isWanted(scan.resource))
    throw new FhirError('unprocessable', 'The scan is not to be read any more.', { detail: 'not-wanted' });
  const { id, version, resource } = scan;
  const read = versionRead(text);
  if (read !== undefined && read !== version)
    throw new FhirError('precondition', 'The scan has changed since it was read.', { detail: 'scan-changed' });
  const patch = { form: 'json', operations: taggingPatch(resource, undefined) } as const;
  return {
    resource: followingText(text, resource),
    companions: [{ kind: 'patch', type: 'DocumentReference', id, ifMatch: [version], patch }],
  };
}

interface StoredDocument {
  readonly id: string;
  readonly version: string;
  readonly resource: Resource;
}

async function resourceOf({ whole }: HookedWrite, id: string): Promise<StoredDocument | undefined> {
  const row = id === '' ? undefined : await whole('DocumentReference', id);
  if (!row?.text) return undefined;
  return { id, version: String(row.version), resource: parseJson(row.text, STORED_JSON).resource };
}

/** What becomes of the text of a scan that is written. */
async function followed(write: HookedWrite, former: Resource, bases: readonly string[]): Promise<readonly Companion[]> {
  const { id, resource, agent } = write;
  const scan = resource && withKeptLabels(write, former, resource);
  const isOther = scan !== undefined && hasOtherBytes(former, scan, bases);
  if (scan && !isOther && followingPatch(former, scan).length === 0) return [];
  const text = await resourceOf(write, textIdOf(id));
  if (!text || scanOfText(text.resource, bases) !== id || write.beside('DocumentReference', text.id)) return [];
  const address = { type: 'DocumentReference', id: text.id } as const;
  if (isPurge(write))
    return [
      { ...address, kind: 'operation', operation: 'purge', own: true, safe: false, parameters: [], lenient: false },
    ];
  if (!scan || isOther) return [{ ...address, kind: 'delete' }];
  // What goes with a document that is replaced is written with it (relations of documents).
  const isSuperseded = agent === 'documents' && scan['status'] === 'superseded';
  const operations = followingPatch(text.resource, scan).filter(({ path }) => !isSuperseded || path !== '/status');
  if (operations.length === 0) return [];
  return [{ ...address, kind: 'patch', ifMatch: [text.version], patch: { form: 'json', operations } }];
}

/** As it will be stored: an update keeps labels that it does not mention. */
function withKeptLabels({ interaction }: HookedWrite, former: Resource, scan: Resource): Resource {
  const [had, has] = [former['meta'], scan['meta']].map(meta => (isObject(meta) ? meta : {}));
  if (interaction !== 'update' || had?.['security'] === undefined) return scan;
  return { ...scan, meta: addLabels({ security: had['security'] }, has!) };
}
