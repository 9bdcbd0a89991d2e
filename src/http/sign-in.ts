/**
 * Tells clients where to get tokens, as JSON whatever they accept, and whoever they are:
 * https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html#using-well-known
 */
import type { Engine } from '../interactions/engine.js';
import { smartConfiguration } from '../interactions/smart.js';
import type { Exchange } from './exchange.js';
import { sendOutside } from './outside.js';
import { MethodNotAllowed } from './route.js';

const METHODS = ['GET', 'HEAD', 'OPTIONS'];

/** Undefined where the server believes no issuer, and there is no such address. */
export function signInAnswer(engine: Engine): ((exchange: Exchange) => Promise<void>) | undefined {
  if (engine.issuers.length === 0) return undefined;
  return async exchange => {
    const { method } = exchange.request;
    if (!METHODS.includes(method)) throw new MethodNotAllowed(METHODS);
    if (method === 'OPTIONS') return sendOutside(exchange, { status: 204, headers: { Allow: METHODS.join(', ') } });
    const body = JSON.stringify(await smartConfiguration(engine));
    // What stands in it may be another answer in a minute, and is a secret of nobody.
    const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'max-age=60' };
    sendOutside(exchange, { headers, body });
  };
}
