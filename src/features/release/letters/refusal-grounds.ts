/**
 * Why a request for records is denied or delayed: grounds of 45 CFR 164.524 and exceptions of 45 CFR 171, profiles/release/rules/refusal-grounds.json. Each denial
 * and each delay stores one, with its justification. https://www.ecfr.gov/current/title-45/section-164.524, https://www.ecfr.gov/current/title-45/part-171
 */
import { readFileSync } from 'node:fs';
import { isObject, itemsOf, type Json, type Resource } from '../../../fhir/resource.js';

export const GROUND_SYSTEM = 'urn:chartroom:refusal-ground';
/** Of a delay that names no other one. */
export const MORE_TIME = 'more-time';

export type Refusal = 'denial' | 'delay';

export interface RefusalGround {
  /** With its title: `45 CFR 171.201`. */
  readonly paragraph: string;
  /** Whether 45 CFR 164.524(a)(3) gives a right to a review. */
  readonly reviewable: boolean;
  readonly of: readonly Refusal[];
  /** By language; English among them. */
  readonly display: Readonly<Record<string, string>>;
}

/** By code. */
export type RefusalGrounds = ReadonlyMap<string, RefusalGround>;

const isRefusal = (value: Json): boolean => value === 'denial' || value === 'delay';

/** Throws an Error that names the ground that has not the form. */
export function readRefusalGrounds(file: URL): RefusalGrounds {
  const value = JSON.parse(readFileSync(file, 'utf8')) as Json;
  if (!isObject(value) || !isObject(value[MORE_TIME])) throw new Error(`Grounds are an object that has ${MORE_TIME}.`);
  for (const [code, each] of Object.entries(value))
    if (
      !isObject(each) ||
      typeof each['paragraph'] !== 'string' ||
      typeof each['reviewable'] !== 'boolean' ||
      itemsOf(each['of']).length === 0 ||
      !itemsOf(each['of']).every(isRefusal) ||
      !isObject(each['display']) ||
      typeof each['display']['en'] !== 'string'
    )
      throw new Error(`The ground ${code} of refusals has not the form of one.`);
  return new Map(Object.entries(value as unknown as Record<string, RefusalGround>));
}

/** The codes of a kind of refusal. */
export const groundsOf = (grounds: RefusalGrounds, refusal: Refusal): readonly string[] =>
  [...grounds].flatMap(([code, { of }]) => (of.includes(refusal) ? [code] : []));

/** The code that a Task gives as its reason, whether there is such a ground or not. */
export function groundCode({ statusReason }: Resource): string | undefined {
  const codings = isObject(statusReason) ? itemsOf(statusReason['coding']) : [];
  const own = codings.filter(isObject).find(({ system }) => system === GROUND_SYSTEM);
  return typeof own?.['code'] === 'string' ? own['code'] : undefined;
}
