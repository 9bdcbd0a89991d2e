/** Requests for records in tests: asked for, led to a state, and what is committed with them. */
import assert from 'node:assert/strict';
import type { Bundle, Communication, DocumentReference, FhirResource, Parameters, Task } from 'fhir/r4.js';
import type { Headers, Reply, Talk } from './talk.js';
import { CLERK, FHIR_JSON, lead } from './work.js';

export type GivenValues = NonNullable<Parameters['parameter']>;

export const recordsAsked = (...more: GivenValues): GivenValues => {
  const names = new Set(more.map(({ name }) => name));
  const usual: GivenValues = [
    { name: 'requester-class', valueCode: 'patient' },
    { name: 'requester', valueString: 'Ada <b>Lindqvist</b> & Co. {tracking}' },
    { name: 'patient', valueReference: { reference: 'Patient/asked-for' } },
    { name: 'purpose', valueCode: 'PATRQT' },
    { name: 'delivery', valueCode: 'pickup' },
    { name: 'received', valueDateTime: '2026-03-01' },
  ];
  return [...usual.filter(({ name }) => !names.has(name)), ...more];
};

/** Runs an operation of a Task. */
export const runOn = <T = Parameters>(
  talk: Talk,
  address: string,
  parameter: GivenValues = [],
  headers: Headers = CLERK,
): Promise<Reply<T>> =>
  talk.send<T>('POST', `Task/${address}`, {
    headers: { ...FHIR_JSON, ...headers },
    body: JSON.stringify({ resourceType: 'Parameters', ...(parameter.length > 0 ? { parameter } : {}) }),
  });

/** The id of a new request. */
export async function requestBegun(talk: Talk, ...more: GivenValues): Promise<string> {
  const { status, body, text } = await runOn<Task>(talk, '$request-records', recordsAsked(...more));
  assert.equal(status, 201, text);
  return body.id!;
}

export async function ledTo(talk: Talk, id: string, ...names: readonly string[]): Promise<Task> {
  let task: Task | undefined;
  for (const name of names) {
    const { status, body, text } = await lead(talk, id, {
      name,
      ...(name === 'identify' ? { reason: 'Two papers.' } : {}),
    });
    assert.equal(status, 200, text);
    task = body;
  }
  return task!;
}

/** All resources of a type about a Task, in the order of their ids. */
export async function aboutTask<T extends FhirResource>(talk: Talk, query: string, id: string): Promise<readonly T[]> {
  const { body } = await talk.get<Bundle<T>>(`${query}&_count=1000`, CLERK);
  const named = `"Task/${id}"`;
  return (body.entry ?? [])
    .map(({ resource }) => resource!)
    .filter(each => JSON.stringify(each).includes(named))
    .toSorted((one, other) => (one.id! < other.id! ? -1 : 1));
}

export interface FoundLetter {
  readonly kind: string;
  readonly html: string;
  readonly document: DocumentReference;
  readonly communication: Communication;
}

/** The letters about a Task, each with the Communication that tells of it. */
export async function lettersOf(talk: Talk, id: string): Promise<readonly FoundLetter[]> {
  const told = await aboutTask<Communication>(talk, 'Communication?category=urn:chartroom:communication|letter', id);
  const letters: FoundLetter[] = [];
  for (const communication of told) {
    const reference = communication.payload![0]!.contentReference!.reference!;
    const { body: document } = await talk.get<DocumentReference>(reference, CLERK);
    const html = Buffer.from(document.content[0]!.attachment.data ?? '', 'base64').toString();
    letters.push({ kind: document.type!.coding![0]!.code!.slice('letter-'.length), html, document, communication });
  }
  return letters;
}
