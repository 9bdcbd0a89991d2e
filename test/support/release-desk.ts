/** The release desk of the console in tests: requests that are led by others meanwhile, and what the page does. */
import assert from 'node:assert/strict';
import type { ConsoleStage } from './console.js';

type ValuesAsked = readonly { readonly name: string; readonly [value: string]: unknown }[];

interface CheckTold {
  readonly parameter: readonly { readonly part?: readonly { readonly valueCode?: string }[] }[];
}

export function releaseDesk(stage: () => ConsoleStage) {
  const post = async (path: string, parameter: ValuesAsked = []): Promise<{ id: string }> => {
    const { body } = await stage()
      .server.request.post(`/fhir/${path}`)
      .set('Content-Type', 'application/fhir+json')
      .send({ resourceType: 'Parameters', ...(parameter.length > 0 ? { parameter } : {}) })
      .expect(res => assert.ok(res.status < 300, res.text));
    return body as { id: string };
  };
  const lead = (id: string, name: string, reason?: string): Promise<unknown> =>
    post(`Task/${id}/$transition`, [
      { name: 'name', valueCode: name },
      ...(reason === undefined ? [] : [{ name: 'reason', valueString: reason }]),
    ]);
  const begun = async (patient: string, ...more: ValuesAsked): Promise<string> => {
    const { id } = await post('Task/$request-records', [
      { name: 'requester-class', valueCode: 'patient' },
      { name: 'requester', valueString: 'Ada <b>Lindqvist</b>' },
      { name: 'patient', valueReference: { reference: `Patient/${patient}` } },
      { name: 'purpose', valueCode: 'PATRQT' },
      { name: 'delivery', valueCode: 'pickup' },
      ...more,
    ]);
    return id;
  };
  const taskOf = async (id: string): Promise<string> => {
    const { body } = await stage().server.request.get(`/fhir/Task/${id}`).expect(200);
    const { businessStatus } = body as { businessStatus: { coding: { code: string }[] } };
    return businessStatus.coding[0]!.code;
  };
  const at = (step: string): Promise<void> =>
    stage().page.locator('.stepper [aria-current=step]', { hasText: step }).waitFor();
  const press = (name: string): Promise<void> =>
    stage().page.locator('main').getByRole('button', { name, exact: true }).click();

  /** What leads a request to the search, by what is asked for with it. */
  const accepted = async (patient: string, ...more: ValuesAsked): Promise<string> => {
    const id = await begun(patient, ...more);
    await lead(id, 'log');
    await lead(id, 'identify', 'Two papers.');
    const { parameter } = (await post(`Task/${id}/$check-authorization`)) as unknown as CheckTold;
    const open = parameter.flatMap(({ part = [] }) =>
      part.some(({ valueCode }) => valueCode === 'look') ? [part[0]!.valueCode!] : [],
    );
    await post(
      `Task/${id}/$check-authorization`,
      open.map(valueCode => ({ name: 'confirmed', valueCode })),
    );
    await lead(id, 'accept');
    return id;
  };
  const sure = (what: string): Promise<void> =>
    stage()
      .page.getByRole('alertdialog')
      .getByRole('button', { name: `Yes: ${what}` })
      .click();
  const faultAt = (field: string, hasText?: string | RegExp): Promise<void> =>
    stage()
      .page.locator(`.fault-summary:focus a[href="#${field}"]`, hasText === undefined ? {} : { hasText })
      .waitFor();

  return { post, lead, begun, accepted, taskOf, at, press, sure, faultAt };
}
