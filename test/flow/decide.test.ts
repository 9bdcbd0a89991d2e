/**
 * Whether somebody may, by which rules and how far: told to privacy officers and administrators, over HTTP and on the command line, without a look at
 * what is stored.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditEvent, Parameters, ParametersParameter } from 'fhir/r4.js';
import { after, describe, it } from 'mocha';
import { onStoresInTurn } from '../support/both-stores.js';
import { manyCommands } from '../support/cli.js';
import { refusal, talkTo } from '../support/talk.js';

const folder = mkdtempSync(join(tmpdir(), 'chartroom-decide-'));
const TOKENS = join(folder, 'tokens.json');
const ROLES = ['admin', 'administrator', 'privacy-officer', 'clinician', 'patient', 'reader'];
writeFileSync(TOKENS, JSON.stringify(ROLES.map(role => ({ token: `token-of-the-${role}`, name: role, role }))));
const many = manyCommands();
after(async () => {
  await many.end();
  rmSync(folder, { recursive: true, force: true });
});

const asked = (who: Readonly<Record<string, string>>, method: string, url: string): Parameters => ({
  resourceType: 'Parameters',
  parameter: [
    ...Object.entries(who).map(([name, valueString]) => ({ name, valueString })),
    { name: 'method', valueCode: method },
    { name: 'url', valueString: url },
  ],
});

interface Step {
  readonly needs: string;
  readonly reaches: string | undefined;
  readonly rules: readonly string[];
  readonly where: string | undefined;
}

const partOf = ({ part = [] }: ParametersParameter, name: string) => part.find(each => each.name === name);
const stepsOf = ({ parameter = [] }: Parameters): Step[] =>
  parameter
    .filter(({ name }) => name === 'step')
    .map(step => ({
      needs: `${partOf(step, 'type')?.valueCode}.${partOf(step, 'letter')?.valueCode}`,
      reaches: partOf(step, 'reaches')?.valueCode,
      rules: (step.part ?? []).flatMap(({ name, valueString }) => (name === 'rule' ? [valueString!] : [])),
      where: partOf(step, 'where')?.valueString,
    }));
const allowedIn = ({ parameter = [] }: Parameters): boolean | undefined =>
  parameter.find(({ name }) => name === 'allowed')?.valueBoolean;

onStoresInTurn(
  'asking who may do what',
  stage => {
    const as = (role: string, requestId = 'x') =>
      talkTo(stage().server.base, { authorization: `Bearer token-of-the-${role}`, 'x-request-id': requestId });
    const decided = async (
      who: Readonly<Record<string, string>>,
      method: string,
      url: string,
      by = 'privacy-officer',
    ) => {
      const reply = await as(by).send<Parameters>('POST', '$decide', {
        body: JSON.stringify(asked(who, method, url)),
        headers: { 'content-type': 'application/fhir+json' },
      });
      return reply;
    };

    const ROWS: readonly (readonly [
      who: Readonly<Record<string, string>>,
      method: string,
      url: string,
      allowed: boolean,
      steps: readonly Step[],
    ])[] = [
      [
        { role: 'clinician' },
        'GET',
        'Patient/p',
        true,
        [{ needs: 'Patient.r', reaches: 'all', rules: ['clinician.types[0]'], where: undefined }],
      ],
      [
        { role: 'clinician' },
        'GET',
        'AuditEvent?date=2026',
        false,
        [{ needs: 'AuditEvent.s', reaches: 'none', rules: [], where: undefined }],
      ],
      [
        { role: 'clinician' },
        'DELETE',
        'Patient/p',
        false,
        [{ needs: 'Patient.d', reaches: 'none', rules: [], where: undefined }],
      ],
      [
        { role: 'patient', patient: 'p' },
        'GET',
        'Immunization?patient=Patient/p',
        true,
        [{ needs: 'Immunization.s', reaches: 'some', rules: ['patient.types[0]'], where: 'patient=Patient/p' }],
      ],
      [
        { role: 'clinician', scope: 'user/Observation.rs?category=laboratory', patient: 'p' },
        'GET',
        'Observation/o',
        true,
        [
          {
            needs: 'Observation.r',
            reaches: 'some',
            rules: ['clinician.types[0]', 'user/Observation.rs?category=laboratory'],
            where: 'category=laboratory',
          },
        ],
      ],
      [
        { role: 'clinician', scope: 'user/Observation.rs' },
        'GET',
        'Observation?patient.name=x&_include=Observation:encounter:Encounter',
        false,
        [
          {
            needs: 'Observation.s',
            reaches: 'all',
            rules: ['clinician.types[0]', 'user/Observation.rs'],
            where: undefined,
          },
          { needs: 'Patient.s', reaches: 'none', rules: [], where: undefined },
          { needs: 'Encounter.r', reaches: 'none', rules: [], where: undefined },
        ],
      ],
      [
        { role: 'reader' },
        'PUT',
        'Patient?identifier=x',
        false,
        [
          { needs: 'Patient.u', reaches: 'none', rules: [], where: undefined },
          { needs: 'Patient.s', reaches: 'all', rules: ['reader.types[0]'], where: undefined },
        ],
      ],
      [{ role: 'clinician' }, 'POST', '/', true, []],
      [{ role: 'clinician' }, 'POST', '$purge', false, []],
    ];

    for (const [who, method, url, allowed, steps] of ROWS)
      it(`says of ${JSON.stringify(who)}: ${method} ${url}`, async () => {
        if (url === '$purge') {
          assert.equal(refusal(await decided(who, method, url)).status, 400);
          const told = (await decided(who, method, 'Patient/p/$purge')).body;
          assert.equal(allowedIn(told), false);
          return;
        }
        const { status, body, text } = await decided(who, method, url);
        assert.equal(status, 200, text);
        assert.equal(allowedIn(body), allowed, text);
        assert.deepEqual(stepsOf(body), steps);
      });

    it('agrees with what is done', async () => {
      for (const role of ROLES)
        for (const [method, url] of [
          ['GET', 'Patient/nobody'],
          ['GET', 'AuditEvent?date=2026'],
          ['GET', 'Patient?_has:AuditEvent:patient:action=R'],
          ['GET', '$reindex-status'],
          ['POST', 'Patient/nobody/$purge'],
          ['DELETE', 'Patient/nobody'],
          ['GET', '$decide?role=x&method=GET&url=Patient'],
        ] as const) {
          const told = allowedIn((await decided({ role }, method, url)).body);
          const { status } = await as(role).send(method, url);
          assert.equal(status === 403, !told, `${role}: ${method} ${url} gives ${status}, and is said to be ${told}`);
        }
    });

    it('is for privacy officers and administrators alone, and recorded', async () => {
      for (const [role, status] of [
        ['admin', 200],
        ['administrator', 200],
        ['privacy-officer', 200],
        ['clinician', 403],
        ['patient', 403],
        ['reader', 403],
      ] as const)
        assert.equal((await as(role).get('$decide?role=reader&method=GET&url=Patient')).status, status, role);
      assert.equal((await as('reader', 'asked-why').get('$decide?role=reader&method=GET&url=Patient')).status, 403);
      const found = await as('admin').search<AuditEvent>('AuditEvent?entity:identifier=asked-why');
      assert.equal(found.entry?.[0]?.resource?.outcome, '8');
    });

    it('is no way to find out what there is', async () => {
      assert.equal((await as('admin').update({ resourceType: 'Patient', id: 'there' })).status, 201);
      for (const url of [
        'Patient/there',
        'Patient?_id=there',
        'Patient/there/$everything',
        'Observation?patient.organization:identifier=x|y&patient=there',
      ]) {
        const one = await decided({ role: 'patient', patient: 'p' }, 'GET', url);
        const other = await decided({ role: 'patient', patient: 'p' }, 'GET', url.replace('there', 'gone'));
        assert.equal(one.status, 200, one.text);
        assert.equal(one.text, other.text);
      }
    });

    it('refuses what cannot be asked', async () => {
      for (const [who, method, url] of [
        [{}, 'GET', 'Patient'],
        [{ role: 'reader', user: 'x' }, 'GET', 'Patient'],
        [{ role: 'nosuch' }, 'GET', 'Patient'],
        [{ user: 'somebody' }, 'GET', 'Patient'],
        [{ claims: '{}' }, 'GET', 'Patient'],
        [{ claims: 'x' }, 'GET', 'Patient'],
        [{ role: 'reader', scope: 'patient/Patient.sr' }, 'GET', 'Patient'],
        [{ role: 'reader' }, 'GET', 'Unicorn/1'],
        [{ role: 'reader' }, 'GET', 'https://elsewhere.example.org/Patient'],
        [{ role: 'reader' }, 'GET', 'Patient?colour=red'],
        [{ role: 'reader' }, 'BREW', 'Patient'],
        [{ role: 'reader' }, 'PUT', 'metadata'],
      ] as const)
        assert.equal(refusal(await decided(who, method, url)).status, 400, `${JSON.stringify(who)} ${method} ${url}`);
    });
  },
  { config: { auth: 'token', tokens: TOKENS } },
);

describe('chartroom decide', () => {
  const env = { CHARTROOM_DATA: join(folder, 'data') };
  it('tells the same on the command line, and what is wrong with the question', async () => {
    const told = await many.run(
      [
        'decide',
        '--as',
        'clinician',
        '--scopes',
        'patient/Immunization.rs',
        '--for-patient',
        'p',
        'GET',
        'Immunization',
      ],
      env,
    );
    assert.deepEqual([told.status, told.err], [0, '']);
    assert.match(told.out, /^allowed +yes$/m);
    assert.match(told.out, /^needs +Immunization\.s: some, by clinician\.types\[0\], patient\/Immunization\.rs$/m);
    assert.match(told.out, /^where +patient=Patient\/p$/m);
    const refused = await many.run(['decide', '--as', 'reader', 'DELETE', 'Patient/1'], env);
    assert.match(refused.out, /^reason +This role may not write\.$/m);
    for (const words of [
      ['--as', 'reader', 'GET'],
      ['GET', 'Patient'],
      ['--as', 'nosuch', 'GET', 'Patient'],
    ])
      assert.notEqual((await many.run(['decide', ...words], env)).status, 0, words.join(' '));
  });
});
