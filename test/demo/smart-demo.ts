/**
 * A server that is its own authorization server, with two users, a few patients, two apps and a page that launches them, on this machine alone and
 * until it ends. Passwords and tokens are made for it; nothing of it is kept.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServer } from '../support/server.js';
import { appPage, clientLibrary, type DemoApp, demoPage, type DemoUser, launchPage } from './apps.js';

export interface SmartDemo {
  /** The page that launches the apps. */
  readonly page: string;
  readonly base: string;
  readonly users: readonly DemoUser[];
  stop(): Promise<void>;
}

const PATIENTS = [
  ['demo-1', 'Amara Okafor', '1984-05-12'],
  ['demo-2', 'Jonas Lindqvist', '1951-11-03'],
  ['demo-3', 'Mei Tanaka', '2016-02-29'],
] as const;
const newWord = (): string => randomBytes(9).toString('base64url');

export async function startSmartDemo(): Promise<SmartDemo> {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-demo-'));
  const file = (name: string, content: unknown): string => {
    writeFileSync(join(folder, name), JSON.stringify(content), { mode: 0o600 });
    return join(folder, name);
  };
  const pages = createServer();
  pages.listen(0, '127.0.0.1');
  await once(pages, 'listening');
  const origin = `http://localhost:${(pages.address() as AddressInfo).port}`;
  const token = randomBytes(24).toString('base64url');
  const config = {
    ...{ auth: 'smart', corsOrigins: origin },
    tokens: file('tokens.json', [{ token, name: 'ehr', role: 'admin' }]),
    clients: file('clients.json', [
      { client_id: 'standalone', client_name: 'Growth chart', redirect_uris: [`${origin}/standalone/`] },
      { client_id: 'in-ehr', client_name: 'Risk calculator', redirect_uris: [`${origin}/in-ehr/`] },
    ]),
  };
  const server = await startServer({ store: 'embedded', config });
  const { base } = server;
  const users = [
    {
      name: 'doctor',
      password: newWord(),
      about: 'a clinician: sees all patients',
      more: { role: 'clinician', fhirUser: 'Practitioner/doctor' },
    },
    {
      name: 'amara',
      password: newWord(),
      about: 'a patient: sees herself',
      more: { role: 'patient', patient: 'demo-1', fhirUser: 'Patient/demo-1' },
    },
  ];
  for (const { name, password, more } of users)
    await server.engine.authorization!.users.add({ name, password, ...more });
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/fhir+json' };
  const send = (path: string, init: object): Promise<Response> => fetch(path, { headers, ...init });
  for (const resource of demoResources()) {
    const { status } = await send(`${base}/${resource.resourceType}/${resource.id}`, {
      method: 'PUT',
      body: JSON.stringify(resource),
    });
    if (status >= 300) throw new Error(`The demo data are refused: ${status}.`);
  }
  const launch = async (patient: string): Promise<string> => {
    const body = JSON.stringify({ patient, encounter: `visit-of-${patient}`, need_patient_banner: false });
    const answer = await send(`${base.replace(/\/fhir$/, '/auth')}/launch`, { method: 'POST', body });
    const { iss, launch: handle } = (await answer.json()) as { iss: string; launch: string };
    return `${origin}/in-ehr/launch.html?${new URLSearchParams({ iss, launch: handle }).toString()}`;
  };
  const answer = createPages({ base, users, launch });
  pages.on('request', (request: IncomingMessage, response: ServerResponse) => {
    // The page has passwords: whoever has bound another name to this machine does not see it.
    if (request.headers.host !== new URL(origin).host) return void response.writeHead(421).end();
    answer(request, response).catch(() => response.writeHead(500).end());
  });
  return {
    ...{ base, users, page: `${origin}/` },
    async stop() {
      pages.close();
      pages.closeAllConnections();
      server.engine.authorization?.stop();
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const demoResources = (): readonly { readonly resourceType: string; readonly id: string }[] => [
  { resourceType: 'Practitioner', id: 'doctor', ...{ name: [{ text: 'Dr. Demo' }] } },
  ...PATIENTS.flatMap(([id, text, birthDate], i) => [
    { ...{ resourceType: 'Patient', id }, ...{ name: [{ text }], birthDate } },
    {
      ...{
        resourceType: 'Encounter',
        id: `visit-of-${id}`,
        status: 'finished',
        subject: { reference: `Patient/${id}` },
      },
      ...{ class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB', display: 'ambulatory' } },
      period: { start: `2026-0${i + 1}-10T09:30:00Z` },
    },
    {
      ...{
        resourceType: 'Observation',
        id: `weight-of-${id}`,
        status: 'final',
        subject: { reference: `Patient/${id}` },
      },
      category: [
        { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }] },
      ],
      code: { coding: [{ system: 'http://loinc.org', code: '29463-7' }], text: 'Body weight' },
      ...{
        effectiveDateTime: '2026-01-10',
        valueQuantity: { value: 60 + i, unit: 'kg', system: 'http://unitsofmeasure.org', code: 'kg' },
      },
    },
  ]),
];

interface DemoPages {
  readonly base: string;
  readonly users: readonly DemoUser[];
  /** Where the app is launched for a patient. */
  readonly launch: (patient: string) => Promise<string>;
}

function createPages({ base, users, launch }: DemoPages) {
  const common = 'openid fhirUser patient/Patient.rs patient/Observation.rs';
  const apps: Readonly<Record<string, DemoApp>> = {
    standalone: {
      name: 'Growth chart',
      client: 'standalone',
      scope: `${common} launch/patient launch/encounter offline_access`,
      iss: base,
    },
    'in-ehr': { name: 'Risk calculator', client: 'in-ehr', scope: `${common} launch` },
  };
  return async ({ url = '/', method }: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname, searchParams } = new URL(url, 'http://here');
    const [, name = '', page] = pathname.split('/');
    const app = Object.hasOwn(apps, name) ? apps[name] : undefined;
    if (pathname === '/fhir-client.js')
      return void response.setHeader('Content-Type', 'text/javascript').end(clientLibrary());
    if (pathname === '/ehr' && method === 'GET')
      return void response.writeHead(303, { Location: await launch(searchParams.get('patient') ?? '') }).end();
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    if (app) return void response.end(page === 'launch.html' ? launchPage(app) : appPage(app));
    if (pathname === '/')
      return void response.end(
        demoPage(
          users,
          PATIENTS.map(([id, text]) => ({ id, text })),
        ),
      );
    response.writeHead(404).end();
  };
}
