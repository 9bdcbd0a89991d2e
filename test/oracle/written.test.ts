/**
 * What the server itself writes, judged by HL7's validator (../shared/oracle; needs Java and Maven): audit events against
 * IHE BALP, the capability statement, bundles and outcomes against R4. Not a part of `npm test`:
 *
 *     node build/make.mjs && npx mocha dist/test/oracle/*.test.js
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditEvent } from 'fhir/r4.js';
import { after, before, describe, it } from 'mocha';
import { CASES, eve, observation } from '../flow/audit-cases.js';
import { welcome } from '../sample/welcome.js';
import { entry, post, put, send, uuid } from '../support/bundles.js';
import { askOracle, oracleScript } from '../support/oracle.js';
import { type RunningServer, startServer } from '../support/server.js';
import { type Headers, talkTo, type Talk } from '../support/talk.js';

const BALP = 'ihe.iti.balp#1.1.4';
const ROLES = ['admin', 'writer', 'reader'];
const bearer = (name: string): Headers => ({ authorization: `Bearer token-of-the-${name}` });
const sendsJson = { 'content-type': 'application/fhir+json' };

/** Plays every case; gives the bodies of the refusals. */
async function play(base: string, as: (name: string) => Headers): Promise<string[]> {
  const talk = talkTo(base, as('writer'));
  await talk.update(eve);
  for (const id of ['o1', 'o2', 'o3', 'o4']) await talk.update(observation(id, 'eve'));
  const outcomes: string[] = [];
  for (const { method, path, as: who = 'writer', body, headers } of CASES) {
    const reply = await talkTo(base).send(method, path, {
      headers: { ...as(who), ...(typeof body === 'object' ? sendsJson : {}), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    if (reply.text.includes('OperationOutcome')) outcomes.push(reply.text);
  }
  return outcomes;
}

/** Bundles, patches and operations; gives the answers. */
async function writeTogether(talk: Talk): Promise<[name: string, text: string][]> {
  const entries = [
    post(
      { resourceType: 'Patient', identifier: [{ system: 'urn:o', value: '1' }] },
      { fullUrl: uuid(1), ifNoneExist: 'identifier=urn:o|1' },
    ),
    post({ resourceType: 'Observation', status: 'final', code: { text: 'x' }, subject: { reference: uuid(1) } }),
    put({ resourceType: 'Patient', id: 'together', active: true }),
    entry('GET', 'Patient/together'),
    entry('GET', 'Patient?identifier=urn:o|1'),
  ];
  const patch = (type: string, body: object) =>
    talk.send('PATCH', 'Patient/together', { headers: { 'content-type': type }, body: JSON.stringify(body) });
  const answers: [name: string, text: string][] = [];
  for (const prefer of ['minimal', 'representation', 'OperationOutcome'])
    answers.push([
      `transaction-${prefer}`,
      (await send(talk, 'transaction', entries, { prefer: `return=${prefer}` })).text,
    ]);
  answers.push(['batch', (await send(talk, 'batch', [...entries, entry('GET', 'Patient/never-was')])).text]);
  answers.push(['refused', (await send(talk, 'transaction', [entry('GET', 'Patient/never-was')])).text]);
  answers.push(['patched', (await patch('application/json-patch+json', [{ op: 'remove', path: '/active' }])).text]);
  answers.push(['not-patched', (await patch('application/json-patch+json', [{ op: 'remove', path: '/active' }])).text]);
  answers.push(['everything', (await talk.get('Patient/together/$everything')).text]);
  answers.push(['calls', (await talk.get('Patient/together/$welcome-calls')).text]);
  answers.push(['meta', (await talk.get('Patient/together/$meta')).text]);
  answers.push(['purged', (await talk.send('POST', 'Patient/together/$purge')).text]);
  return answers;
}

describe('what the server writes, judged by the validator of HL7', () => {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-oracle-'));
  const files: string[] = [];
  let script = '';
  const keep = (name: string, text: string) => {
    files.push(join(folder, name));
    writeFileSync(join(folder, name), text);
  };
  after(() => rmSync(folder, { recursive: true, force: true }));

  async function collect(label: string, server: RunningServer, talk: Talk, outcomes: readonly string[]) {
    for (const [name, text] of await writeTogether(talk)) keep(`${label}-${name}.json`, text);
    const { entry: events = [] } = await talk.search<AuditEvent>('AuditEvent?_count=1000');
    assert.ok(events.length > CASES.length);
    for (const { resource } of events) keep(`${label}-event-${resource?.id}.json`, JSON.stringify(resource));
    for (const [n, text] of outcomes.entries()) keep(`${label}-outcome-${n}.json`, text);
    for (const [name, path] of [
      ['metadata', 'metadata'],
      ['searchset', 'Observation?_count=2'],
      ['elements', 'Patient?_elements=name'],
      ['summary', 'Patient?_summary=true'],
      ['count', 'Patient?_summary=count'],
      ['nothing', 'Patient?family=nobody'],
      ['history', 'Observation/_history'],
      ['lenient', 'Patient?hair=red'],
      ['horizon', '$horizon'],
      ['definition', 'OperationDefinition/horizon'],
    ] as const) {
      const lenient = { prefer: 'handling=lenient' };
      keep(`${label}-${name}.json`, (await talk.get(path, lenient)).text);
      keep(`${label}-${name}.xml`, (await talk.get(path, { ...lenient, accept: 'application/fhir+xml' })).text);
    }
    await server.stop();
  }

  before('writes something of every kind', async function () {
    script = oracleScript(this);
    const tokens = join(folder, 'tokens');
    writeFileSync(
      tokens,
      JSON.stringify(ROLES.map(role => ({ token: `token-of-the-${role}`, name: `the ${role}`, role }))),
    );
    const guarded = await startServer({ store: 'embedded', config: { auth: 'token', tokens } });
    await collect('token', guarded, talkTo(guarded.base, bearer('admin')), await play(guarded.base, bearer));
    const open = await startServer({ store: 'embedded', features: [welcome] });
    await collect('none', open, talkTo(open.base), await play(open.base, () => ({})));
  });

  it('has no errors, and the validator finds one that was put there', () => {
    const { entity, ...event } = JSON.parse(readFileSync(files.find(isPatientRead)!, 'utf8')) as AuditEvent;
    keep('control.json', JSON.stringify({ ...event, entity: entity?.filter(({ type }) => type?.code !== '1') }));
    const { issues, summary } = askOracle(script, { files, packages: [BALP] });
    assert.deepEqual(
      issues.filter(({ file }) => !file.includes('control.json')),
      [],
    );
    assert.match(summary, / 1 with errors/);
  });
});

const isPatientRead = (file: string): boolean =>
  file.includes('-event-') && readFileSync(file, 'utf8').includes('IHE.BasicAudit.PatientRead');
