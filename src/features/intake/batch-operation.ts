/**
 * `DocumentReference/$intake`: many files at once become a batch (a List), a preliminary document for each, and a Task by which it is indexed and checked, all
 * in one commit. A batch with an identifier is taken in once: who sends it again is told what became of it. Defined in profiles/intake/.
 */
import { nameOfBytes, URI_SYSTEM } from '../../fhir/content/bytes-name.js';
import { FhirError, type Issue } from '../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import { parseReference } from '../../fhir/reference.js';
import { isObject, itemsOf, type JsonObject, type Resource } from '../../fhir/resource.js';
import type { Context, OperationImplementation } from '../../interactions/engine.js';
import type { Companion, Outcome } from '../../interactions/interaction.js';
import { jsonText } from '../../interactions/operations/operation.js';
import { type GivenParameter, readGiven } from '../../interactions/operations/parameters.js';
import { readCurrent } from '../../interactions/read.js';
import { personOf } from '../../interactions/person.js';
import { absence, type ConditionalQuery, findOne, readCriteria } from '../../interactions/write/conditional.js';
import { hookGround } from '../../interactions/write/hook-ground.js';
import type { HookGround } from '../../interactions/write/hooks.js';
import { newId } from '../../platform/ids.js';
import { breathe } from '../../platform/pieces.js';
import { indexedElements } from './index-asked.js';
import { type IntakeFile, isIssue, readIntakeFile } from './intake-file.js';
import { checkMade } from './made-resource.js';
import { newScan, scanDocument } from './new-scan.js';
import { pageFindings } from './pages/page-findings.js';
import { DQ_RULES, type DqFinding, isFindingInput, tasksOfBatch } from './vocabulary.js';

const MOST_FILES = 100;
/** Documents with the same bytes that are named. */
const MOST_DUPLICATES = 10;
/** For which pages are looked at while somebody waits; those of the rest a second person looks at. */
const LOOKING_MS = 60_000;
const NOT_LOOKED_AT: DqFinding = { code: 'DQ-not-looked-at', expression: 'DocumentReference.content[0].attachment' };
const LIST_CODE = { system: 'urn:chartroom:list', code: 'intake-batch', display: 'Scans that came in together' };

export const intakeOperation: OperationImplementation = {
  async run(context, ask) {
    const { given } = readGiven(context.engine, ask);
    const sought = await soughtBatch(context, given);
    const known = sought && (await findOne(context, sought));
    if (known?.text) return knownBatch(context, known.id);
    const files = await filesGiven(context, given);
    return newBatch(context, given, files, sought);
  },
};

/** The batch with the identifier that is given, as criteria. */
async function soughtBatch(context: Context, given: readonly GivenParameter[]): Promise<ConditionalQuery | undefined> {
  const identifier = given.find(({ name }) => name === 'identifier');
  if (!identifier) return undefined;
  const { system, value } = isObject(identifier.value) ? identifier.value : {};
  if (typeof system !== 'string' || typeof value !== 'string')
    throw new FhirError('invalid', 'The identifier of a batch has a system and a value.', {
      ...{ expression: identifier.at, detail: 'bad-parameter-value' },
    });
  const escaped = [system, value].map(text => text.replaceAll(/[\\,|$]/g, String.raw`\$&`)).join('|');
  return readCriteria(context, 'List', [['identifier', escaped]]);
}

/** Reads one file after the other. Throws `unprocessable` with an issue for each that is not taken in. */
async function filesGiven(context: Context, given: readonly GivenParameter[]): Promise<readonly IntakeFile[]> {
  const named = given.filter(({ name }) => name === 'file');
  if (named.length > MOST_FILES)
    throw new FhirError('invalid', `${MOST_FILES} files at most are taken in at once.`, {
      ...{ expression: named[MOST_FILES]!.at, detail: 'too-many-files' },
    });
  const ground = hookGround(context);
  const files: IntakeFile[] = [];
  const issues: Issue[] = [];
  for (const file of named) {
    await breathe();
    const read = await readIntakeFile(ground, file, context.engine.settings.bases);
    if (isIssue(read)) issues.push(read);
    else files.push(read);
  }
  if (issues.length > 0) throw new FhirError('unprocessable', 'Files of these kinds are not taken in.', { issues });
  return files;
}

async function newBatch(
  context: Context,
  given: readonly GivenParameter[],
  files: readonly IntakeFile[],
  sought: ConditionalQuery | undefined,
): Promise<Outcome> {
  const { engine, principal } = context;
  const now = engine.clock.now();
  const [batch, at] = [newId(now), new Date(now).toISOString()];
  const ground = hookGround(context);
  const began = performance.now();
  const companions: Companion[] = [];
  const earlier = new Map<string, string>();
  const told: JsonObject[] = [];
  const entry: JsonObject[] = [];
  for (const file of files) {
    const [id, task] = [newId(now), newId(now)];
    const isLate = performance.now() - began > LOOKING_MS;
    const findings = [
      ...(await duplicateFindings(ground, file, earlier)),
      ...(isLate ? [NOT_LOOKED_AT] : await pageFindings(file)),
    ];
    if (!earlier.has(file.sha256)) earlier.set(file.sha256, `DocumentReference/${id}`);
    const scan = { id, task, fields: indexedElements(file.asked, {}), findings, at, by: principal, batch };
    const content = [{ attachment: file.attachment }];
    await checkMade(engine, scanDocument({ ...scan, content }), file.at);
    companions.push(...newScan({ ...scan, content }));
    entry.push({ item: { reference: `DocumentReference/${id}` } });
    told.push(fileTold(`DocumentReference/${id}`, `Task/${task}`, findings));
  }
  const resource = batchList(context, given, { at, entry });
  await checkMade(engine, resource, 'the batch');
  const list: Companion = { kind: 'create', type: 'List', id: batch, body: { resource, decimals: undefined } };
  return {
    result: {
      status: 201,
      location: `List/${batch}/_history/1`,
      patients: [...new Set(files.flatMap(({ asked }) => patientOf(asked.patient, engine.settings.bases)))],
      text: batchText(batch, told),
    },
    accompaniment: {
      companions: [...companions, list].map(ask => ({ owner: 'intake', ask })),
      messages: [],
      mustNotMatch: sought ? [absence(context, sought)] : [],
    },
  };
}

