/** Scans in tests: people who index and check them, and what is asked of the server about them. */
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  DocumentReference,
  Encounter,
  OperationOutcome,
  Parameters,
  ParametersParameter,
  Patient,
  Task,
} from 'fhir/r4.js';
import type { Stage } from './both-stores.js';
import type { Headers, Reply, Talk } from './talk.js';

const folder = mkdtempSync(join(tmpdir(), 'chartroom-intake-'));
export const intakeTokens = join(folder, 'tokens.json');
const PEOPLE = {
  ann: 'records-specialist',
  ben: 'records-specialist',
  cleo: 'clinician',
  sender: 'service',
  root: 'admin',
} as const;
writeFileSync(
  intakeTokens,
  JSON.stringify(
    Object.entries(PEOPLE).map(([name, role]) => ({ token: `the-token-of-${name}-and-nobody-else`, name, role })),
  ),
);
export const tokenOf = (name: keyof typeof PEOPLE): string => `the-token-of-${name}-and-nobody-else`;
export const as = (name: keyof typeof PEOPLE): Headers => ({ authorization: `Bearer ${tokenOf(name)}` });
export const ANN = as('ann');
export const BEN = as('ben');

const MRN = 'urn:example:mrn';
export const intakeWorld = async ({ talk }: Stage): Promise<void> => {
  for (const id of ['1', '2']) {
    await talk.update<Patient>(
      {
        resourceType: 'Patient',
        id,
        identifier: [{ system: MRN, value: `MRN-${id}` }],
        name: [{ family: 'Lindqvist', given: ['Ada', 'Beate'] }],
        birthDate: `198${id}-02-03`,
      },
      as('root'),
    );
    await talk.update<Encounter>(
      {
        resourceType: 'Encounter',
        id: `e${id}`,
        status: 'finished',
        class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
        subject: { reference: `Patient/${id}` },
        period: { start: '2026-01-05', end: '2026-01-06' },
      },
      as('root'),
    );
  }
  await talk.update({ resourceType: 'Practitioner', id: 'dr' }, as('root'));
};

export const base64 = (bytes: Buffer | string): string => Buffer.from(bytes).toString('base64');
export const fileOf = (bytes: Buffer | string, ...parts: ParametersParameter[]): ParametersParameter => ({
  name: 'file',
  part: [{ name: 'attachment', valueAttachment: { data: base64(bytes) } }, ...parts],
});

const JSON_BODY = { 'content-type': 'application/fhir+json' };
const ask = <T>(talk: Talk, path: string, parameter: ParametersParameter[], headers: Headers): Promise<Reply<T>> =>
  talk.send<T>('POST', path, {
    headers: { ...JSON_BODY, ...headers },
    body: JSON.stringify({ resourceType: 'Parameters', parameter }),
  });

export const takeIn = (
  talk: Talk,
  files: ParametersParameter[],
  more: ParametersParameter[] = [],
  headers = ANN,
): Promise<Reply<Parameters>> =>
  ask(talk, 'DocumentReference/$intake', [{ name: 'source', valueString: 'scanner 1' }, ...more, ...files], headers);

/** What is told of each file: ids of document and Task, and codes of what was found. */
export const toldOf = ({ parameter = [] }: Parameters) =>
  parameter
    .filter(({ name }) => name === 'file')
    .map(({ part = [] }) => {
      const id = (name: string): string =>
        part.find(each => each.name === name)!.valueReference!.reference!.split('/')[1]!;
      const found = part.filter(({ name }) => name === 'finding').map(({ part: of }) => of![0]!.valueCode!);
      return { document: id('document'), task: id('task'), found };
    });

export const FIELDS: ParametersParameter[] = [
  { name: 'patient', valueReference: { reference: 'Patient/1' } },
  { name: 'identifier', valueString: `${MRN}|MRN-1` },
  { name: 'birthdate', valueDate: '1981-02-03' },
  { name: 'encounter', valueReference: { reference: 'Encounter/e1' } },
  { name: 'type', valueCoding: { system: 'http://loinc.org', code: '11506-3', display: 'Progress note' } },
  { name: 'date', valueDateTime: '2026-01-05' },
  { name: 'author', valueReference: { reference: 'Practitioner/dr' } },
];
/** The same with others. */
export const fieldsWith = (...others: ParametersParameter[]): ParametersParameter[] => [
  ...FIELDS.filter(({ name }) => !others.some(each => each.name === name)),
  ...others,
];

export const indexAs = (
  talk: Talk,
  document: string,
  fields: ParametersParameter[],
  headers = ANN,
): Promise<Reply<Parameters>> => ask(talk, `DocumentReference/${document}/$index`, fields, headers);

export const stepAs = (
  talk: Talk,
  task: string,
  name: string,
  headers: Headers,
  reason?: string,
): Promise<Reply<Task>> =>
  ask(
    talk,
    `Task/${task}/$transition`,
    [{ name: 'name', valueCode: name }, ...(reason === undefined ? [] : [{ name: 'reason', valueString: reason }])],
    headers,
  );

export const scanAt = async (talk: Talk, id: string): Promise<DocumentReference> =>
  (await talk.get<DocumentReference>(`DocumentReference/${id}`, as('root'))).body;
export const tagsOf = ({ meta }: DocumentReference): (string | undefined)[] =>
  (meta?.tag ?? []).filter(({ system }) => system === 'urn:chartroom:intake').map(({ code }) => code);

export const notePage = (words: string): Buffer => Buffer.from(`Progress note: ${words}\n`);
export const scanDetails = (reply: Reply<unknown>): (string | undefined)[] =>
  (reply.body as OperationOutcome).issue.map(({ details }) => details?.coding?.[0]?.code);
export const refusedScan = (reply: Reply<unknown>, detail: string): void => {
  assert.equal(reply.status, 422, reply.text);
  assert.ok(scanDetails(reply).includes(detail), reply.text);
};
export const oneScan = async (talk: Talk, words: string) => {
  const reply = await takeIn(talk, [fileOf(notePage(words))]);
  assert.equal(reply.status, 201, reply.text);
  return toldOf(reply.body)[0]!;
};
