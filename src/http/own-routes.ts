/** The addresses outside FHIR that every server has: a page for people, probes, metrics, and what browsers ask for on their own. */
import { asFhirError } from '../fhir/error.js';
import type { Engine, OutsideAnswer, OutsideRoute, OwnedRoute } from '../interactions/engine.js';
import { SYSLOG_SEARCH, searchSyslog } from '../interactions/search/syslog-search.js';
import type { OwnAddress } from '../interactions/feature.js';
import { CONSOLE_ADDRESS, consoleRoutes } from './console.js';
import { OPENAPI_ROUTE } from './openapi.js';

const PUBLIC = { methods: ['GET'], who: 'anybody', recorded: 'as-performed' } as const;
/** Probes come under whatever name the machine has, and learn nothing but that it lives. */
const PROBE = { ...PUBLIC, anyHost: true, logged: 'never', patience: Infinity } as const;

const jsonAnswer = (status: number, body: object, headers: Readonly<Record<string, string>> = {}): OutsideAnswer => ({
  status,
  headers: { 'Content-Type': 'application/json; charset=utf-8', ...headers },
  body: JSON.stringify(body),
});

/** Below /fhir, and no interaction of FHIR's. */
export const fhirRoutes = ({ settings }: Engine): readonly OwnedRoute[] => [
  {
    owner: 'chartroom',
    route: {
      ...{ path: `/fhir/${SYSLOG_SEARCH}`, methods: ['GET'], who: 'known', recorded: 'as-performed' },
      patience: settings.queryTimeout + 5000,
      answer: ({ caller, parameters }) => {
        const asked = parameters();
        const query = new URLSearchParams(asked.map(([name, value]): [string, string] => [name, value]));
        return searchSyslog({ ...caller, request: `${caller.request}?${query.toString()}` }, asked);
      },
    },
  },
];

/** A person with a browser: programs and probes accept anything, or something else. */
const wantsPage = (accept = ''): boolean => accept.includes('text/html');
const TO_CONSOLE: OutsideAnswer = { status: 303, headers: { Location: `${CONSOLE_ADDRESS}/` } };

/** `page`: what a person sees who has no console; `sum`: the numbers of all processes that serve here. */
export function ownRoutes(engine: Engine, page: OutsideAnswer, sum?: () => Promise<string>): readonly OwnedRoute[] {
  const { ledger, metrics, settings, store, forwarder } = engine;
  const { registry } = metrics;
  const ofConsole = consoleRoutes(engine);
  const routes: (OutsideRoute & { readonly path: OwnAddress })[] = [
    {
      ...PUBLIC,
      path: '/',
      logged: 'failures',
      answer: ({ header }) => (ofConsole && wantsPage(header('Accept')) ? TO_CONSOLE : page),
    },
    { ...PROBE, path: '/healthz', answer: () => jsonAnswer(200, { status: 'up' }) },
    {
      ...PROBE,
      path: '/readyz',
      async answer() {
        try {
          await store.ping();
          const anchors = Object.fromEntries(ledger.keepers.map(({ way, state }) => [way, state]));
          return jsonAnswer(200, {
            status: 'ready',
            ...(forwarder ? { syslog: forwarder.state } : {}),
            ...(ledger.keepers.length > 0 ? { anchors } : {}),
          });
        } catch (error) {
          const { message: reason } = asFhirError(error);
          return jsonAnswer(503, { status: 'the store is away', reason }, { 'Retry-After': '2' });
        }
      },
    },
    {
      ...PUBLIC,
      path: '/favicon.ico',
      logged: 'never',
      answer: () => ({ status: 204, headers: { 'Cache-Control': 'max-age=86400' } }),
    },
    {
      ...PUBLIC,
      path: '/robots.txt',
      logged: 'never',
      headers: { 'Content-Type': 'text/plain; charset=utf-8' },
      answer: () => ({ body: 'User-agent: *\nDisallow: /\n' }),
    },
  ];
  routes.push({
    ...PUBLIC,
    path: '/.well-known/chartroom-audit-keys',
    logged: 'failures',
    headers: { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-cache' },
    answer: async () => ({ body: (await ledger.keyTexts()).map(text => `${text}\n`).join('') }),
  });
  routes.push(OPENAPI_ROUTE);
  if (settings.metrics !== 'off')
    routes.push({
      ...PUBLIC,
      path: '/metrics',
      who: settings.metrics === 'loopback' ? 'this-machine' : 'anybody',
      logged: 'failures',
      headers: { 'Content-Type': registry.contentType },
      answer: async () => ({ body: await (sum ? sum() : registry.metrics()) }),
    });
  return [...routes, ...(ofConsole ?? [])].map(route => ({ owner: 'chartroom', route }));
}
