/**
 * The console: a client of this server in a browser (src/web), made by build/web.ts. What is served here is the same for everybody and tells nothing
 * of anybody: the page has no data, and asks for all of it by FHIR like any other client. It may run its own script and talk to this server, and
 * nothing else: https://www.w3.org/TR/CSP3/. Names have a hash of what is in a file, so that it may be kept for ever
 * (https://www.rfc-editor.org/rfc/rfc8246), the page never.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FhirError } from '../fhir/error.js';
import type { Engine, OutsideAnswer, OutsideCall, OutsideRoute } from '../interactions/engine.js';
import { htmlText } from '../platform/html.js';
import { takesCoding } from './presentation.js';

/** Where the build puts it. */
const FOLDER = fileURLToPath(new URL('../../web/', import.meta.url));

export const CONSOLE_ADDRESS = '/console';

const POLICY = [
  ...["default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' blob:", "connect-src 'self'"],
  ...["font-src 'self'", "worker-src 'self'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"],
].join('; ');

const PAGE_HEADERS = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': POLICY,
  'Permissions-Policy': 'camera=(), microphone=(), geolocation=(), payment=(), usb=()',
} as const;

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
};

/** Content codings that the build has made, the best first, with the ends of their files. */
const CODINGS = [
  ['br', '.br'],
  ['gzip', '.gz'],
] as const;

/** What a role must be allowed for a screen to be of use: the console leaves out the others. The server decides each request all the same. */
const SCREENS: Readonly<Record<string, Parameters<Engine['decide']>[1]>> = {
  today: { type: 'Task', needs: 's' },
  patients: { type: 'Patient', needs: 's' },
  // Pages of that screen.
  'register-patient': { type: 'Patient', needs: 'c' },
  'edit-patient': { type: 'Patient', needs: 'u' },
  intake: { operation: 'intake' },
  release: { operation: 'check-authorization' },
  audit: { operation: 'what-did' },
  // Who saw the record of one patient.
  'who-saw': { operation: 'who-saw' },
  privacy: { operation: 'denials' },
  administration: { operation: 'reindex-status' },
  explorer: {},
};

/** Undefined: it is switched off, or was not built. */
export function consoleRoutes(engine: Engine, folder = FOLDER): readonly OutsideRoute[] | undefined {
  const index = join(folder, 'index.html');
  if (engine.settings.console === 'off' || !existsSync(index)) return undefined;
  const template = readFileSync(index, 'utf8');
  let made: OutsideAnswer | undefined;
  // What each role may is asked when somebody comes: a start waits for none of it.
  const page = (): OutsideAnswer => (made ??= consolePage(engine, template));
  const file = filesOf(folder);
  const common = { methods: ['GET'], who: 'anybody', recorded: 'as-performed', logged: 'failures' } as const;
  const routes: OutsideRoute[] = [
    { ...common, path: CONSOLE_ADDRESS, answer: page },
    { ...common, path: `${CONSOLE_ADDRESS}/{file}`, answer: call => (isFile(call) ? file(call) : page()) },
  ];
  // Addresses of screens, as deep as they go: the page itself says which there are.
  for (let path = `${CONSOLE_ADDRESS}/{one}`, deep = 2; deep <= 5; deep++) {
    path = `${path}/{step${deep}}`;
    routes.push({ ...common, path: path as `/${string}`, answer: page });
  }
  return routes;
}

const isFile = ({ path }: OutsideCall): boolean => path['file']!.includes('.');

function consolePage({ settings, roles, decide, definitions }: Engine, template: string): OutsideAnswer {
  const { authentication, base, software } = settings;
  // A patient is known for whom an app is launched, in whichever role that is.
  const allowed = (role: string): string[] =>
    Object.entries(SCREENS).flatMap(([name, ask]) => (decide({ role, patient: 'anybody' }, ask).allow ? [name] : []));
  const server = {
    ...{ authentication, base, name: software.name, version: software.version, fhirVersion: definitions.version },
    screens: Object.fromEntries(roles.map(role => [role, allowed(role)])),
  };
  const body = template.replace('{{server}}', () => htmlText(JSON.stringify(server)));
  return { headers: PAGE_HEADERS, body: Buffer.from(body) };
}

/** Answers with a file of the folder as it was when the server started. Bytes are kept from the first request on. */
function filesOf(folder: string): (call: OutsideCall) => OutsideAnswer {
  const names = new Set(readdirSync(folder));
  const kept = new Map<string, Buffer>();
  const bytesOf = (name: string): Buffer => {
    const bytes = kept.get(name) ?? readFileSync(join(folder, name));
    kept.set(name, bytes);
    return bytes;
  };
  return ({ path, header }) => {
    const name = path['file']!;
    const type = MEDIA_TYPES[extname(name)];
    if (type === undefined || !names.has(name)) throw new FhirError('not-found', 'The console has no such file.');
    const coding = CODINGS.find(([word, end]) => names.has(name + end) && takesCoding(header('Accept-Encoding'), word));
    const isHashed = /-[A-Z0-9]{8}\.\w+$/.test(name);
    return {
      headers: {
        'Content-Type': type,
        'Cache-Control': isHashed ? 'public, max-age=31536000, immutable' : 'no-cache',
        Vary: 'Accept-Encoding',
        'Content-Security-Policy': POLICY,
        ...(coding ? { 'Content-Encoding': coding[0] } : {}),
      },
      body: bytesOf(name + (coding?.[1] ?? '')),
    };
  };
}
