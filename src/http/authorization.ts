/** Requests below /auth, where apps ask for tokens: they are answered elsewhere, within the same house. */
import { finished } from 'node:stream/promises';
import type { AuthorizationServer } from '../identity/server/index.js';
import type { Exchange, House } from './exchange.js';
import { identifying } from './fhir.js';

/** Forms of our pages; what others send there may come from anywhere. */
const OUR_FORMS = /^\/(?:ask\/|setup$|account$)/;

export async function authorizationAnswer(
  { engine, guard, addressOf }: House,
  server: AuthorizationServer,
  { request, response, path }: Exchange,
): Promise<void> {
  const foreign = OUR_FORMS.test(path) ? guard.foreign(request) : undefined;
  if (foreign) throw foreign;
  // Apps in browsers ask for tokens and keys from their own origins.
  response.setHeader('Cross-Origin-Resource-Policy', 'cross-origin');
  const ended = finished(response).catch(() => {});
  const ground = { identifying: identifying(request, addressOf(request)), identify: engine.identify };
  await server.answer(request, response, ground);
  await ended;
}
