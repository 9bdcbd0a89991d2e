/**
 * Fetches FHIR packages from a registry: one GET for what it says of a package, one for the package itself, held to its size, and compared
 * with the hash that the registry gives. https://confluence.hl7.org/display/FHIR/FHIR+Package+Registry+User+Documentation
 *
 * Only the host that the setting names is asked: neither a redirect nor an address in an answer leads elsewhere. Where the answer names
 * another host for a package, it is asked for at its own address in the registry, `[base]/[name]/[version]`.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { open } from 'node:fs/promises';
import { FhirError } from '../fhir/error.js';
import type { PackageRegistry } from '../fhir/guide-install.js';
import { fullName, type GuideName } from '../fhir/guide-name.js';
import { PACKAGE_LIMITS } from '../fhir/package.js';
import { isObject, type Json, type JsonObject } from '../fhir/resource.js';
import { ConfigError } from '../platform/config.js';
import type { Outgoing } from './client.js';
import type { OutgoingClients } from './outgoing.js';
import { outgoingCode } from './trouble.js';

/** ms for a whole package. */
const WHOLE = 120_000;
/** A registry inside is as good as one of the internet: its address stands in a setting. */
export const INNER_NETWORKS: readonly string[] = [
  ...['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'],
  // Unique local addresses, in networks as narrow as the list wants them.
  ...Array.from({ length: 256 }, (_, at) => `fd${at.toString(16).padStart(2, '0')}::/16`),
];
/** What a registry says of a package with all its versions. */
const LARGEST_LISTING = 16 * 1024 * 1024;

/** `whole`: ms for one answer. Throws ConfigError where the address is none that may be asked. */
export function openRegistry(clients: OutgoingClients, address: string, whole: number = WHOLE): PackageRegistry {
  const { listings, packages } = openClients(clients, address, whole);
  const base = address.replace(/\/+$/, '');
  const listing = async (name: string): Promise<JsonObject> => {
    const { status, body } = await listings.ask(`${base}/${encodeURIComponent(name)}`);
    if (status === 404) throw new FhirError('not-found', `The registry does not know ${name}.`);
    const parsed = status === 200 ? parse(body) : undefined;
    if (!isObject(parsed) || !isObject(parsed['versions'])) throw notUnderstood(name);
    return parsed['versions'];
  };
  return {
    versions: async name => Object.keys(await listing(name).catch(inWords)),
    async download(guide, to) {
      const versions = await listing(guide.name).catch(inWords);
      const told = Object.hasOwn(versions, guide.version) ? versions[guide.version] : undefined;
      if (!isObject(told)) throw new FhirError('not-found', `The registry does not know ${fullName(guide)}.`);
      const dist = isObject(told['dist']) ? told['dist'] : {};
      const named = dist['tarball'];
      const isHere = typeof named === 'string' && URL.canParse(named) && new URL(named).origin === new URL(base).origin;
      await fetchPackage(packages, guide, isHere ? named : `${base}/${guide.name}/${guide.version}`, dist, to).catch(
        inWords,
      );
    },
  };
}

function openClients(clients: OutgoingClients, address: string, whole: number) {
  const wrong = (cause?: unknown) =>
    new ConfigError(
      'CHARTROOM_REGISTRY must be `off` or an https address without query; http only for a registry on this machine.',
      { cause },
    );
  if (!URL.canParse(address)) throw wrong();
  const { protocol, host, search, hash, username, password } = new URL(address);
  if (search !== '' || hash !== '' || username !== '' || password !== '') throw wrong();
  try {
    const line = protocol === 'https:' ? host : `${protocol}//${host}`;
    const policy = { hosts: [line], networks: INNER_NETWORKS, whole };
    return {
      listings: clients.open('guides', { ...policy, maxBytes: LARGEST_LISTING }),
      packages: clients.open('guides', { ...policy, maxBytes: PACKAGE_LIMITS.file }),
    };
  } catch (error) {
    throw wrong(error);
  }
}

async function fetchPackage(
  client: Outgoing,
  guide: GuideName,
  from: string,
  dist: JsonObject,
  to: string,
): Promise<void> {
  const sums = expectedSums(dist);
  const hashes = sums.map(({ algorithm }) => createHash(algorithm));
  // It is open before anything can go wrong, so that whoever takes it away then finds it.
  const file = await open(to, 'w', 0o600);
  try {
    await client.read(from, {}, async ({ status, body }) => {
      if (status !== 200) throw new FhirError('not-found', `The registry does not give ${fullName(guide)}.`);
      for await (const part of body) {
        for (const hash of hashes) hash.update(part);
        await file.writeFile(part);
      }
    });
  } catch (error) {
    if (outgoingCode(error) === 'outgoing-redirect')
      throw new FhirError(
        'unprocessable',
        `The registry sends elsewhere for ${fullName(guide)}. Fetch the file yourself, and add that.`,
      );
    throw error;
  } finally {
    await file.close();
  }
  const isRight = sums.every(({ digest }, at) => {
    const own = hashes[at]!.digest();
    return own.length === digest.length && timingSafeEqual(own, digest);
  });
  if (!isRight)
    throw new FhirError('unprocessable', `${fullName(guide)} came with other bytes than the registry says it has.`);
}

/** Of npm: `shasum` is SHA-1 in hexadecimal, `integrity` names its algorithm. https://www.w3.org/TR/SRI/ */
function expectedSums({ shasum, integrity }: JsonObject): { algorithm: string; digest: Buffer }[] {
  const [, algorithm, encoded] =
    /^(sha(?:256|384|512))-([A-Za-z0-9+/=]+)$/.exec(typeof integrity === 'string' ? integrity : '') ?? [];
  return [
    ...(typeof shasum === 'string' && shasum !== '' ? [{ algorithm: 'sha1', digest: Buffer.from(shasum, 'hex') }] : []),
    ...(algorithm !== undefined && encoded !== undefined
      ? [{ algorithm, digest: Buffer.from(encoded, 'base64') }]
      : []),
  ];
}

function parse(body: Buffer): Json | undefined {
  try {
    return JSON.parse(body.toString('utf8')) as Json;
  } catch {
    return undefined;
  }
}

/** Throws it with the registry named: "the other server" is nobody that whoever asks has heard of. */
function inWords(error: unknown): never {
  const code = outgoingCode(error);
  if (code === undefined || !(error instanceof FhirError)) throw error;
  throw new FhirError(error.kind, `The registry cannot be used. ${error.message}`, { detail: code, cause: error });
}

const notUnderstood = (name: string): FhirError =>
  new FhirError('unavailable', `What the registry says of ${name} cannot be understood.`);
