/**
 * What a package says of itself: `package/package.json`. https://confluence.hl7.org/display/FHIR/NPM+Package+Specification
 * It is hostile until it is read here.
 */
import { ConfigError } from '../platform/config.js';
import { BROUGHT_ALONG, type GuideName, isGuideName, isPinned } from './guide-name.js';
import { isObject, itemsOf, type Json } from './resource.js';

export interface GuideManifest extends GuideName {
  readonly title: string | undefined;
  readonly canonical: string | undefined;
  /** By name, the version or pattern that is wanted; without what this server brings along. */
  readonly dependencies: Readonly<Record<string, string>>;
}

const MOST_DEPENDENCIES = 200;
const LONGEST = 300;

/** `from`: the file, for messages. Throws ConfigError where it is no guide for R4. */
export function readManifest(from: string, bytes: Buffer): GuideManifest {
  let parsed: Json | undefined;
  try {
    parsed = JSON.parse(bytes.toString('utf8')) as Json;
  } catch (cause) {
    throw new ConfigError(`${from}: package/package.json is not JSON.`, { cause });
  }
  const { name, version, title, canonical, dependencies, fhirVersions, ...rest } = isObject(parsed) ? parsed : {};
  if (!isGuideName(name) || !isPinned(version))
    throw new ConfigError(`${from}: package/package.json names no package and version that could be kept.`);
  if (BROUGHT_ALONG.has(name)) throw new ConfigError(`${name} is what this server is made from: it is there already.`);
  const versions = itemsOf(fhirVersions ?? rest['fhir-version-list'] ?? []);
  if (versions.length > 0 && !versions.some(each => typeof each === 'string' && /^4\.0(?:\.|$)/.test(each)))
    throw new ConfigError(`${name} ${version} is not for R4 (4.0).`);
  return {
    ...{ name, version },
    title: shortText(title),
    canonical: shortText(canonical),
    dependencies: readDependencies(from, dependencies),
  };
}

const shortText = (value: Json | undefined): string | undefined =>
  typeof value === 'string' && value !== '' && value.length <= LONGEST ? value : undefined;

function readDependencies(from: string, given: Json | undefined): Record<string, string> {
  const all = Object.entries(isObject(given) ? given : {}).filter(([name]) => !BROUGHT_ALONG.has(name));
  if (all.length > MOST_DEPENDENCIES)
    throw new ConfigError(`${from} depends on more than ${MOST_DEPENDENCIES} others.`);
  return Object.fromEntries(
    all.map(([name, version]) => {
      if (!isGuideName(name) || typeof version !== 'string' || version.length > 100)
        throw new ConfigError(`${from}: package/package.json names a dependency that cannot be understood.`);
      return [name, version];
    }),
  );
}
