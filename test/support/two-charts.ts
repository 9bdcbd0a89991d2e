/** Two charts for the console: what is of the one patient, of the other and of nobody, what is not true any more, and what has versions. */
import type { RunningServer } from './server.js';

const of = (reference: string) => ({ reference });
const coded = (system: string, code: string) => ({
  coding: [{ system: `http://terminology.hl7.org/CodeSystem/${system}`, code }],
});

/** Two patients; what is theirs, what is nobody's, and what is not true of them. */
export async function setTwoCharts({ request, base }: RunningServer): Promise<void> {
  const entry: object[] = [];
  const put = (resource: { resourceType: string; id: string } & Record<string, unknown>): void =>
    void entry.push({ resource, request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` } });
  const ours = of('Patient/p1');
  for (const id of ['p1', 'p2'])
    put({ resourceType: 'Patient', id, name: [{ family: id === 'p1' ? 'Ours' : 'Secret' }] });
  put({ resourceType: 'Account', id: 'of-p2', status: 'active', name: 'Secret', subject: [of('Patient/p2')] });
  put({ resourceType: 'Account', id: 'of-both', status: 'active', subject: [of('Patient/p2'), ours] });
  const seen = {
    resourceType: 'Appointment',
    status: 'booked',
    start: '2024-05-01T10:00:00Z',
    end: '2024-05-01T11:00:00Z',
  };
  for (const id of ['p1', 'p2'])
    put({ ...seen, id: `of-${id}`, participant: [{ actor: of(`Patient/${id}`), status: 'accepted' }] });
  const text = (id: string) => ({ contentType: 'text/plain', url: `Binary/${id}`, title: `Title-${id}` });
  for (const id of ['one', 'two'])
    put({ resourceType: 'Binary', id, contentType: 'text/plain', data: btoa(`Bytes of ${id}`) });
  const document = { resourceType: 'DocumentReference', status: 'current' };
  put({ ...document, id: 'nobodys', content: [{ attachment: text('one') }] });
  put({
    ...{ ...document, id: 'three', subject: of(`${base}/Patient/p1`) },
    content: [{ attachment: text('one') }, { attachment: text('two') }],
  });
  const standing = { clinical: 'allergyintolerance-clinical', verified: 'allergyintolerance-verification' };
  const clinicalStatus = coded(standing.clinical, 'active');
  const allergy = { resourceType: 'AllergyIntolerance', patient: ours, clinicalStatus };
  const refuted = { code: { text: 'Refuted latex' }, verificationStatus: coded(standing.verified, 'refuted') };
  for (let at = 0; at < 50; at++) put({ ...allergy, ...refuted, id: `refuted-${at}` });
  put({ ...allergy, id: 'zz', code: { text: 'Penicillin' } });
  const condition = { resourceType: 'Condition', id: 'c', subject: ours, code: { text: 'Typed by mistake' } };
  put({ ...condition, verificationStatus: coded('condition-ver-status', 'entered-in-error') });
  for (const [at, [status, value]] of [
    ['final', 4],
    ['entered-in-error', 444],
    ['amended', 5],
  ].entries())
    put({
      ...{ resourceType: 'Observation', id: `o${at}`, status, subject: ours, code: { text: 'Potassium' } },
      ...{ effectiveDateTime: `2024-05-0${at + 1}`, valueQuantity: { value, unit: 'mmol/L' } },
      interpretation: [{ text: `Mark ${String(status)}` }],
    });
  await request.post('/fhir').send({ resourceType: 'Bundle', type: 'transaction', entry }).expect(200);
  await setVersions(request);
}

/** Elements in which versions of Patient/again differ. */
export const GIVEN = 203;

/** One whose digits count, and one that was changed in more places than are shown, deleted, and made again. */
async function setVersions(request: RunningServer['request']): Promise<void> {
  const put = (path: string, resource: object | string) =>
    request.put(`/fhir/${path}`).set('Content-Type', 'application/fhir+json').send(resource);
  const digits = { resourceType: 'Observation', id: 'digits', status: 'final', subject: of('Patient/p1') };
  const text = JSON.stringify({ ...digits, code: { text: 'Digits' }, valueQuantity: { value: 1 } });
  await put('Observation/digits', text.replace('"value":1', '"value":1.00')).expect(201);
  const named = (given: string) => ({
    ...{ resourceType: 'Patient', id: 'again' },
    name: [{ given: Array.from({ length: GIVEN }, (_, at) => `${given}${at}`) }],
  });
  await put('Patient/again', named('A')).expect(201);
  await put('Patient/again', named('B')).expect(200);
  await request.delete('/fhir/Patient/again').expect(204);
  await put('Patient/again', named('C')).expect(201);
}
