/**
 * Names of guides: `hl7.fhir.us.core@6.1.0`, a package and its version. They become names of files, so nothing else may stand in them.
 * https://confluence.hl7.org/display/FHIR/NPM+Package+Specification
 */
import { ConfigError } from '../platform/config.js';
import { isPattern } from './business-version.js';

export interface GuideName {
  readonly name: string;
  readonly version: string;
}

const NAME = /^[a-z0-9](?:[a-z0-9_-]|\.(?!\.)){0,126}[a-z0-9]$/i;
const PINNED = /^[0-9a-z](?:[0-9a-z+_-]|\.(?!\.)){0,63}$/i;

/** Versions that mean another package tomorrow. */
const MOVING: ReadonlySet<string> = new Set(['current', 'latest', 'dev']);

/** What R4 itself is; this server brings it along. */
export const BROUGHT_ALONG: ReadonlySet<string> = new Set(['hl7.fhir.r4.core', 'hl7.fhir.core']);

export const isGuideName = (name: unknown): name is string => typeof name === 'string' && NAME.test(name);

/** Whether it names one version: neither a pattern nor one that moves. */
export const isPinned = (version: unknown): version is string =>
  typeof version === 'string' && PINNED.test(version) && !isPattern(version) && !isMoving(version);

/** `current`, `current$branch`, `latest`, `dev`. */
export const isMoving = (version: string): boolean => MOVING.has(version.split('$', 1)[0]!);

export const fullName = ({ name, version }: GuideName): string => `${name}@${version}`;

/** `name`, `name@version` or `name#version`. Throws ConfigError where it is none, or where its version is none that stays. */
export function parseGuideName(text: string): { readonly name: string; readonly version: string | undefined } {
  const [, name, version] = /^([^@#]+)(?:[@#](.*))?$/s.exec(text) ?? [];
  if (!isGuideName(name))
    throw new ConfigError(`${JSON.stringify(text.slice(0, 200))} is no file, no folder and no name of a package.`);
  if (version === undefined) return { name, version };
  if (isMoving(version))
    throw new ConfigError(`${name}: ${version.slice(0, 64)} is another package tomorrow. Name a version that stays.`);
  if (!isPinned(version)) throw new ConfigError(`${name}: the version must be a whole one, as in ${name}@1.0.0.`);
  return { name, version };
}
