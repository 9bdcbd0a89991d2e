/**
 * Public keys of applications that keep them at an address of their own (`jwks_uri`): https, or this machine, of a host that the settings
 * list, and never a private address that its name leads to. https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html#registering-a-client-communicating-public-keys
 *
 * They are fetched as keys of issuers are (../fetched.ts). Where they cannot be had there are none: who asks is refused.
 */
import { FhirError } from '../../fhir/error.js';
import { isObject, type JsonObject } from '../../fhir/resource.js';
import type { OutgoingClients } from '../../outgoing/outgoing.js';
import type { Outgoing } from '../../outgoing/client.js';
import { ConfigError } from '../../platform/config.js';
import { FetchedValue, MOST_KEYS, ONE_FETCH } from '../fetched.js';
import { objectIn } from '../issuer.js';
import { isPublicKey } from './applications.js';

/** Addresses whose keys are kept; the one that was not asked for longest goes. */
const MOST_PLACES = 1000;

export interface ClientKeys {
  /** Keys at an address; looked up again where `kid` is none of them. Empty: there are none, or they cannot be had. */
  of(place: string, kid: string | undefined): Promise<readonly JsonObject[]>;
  /** Throws where the address would not be asked. */
  check(place: string): void;
}

/** `hosts`: lines of docs/outgoing.md. Throws ConfigError for one that may not be asked. */
export function createClientKeys(
  hosts: readonly string[],
  outgoing: Pick<OutgoingClients, 'open'>,
  now: () => number = () => performance.now(),
): ClientKeys {
  const client = openClient(hosts, outgoing);
  const places = new Map<string, FetchedValue<readonly JsonObject[]>>();
  const fetchedOf = (place: string): FetchedValue<readonly JsonObject[]> => {
    const fetched = places.get(place) ?? new FetchedValue(now, () => fetchKeys(client, place), away);
    places.delete(place);
    places.set(place, fetched);
    if (places.size > MOST_PLACES) places.delete(places.keys().next().value!);
    return fetched;
  };
  return {
    async of(place, kid) {
      const fetched = fetchedOf(place);
      try {
        const keys = await fetched.get();
        if (kid === undefined || keys.some(key => key['kid'] === kid) || !(await fetched.again())) return keys;
        return await fetched.get();
      } catch {
        return [];
      }
    },
    check: place => client.check(place),
  };
}

async function fetchKeys(client: Outgoing, place: string): Promise<readonly JsonObject[]> {
  const { status, body } = await client.ask(place, { headers: { accept: 'application/json' } });
  const { keys } = (status === 200 ? objectIn(body) : undefined) ?? {};
  if (!Array.isArray(keys) || keys.length > MOST_KEYS) throw away('they cannot be read');
  return keys.filter(isObject).filter(isPublicKey);
}

const away = (cause: string): FhirError =>
  new FhirError('unavailable', `The keys of an application cannot be had: ${cause}.`, { detail: 'client-keys-away' });

function openClient(hosts: readonly string[], outgoing: Pick<OutgoingClients, 'open'>): Outgoing {
  try {
    return outgoing.open('keys of applications', { hosts, ...ONE_FETCH });
  } catch (error) {
    throw new ConfigError(`CHARTROOM_CLIENT_KEY_HOSTS, ${(error as Error).message}.`);
  }
}
