/**
 * `DocumentReference/[id]/$index`: the index fields of a scan, and the step of its Task, in one commit: it waits for a second person, or is final where none is
 * asked for. What may be done is judged where plain FHIR is (scan-hook.ts), so that an operation can do nothing that a PUT of the Task could not.
 * Defined in profiles/intake/operationdefinition-index.json
 */
import { FhirError } from '../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import { parseReference } from '../../fhir/reference.js';
import { isObject, type JsonObject, type Resource } from '../../fhir/resource.js';
import type { Context, OperationImplementation } from '../../interactions/engine.js';
import { jsonText } from '../../interactions/operations/operation.js';
import { readGiven } from '../../interactions/operations/parameters.js';
import { readCurrent } from '../../interactions/read.js';
import { hookGround } from '../../interactions/write/hook-ground.js';
import { findingTold } from './known-batch.js';
import { type IndexAsked, indexedElements, indexGiven } from './index-asked.js';
import { subjectsOf } from './patient-facts.js';
import { judgeFields, normalizeFields } from './index-fields.js';
import { checkMade } from './made-resource.js';
import { notIndexed, refuseScan, type ScanGround } from './scan-hook.js';
import { secondPersonFor } from './second-person.js';
import {
  DQ_RULES,
  isFaulty,
  issueOfFinding,
  SCAN_STATUS,
  type ScanState,
  scanStateConcept,
  scanStateOf,
  tasksAbout,
} from './vocabulary.js';

type CurrentRow = Awaited<ReturnType<typeof readCurrent>>;

export const indexOperation = (ground: ScanGround): OperationImplementation => ({
  async run(context, ask) {
    const { given } = readGiven(context.engine, ask);
    const asked = indexGiven(
      given.map(({ name, value }) => [name, value]),
      'Parameters.parameter',
    );
    const row = await readCurrent(context, 'DocumentReference', ask.id!);
    const task = await taskToIndex(context, row.id);
    const document = await documentIndexed(context, ground, row, asked);
    await checkMade(context.engine, document, 'Parameters');
    const { resource: former, decimals } = parseJson(task.text!, STORED_JSON);
    const { rules, bases, now, sample, together } = ground;
    const found = await judgeFields({ rules, bases, view: context.view, now: now() }, document);
    const patients = subjectsOf([parseJson(row.text!, STORED_JSON).resource, document], bases);
    const faults = found.filter(isFaulty).map(issueOfFinding);
    if (faults.length > 0) throw notIndexed(faults, patients);
    const staff = { find: hookGround(context).find, principal: context.principal };
    const isWarned = found.length > 0 || scanStateOf(former) === 'rework';
    const second = await secondPersonFor(sample, staff, { task: former, document, isWarned });
    const state: ScanState = second === 'not-asked' ? 'final' : 'pending-qc';
    const { subject } = document;
    const resource: Resource = {
      ...former,
      ...(former['for'] === undefined && isObject(subject) ? { for: { reference: subject['reference']! } } : {}),
      status: SCAN_STATUS[state],
      businessStatus: scanStateConcept(state),
    };
    together.set(context.stamp, new Map(together.get(context.stamp)).set(task.id, document));
    const parameter: JsonObject[] = [
      { name: 'document', valueReference: { reference: `DocumentReference/${row.id}` } },
      { name: 'task', valueReference: { reference: `Task/${task.id}` } },
      { name: 'state', valueCode: state },
      { name: 'second-person', valueCode: second },
      ...found.map(findingTold),
    ];
    const change = { kind: 'update', type: 'Task', id: task.id, ifMatch: [String(task.version)] } as const;
    return {
      result: {
        status: 200,
        patients,
        text: Buffer.from(JSON.stringify({ resourceType: 'Parameters', parameter })),
      },
      accompaniment: {
        companions: [{ owner: 'intake', ask: { ...change, body: { resource, decimals } } }],
        ...{ messages: [], mustNotMatch: [] },
      },
    };
  },
});

/** The open Task by which a document is indexed. Throws `unprocessable` where there is none. */
async function taskToIndex(context: Context, document: string): Promise<CurrentRow> {
  const [task] = await hookGround(context).find('Task', tasksAbout(document, ['pending-index', 'rework']), 1);
  if (task?.text) return task;
  throw refuseScan('not-to-be-indexed', 'DocumentReference', 'No Task waits for this document to be indexed.');
}

/** The document with what is asked; the patient is looked for where none is named. */
async function documentIndexed(
  context: Context,
  { bases }: ScanGround,
  { text }: CurrentRow,
  asked: IndexAsked,
): Promise<Resource> {
  const { resource: before } = parseJson(text!, STORED_JSON);
  const isNamed = asked.patient !== undefined || before['subject'] !== undefined;
  const patient = isNamed ? undefined : await patientMeant(context, asked);
  const more = patient === undefined ? {} : { patient: { reference: `Patient/${patient}` } };
  const document: Resource = { ...before, ...indexedElements({ ...asked, ...more }, before) };
  normalizeFields(document);
  const { subject } = document;
  const target = parseReference(isObject(subject) ? jsonText(subject['reference']) : '', bases);
  if (target?.kind === 'local' && isObject(subject))
    document['subject'] = { ...subject, reference: `${target.type}/${target.id}` };
  return document;
}

/** The one patient with these identifiers; undefined: nobody says one. Throws `unprocessable` where there are none or several. */
async function patientMeant(context: Context, { identifiers, birthDate }: IndexAsked): Promise<string | undefined> {
  if (identifiers.length === 0) return undefined;
  const criteria = [
    ...identifiers.map(text => ['identifier', text.replaceAll(/[\\,$]/g, String.raw`\$&`)] as const),
    ...(birthDate === undefined ? [] : [['birthdate', birthDate] as const]),
  ];
  const [one, another] = await hookGround(context).find('Patient', criteria, 2);
  if (one && !another) return one.id;
  const code = one ? 'several-patients' : 'DQ-patient-unknown';
  const words = one ? 'Several patients have these identifiers: name the one that is meant.' : undefined;
  throw new FhirError('unprocessable', words ?? `${DQ_RULES['DQ-patient-unknown'].display}.`, {
    ...{ detail: code, expression: 'Parameters.parameter' },
    patients: [one, another].flatMap(found => (found ? [found.id] : [])),
  });
}
