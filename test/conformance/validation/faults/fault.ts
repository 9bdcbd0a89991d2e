/**
 * Faults as data: a resource that is right, one change that breaks one rule, and the issues that then must be found. A suite (faults.test.ts)
 * checks them as $validate does; another (test/oracle/faults.test.ts) asks HL7's validator whether it agrees.
 */
import { isObject, type Json, type JsonObject, type Resource } from '../../../../src/fhir/resource.js';
import { readArchive, shared } from '../../../support/shared.js';

/** The value of an element that is taken away. */
export const GONE = undefined;

/** Elements by their place (`name[0].family`), with their new values. */
export type Change = Readonly<Record<string, Json | undefined>>;

/**
 * The rule that is broken, how, and every error that must be found, as `detail expression` (`profile-min Patient.name`). Where what is found is no
 * error, its severity stands before it (`warning binding-extensible Patient.address[0].state`).
 */
export type Fault = readonly [rule: string, change: Change, ...expected: readonly string[]];

export interface FaultGroup {
  /** What the resource is, in words; unique. */
  readonly name: string;
  /** A new copy at each call; undefined where the package that it is of is missing. */
  readonly base: () => Resource | undefined;
  readonly faults: readonly Fault[];
}

export const group = (name: string, base: () => JsonObject | undefined, faults: readonly Fault[]): FaultGroup => ({
  name,
  base: () => base() as Resource | undefined,
  faults,
});

/** A copy of a resource with a change. */
export function changed(resource: Resource, change: Change): Resource {
  const copy = structuredClone(resource);
  for (const [place, value] of Object.entries(change)) set(copy, place.split(/[.[]/), value);
  return copy;
}

function set(root: JsonObject, steps: readonly string[], value: Json | undefined): void {
  const keys = steps.map(step => (step.endsWith(']') ? Number(step.slice(0, -1)) : step));
  let holder: Json = root;
  for (const [at, key] of keys.slice(0, -1).entries()) {
    holder[key as never] ??= (typeof keys[at + 1] === 'number' ? [] : {}) as never;
    holder = holder[key as never] as Json as JsonObject;
  }
  const last = keys.at(-1)!;
  if (value !== GONE) holder[last as never] = value as never;
  else if (Array.isArray(holder)) holder.splice(last as number, 1);
  else if (isObject(holder)) delete holder[last];
}

const archives = new Map<string, ReadonlyMap<string, string> | undefined>();

/** The examples of a package by their file names. */
function examplesOf(name: string): ReadonlyMap<string, string> | undefined {
  if (archives.has(name)) return archives.get(name);
  const file = shared('data', 'ig-packages', `${name}.tgz`);
  const found =
    file === undefined
      ? undefined
      : new Map(
          [...readArchive(file)]
            .filter(entry => entry.name.startsWith('package/example/'))
            .map(({ name: path, text }) => [path.slice('package/example/'.length, -'.json'.length), text]),
        );
  archives.set(name, found);
  return found;
}

/** An example of a package, without its narrative; it claims `profile` where one is given. */
export const example = (name: string, file: string, profile?: string) => (): JsonObject | undefined => {
  const text = examplesOf(name)?.get(file);
  if (text === undefined) return undefined;
  const { text: _, ...resource } = JSON.parse(text) as JsonObject;
  return profile === undefined ? resource : claiming(profile, resource);
};

export const claiming = (profile: string, resource: JsonObject): JsonObject => ({
  ...resource,
  meta: { ...(resource['meta'] as JsonObject | undefined), profile: [profile] },
});
