/**
 * User-access brands: what patients see of a house where an app asks them to which they go. The settings name a file of the operator's; it is served
 * as it is, to anybody, and the SMART configuration says where.
 * https://hl7.org/fhir/smart-app-launch/STU2.2/brands.html
 */
import { hash } from 'node:crypto';
import { readSettingsFile } from '../fhir/json/settings-file.js';
import { isObject, type Json, type JsonObject } from '../fhir/resource.js';
import type { OwnedRoute } from '../interactions/engine.js';
import { BRANDS_ADDRESS } from '../interactions/smart.js';
import { type Config, ConfigError } from '../platform/config.js';

const DEPTH = 30;
const MOST_BYTES = 16 * 1024 * 1024;

/** Empty: the settings name none. Throws ConfigError. */
export function brandRoutes({ brands }: Pick<Config, 'brands'>): readonly OwnedRoute[] {
  if (brands === '') return [];
  const bundle = readSettingsFile(brands, 'The file of CHARTROOM_BRANDS', DEPTH);
  const fault = isObject(bundle) ? faultOfBrands(bundle) : 'it is no Bundle';
  if (fault !== undefined) throw new ConfigError(`The file of CHARTROOM_BRANDS, ${brands}: ${fault}.`);
  const body = JSON.stringify(bundle);
  if (Buffer.byteLength(body) > MOST_BYTES)
    throw new ConfigError(`The file of CHARTROOM_BRANDS, ${brands}, has more than 16 MB.`);
  const tag = `W/"${hash('sha256', body, 'base64url').slice(0, 22)}"`;
  const headers = { ETag: tag, 'Cache-Control': 'max-age=3600', 'Access-Control-Allow-Origin': '*' };
  return [
    {
      owner: 'brands',
      route: {
        path: BRANDS_ADDRESS,
        methods: ['GET'],
        who: 'anybody',
        recorded: 'as-performed',
        logged: 'failures',
        headers: { 'Content-Type': 'application/json', ...headers },
        answer: ({ header }) => (namesTag(header('if-none-match'), tag) ? { status: 304 } : { body }),
      },
    },
  ];
}

const namesTag = (given: string | undefined, tag: string): boolean =>
  given !== undefined &&
  given.split(',').some(each => each.trim() === '*' || each.trim().replace(/^W\//, '') === tag.slice(2));

/** What the profiles of brands and endpoints want and apps go by. */
function faultOfBrands({ resourceType, type, timestamp, entry }: JsonObject): string | undefined {
  if (resourceType !== 'Bundle' || type !== 'collection') return 'it is no Bundle of the type collection';
  if (typeof timestamp !== 'string') return 'Bundle.timestamp is missing: when its content changed last';
  const entries = Array.isArray(entry) ? entry : [];
  const faults = entries.map((each, i) => {
    const fault = isObject(each) && isObject(each['resource']) ? faultOfEntry(each['resource']) : 'it has no resource';
    return fault === undefined ? undefined : `Bundle.entry[${i}]: ${fault}`;
  });
  return entries.length === 0 ? 'it has no entry' : faults.find(each => each !== undefined);
}

function faultOfEntry({ resourceType, name, telecom, status, address }: JsonObject): string | undefined {
  if (resourceType === 'Organization') {
    if (typeof name !== 'string') return 'a brand needs Organization.name';
    const urls = (Array.isArray(telecom) ? telecom : []).filter(each => isObject(each) && each['system'] === 'url');
    return urls.length === 1 ? undefined : 'a brand needs one Organization.telecom with the system url';
  }
  if (resourceType !== 'Endpoint') return 'brands are Organizations and Endpoints';
  if (typeof status !== 'string') return 'an endpoint needs Endpoint.status';
  return isUrl(address) ? undefined : 'an endpoint needs Endpoint.address, the URL of a FHIR base';
}

const isUrl = (given: Json | undefined): boolean => typeof given === 'string' && URL.canParse(given);
