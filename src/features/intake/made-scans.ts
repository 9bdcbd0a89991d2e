/**
 * What is made of a file that comes in: a document, or, where separator sheets stand between its pages, one for each of them. The file that was taken apart is kept as it
 * came, as a document of nobody (superseded, tagged `split`): a Provenance alone leads from a part to it, since it may hold pages of others.
 */
import type { JsonObject, Resource } from '../../fhir/resource.js';
import type { Engine } from '../../interactions/engine.js';
import type { Companion } from '../../interactions/interaction.js';
import { personOf } from '../../interactions/person.js';
import type { HookGround } from '../../interactions/write/hooks.js';
import { addressOfMade } from '../../interactions/write/made-bytes.js';
import { joinedLabels, withDocumentLabels } from './document-labels.js';
import { duplicatesOf, type DuplicatesGround } from './duplicates.js';
import { type IndexAsked, indexedElements } from './index-asked.js';
import type { IntakeFile } from './intake-file.js';
import { batchEntry, fileTold } from './known-batch.js';
import { checkMade } from './made-resource.js';
import { type NewScan, newScan, scanDocument } from './new-scan.js';
import type { LookedPart } from './pages/page-findings.js';
import { askedOfSheet } from './sheets/sheet-target.js';
import { type DqFinding, INTAKE_TAGS } from './vocabulary.js';

export interface ScanMaking extends Pick<NewScan, 'at' | 'by'> {
  readonly engine: Engine;
  readonly ground: DuplicatesGround & Pick<HookGround, 'commit'>;
  /** Documents of the batch by the hash of their bytes: it is added to. */
  readonly earlier: Map<string, string>;
  /** The List of its batch; undefined: it is of none. */
  readonly batch?: string;
  readonly newId: () => string;
}

interface MadeScans {
  readonly companions: readonly Companion[];
  /** Of the List. */
  readonly entries: readonly JsonObject[];
  readonly told: readonly JsonObject[];
  /** With the subjects of the documents. */
  readonly subjects: readonly JsonObject[];
}

/** Throws `unprocessable` where it makes nothing that is valid. */
export async function madeScans(making: ScanMaking, file: IntakeFile): Promise<MadeScans> {
  const { ground, earlier, newId } = making;
  const { attachment, looked, sha256 } = file;
  const { findings: same, labels } = await duplicatesOf(ground, file, earlier);
  const whole = newId();
  if (!earlier.has(sha256)) earlier.set(sha256, `DocumentReference/${whole}`);
  if (!looked.parts) {
    const findings = [...same, ...looked.findings];
    const one = { id: whole, attachment, asked: file.asked, findings, labels };
    return { ...(await madeScan(making, file.at, one)), entries: [batchEntry(whole, file)] };
  }
  const made: MutableLists<MadeScans> = { companions: [], entries: [batchEntry(whole, file)], told: [], subjects: [] };
  let ofAll = labels;
  for (const [at, part] of looked.parts.entries()) {
    const id = newId();
    const known = await duplicatesOf(ground, part, earlier);
    if (!earlier.has(part.sha256)) earlier.set(part.sha256, `DocumentReference/${id}`);
    ofAll = joinedLabels([ofAll, known.labels]);
    const { asked, findings } = await askedOfPart(making, file.asked, part);
    const title = typeof attachment['title'] === 'string' ? `${attachment['title']} (${at + 1})` : `${at + 1}`;
    const url = addressOfMade(ground, part.bytes);
    const scan = await madeScan(making, file.at, {
      ...{ id, attachment: { contentType: 'application/pdf', title, url }, asked },
      labels: joinedLabels([labels, known.labels]),
      findings: [...same, ...known.findings, ...findings],
    });
    made.companions.push(...scan.companions, takenApart(making, id, whole));
    made.entries.push({ item: { reference: `DocumentReference/${id}` } });
    made.told.push(...scan.told);
    made.subjects.push(...scan.subjects);
  }
  // It holds all of them: it is as confidential as each is.
  const received = withDocumentLabels(wholeDocument(making, attachment), ofAll);
  await checkMade(making.engine, received, file.at);
  const body = { resource: received, decimals: undefined };
  made.companions.unshift({ kind: 'create', type: 'DocumentReference', id: whole, body });
  return made;
}

/** Lists that are added to. */
type MutableLists<Lists> = {
  -readonly [Name in keyof Lists]: Lists[Name] extends readonly (infer One)[] ? One[] : never;
};

interface OneScan extends Pick<NewScan, 'id' | 'findings' | 'labels'> {
  readonly attachment: JsonObject;
  readonly asked: IndexAsked;
}

/** Throws `unprocessable` where it is not valid. `from`: what it is made of. */
export async function madeScan(
  { engine, at, by, batch, newId }: ScanMaking,
  from: string,
  { id, attachment, asked, findings, labels }: OneScan,
): Promise<Omit<MadeScans, 'entries'>> {
  const task = newId();
  const fields = indexedElements(asked, {});
  const scan: NewScan = {
    id,
    task,
    content: [{ attachment }],
    fields,
    findings,
    ...(labels ? { labels } : {}),
    at,
    by,
    ...(batch === undefined ? {} : { batch }),
  };
  await checkMade(engine, scanDocument(scan), from);
  return {
    companions: newScan(scan),
    told: [fileTold(`DocumentReference/${id}`, `Task/${task}`, findings)],
    subjects: [fields],
  };
}

async function askedOfPart(
  { engine, ground }: ScanMaking,
  sent: IndexAsked,
  { sheet, findings }: LookedPart,
): Promise<{ readonly asked: IndexAsked; readonly findings: readonly DqFinding[] }> {
  if (!sheet) return { asked: sent, findings };
  const said = await askedOfSheet({ view: ground.view, bases: engine.settings.bases }, sent, sheet);
  return { asked: said.asked, findings: [...said.findings, ...findings] };
}

const wholeDocument = ({ at }: ScanMaking, attachment: JsonObject): Resource => ({
  resourceType: 'DocumentReference',
  meta: { tag: [{ system: INTAKE_TAGS, code: 'split' }] },
  ...{ status: 'superseded', docStatus: 'preliminary', date: at },
  description: 'Came in with separator sheets, and was taken apart.',
  content: [{ attachment }],
});

/** Which scan a document has its pages from. */
export function takenApart({ at, by }: Pick<ScanMaking, 'at' | 'by'>, part: string, whole: string): Companion {
  const resource: Resource = {
    resourceType: 'Provenance',
    target: [{ reference: `DocumentReference/${part}` }],
    recorded: at,
    activity: {
      coding: [
        {
          system: 'http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle',
          code: 'extract',
          display: 'Extract Record Lifecycle Event',
        },
      ],
    },
    agent: [{ who: personOf(by) }],
    entity: [{ role: 'source', what: { reference: `DocumentReference/${whole}` } }],
  };
  return { kind: 'create', own: true, type: 'Provenance', body: { resource, decimals: undefined } };
}
