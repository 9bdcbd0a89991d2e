/** Records work in tests: people of several roles, charts that are lent, and what is asked of their Tasks. */
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OperationOutcome, Task } from 'fhir/r4.js';
import type { Headers, Reply, Talk } from './talk.js';

const folder = mkdtempSync(join(tmpdir(), 'chartroom-work-'));
export const workTokens = join(folder, 'tokens.json');
const ROLES = ['records-specialist', 'clinician', 'reader', 'privacy-officer', 'service', 'admin'] as const;
writeFileSync(workTokens, JSON.stringify(ROLES.map(role => ({ token: `token-of-the-${role}`, name: role, role }))));
export const asRole = (role: (typeof ROLES)[number]): Headers => ({ authorization: `Bearer token-of-the-${role}` });
export const CLERK = asRole('records-specialist');
/** Whose ids are chosen. */
export const ADMIN = asRole('admin');

const CODE = { coding: [{ system: 'urn:chartroom:task', code: 'chart-checkout' }] };
export const checkout = (id: string, more: Partial<Task> = {}): Task => ({
  resourceType: 'Task',
  id,
  status: 'requested',
  intent: 'order',
  code: CODE,
  for: { reference: 'Patient/1' },
  focus: { reference: `List/chart-${id}` },
  ...more,
});

const parameters = (given: Readonly<Record<string, object | string>>): string =>
  JSON.stringify({
    resourceType: 'Parameters',
    parameter: Object.entries(given).map(([name, value]) =>
      typeof value === 'string'
        ? { name, [name === 'name' ? 'valueCode' : name === 'until' ? 'valueDateTime' : 'valueString']: value }
        : { name, valueReference: value },
    ),
  });
export const FHIR_JSON = { 'content-type': 'application/fhir+json' };
export const lead = <T = Task>(
  talk: Talk,
  id: string,
  given: Readonly<Record<string, object | string>>,
  headers = CLERK,
): Promise<Reply<T>> =>
  talk.send<T>('POST', `Task/${id}/$transition`, { headers: { ...FHIR_JSON, ...headers }, body: parameters(given) });
export const DESK = { reference: 'Location/desk' };

export const refusedAs = (reply: Reply<unknown>, status: number, detail: string, expression: string): void => {
  const { issue } = reply.body as OperationOutcome;
  assert.equal(reply.status, status, reply.text);
  assert.equal(issue[0]!.details?.coding?.[0]?.code, detail);
  assert.deepEqual(issue[0]!.expression, [expression]);
};
export const workStateOf = ({ businessStatus }: Task): string | undefined => businessStatus?.coding?.[0]?.code;