/** The same bytes in this batch, and documents that are here with them, as far as their Provenance says so. */
async function duplicateFindings(
  { find }: Pick<HookGround, 'find'>,
  { sha256 }: IntakeFile,
  earlier: ReadonlyMap<string, string>,
): Promise<readonly DqFinding[]> {
  const name = `${URI_SYSTEM}|${nameOfBytes(sha256)}`;
  const rows = await find('Provenance', [['entity:identifier', name]], MOST_DUPLICATES);
  const targets = rows.flatMap(({ text }) => (text ? itemsOf(parseJson(text, STORED_JSON).resource['target']) : []));
  const documents = targets.flatMap(target => {
    const reference = isObject(target) ? jsonText(target['reference']).split('/_history/')[0]! : '';
    return reference.startsWith('DocumentReference/') ? [reference] : [];
  });
  const inBatch = earlier.get(sha256);
  return [...new Set([...(inBatch === undefined ? [] : [inBatch]), ...documents])].map(reference => ({
    code: 'DQ-duplicate',
    expression: 'DocumentReference.content[0].attachment',
    value: { valueReference: { reference } },
  }));
}

function patientOf(reference: JsonObject | undefined, bases: readonly string[]): string[] {
  const target = parseReference(jsonText(reference?.['reference']), bases);
  return target?.kind === 'local' && target.type === 'Patient' ? [target.id] : [];
}

interface ListGiven {
  readonly at: string;
  readonly entry: readonly JsonObject[];
}

function batchList({ principal }: Context, given: readonly GivenParameter[], { at, entry }: ListGiven): Resource {
  const value = (name: string) => given.find(each => each.name === name)?.value;
  const [title, site, identifier] = [value('title'), value('site'), value('identifier')];
  return {
    resourceType: 'List',
    ...(identifier === undefined ? {} : { identifier: [identifier] }),
    extension: [
      { url: 'urn:chartroom:source', valueString: jsonText(value('source')) },
      ...(isObject(site) ? [{ url: 'urn:chartroom:site', valueReference: site }] : []),
    ],
    status: 'current',
    mode: 'snapshot',
    ...(title === undefined ? {} : { title }),
    code: { coding: [LIST_CODE] },
    date: at,
    source: personOf(principal),
    entry: [...entry],
  };
}

/** One that was taken in before: what became of its files then. */
async function knownBatch(context: Context, batch: string): Promise<Outcome> {
  const rows = await hookGround(context).find('Task', tasksOfBatch(batch), MOST_FILES);
  const told = new Map<string, JsonObject>();
  for (const { id, text } of rows) {
    if (!text) continue;
    const { focus, input } = parseJson(text, STORED_JSON).resource;
    const document = isObject(focus) ? jsonText(focus['reference']) : '';
    const findings = itemsOf(input).filter(isFindingInput).filter(isObject).map(findingOfInput);
    told.set(document, fileTold(document, `Task/${id}`, findings));
  }
  const { entry } = parseJson((await readCurrent(context, 'List', batch)).text!, STORED_JSON).resource;
  const inOrder = itemsOf(entry).flatMap(each => {
    const item = isObject(each) && isObject(each['item']) ? jsonText(each['item']['reference']) : '';
    const file = told.get(item);
    return file ? [file] : [];
  });
  return { result: { status: 200, patients: [], text: batchText(batch, inOrder) } };
}

const findingOfInput = ({ type, ...value }: JsonObject): DqFinding => {
  const [coding] = isObject(type) ? itemsOf(type['coding']) : [];
  const code = isObject(coding) ? jsonText(coding['code']) : '';
  return { code: code as DqFinding['code'], expression: '', value };
};

function fileTold(document: string, task: string, findings: readonly DqFinding[]): JsonObject {
  return {
    name: 'file',
    part: [
      { name: 'document', valueReference: { reference: document } },
      { name: 'task', valueReference: { reference: task } },
      ...findings.map(findingTold),
    ],
  };
}

/** A finding as a parameter: its code and words, and what it is about. */
export function findingTold({ code, value = {} }: DqFinding): JsonObject {
  const about = Object.entries(value).map(([member, each]) => ({ name: 'about', [member]: each }));
  const known = Object.hasOwn(DQ_RULES, code) ? DQ_RULES[code] : undefined;
  return {
    name: 'finding',
    part: [
      { name: 'code', valueCode: code },
      ...(known ? [{ name: 'display', valueString: known.display }] : []),
      ...about,
    ],
  };
}

const batchText = (batch: string, files: readonly JsonObject[]): Buffer =>
  Buffer.from(
    JSON.stringify({
      resourceType: 'Parameters',
      parameter: [{ name: 'batch', valueReference: { reference: `List/${batch}` } }, ...files],
    }),
  );
