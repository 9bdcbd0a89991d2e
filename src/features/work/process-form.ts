/** Whether what a file says has the form of a process (process.ts). What it means is another question. */
import { isObject, type Json, type JsonObject } from '../../fhir/resource.js';

type FormCheck = (value: Json | undefined) => boolean;

const isText: FormCheck = value => typeof value === 'string' && value !== '';
const isWhole: FormCheck = value => Number.isInteger(value);
const isNames: FormCheck = value => Array.isArray(value) && value.every(isText);
const isYes: FormCheck = value => value === true;
const oneOf =
  (...names: readonly string[]): FormCheck =>
  value =>
    typeof value === 'string' && names.includes(value);
const maybe =
  (check: FormCheck): FormCheck =>
  value =>
    value === undefined || check(value);
/** An object whose members are these, and no others. */
const having =
  (members: Readonly<Record<string, FormCheck>>): FormCheck =>
  value =>
    isObject(value) &&
    Object.keys(value).every(name => Object.hasOwn(members, name)) &&
    Object.entries(members).every(([name, check]) => check(value[name]));
/** An object whose members have names of small letters and hyphens. */
const eachOf =
  (check: FormCheck): FormCheck =>
  value =>
    isObject(value) && Object.entries(value).every(([name, each]) => /^[a-z][a-z-]*$/.test(name) && check(each));

const isCounting = oneOf('calendar', 'working');
const isTerm = having({ days: isWhole, counting: isCounting });

const isProcess = having({
  code: isText,
  display: isText,
  needs: isNames,
  workers: isNames,
  start: isNames,
  begin: maybe(isText),
  exclusive: maybe(isNames),
  states: eachOf(having({ status: isText, display: isText })),
  transitions: eachOf(
    having({
      display: isText,
      from: isNames,
      to: isText,
      by: isNames,
      reason: maybe(isYes),
      term: maybe(isYes),
      extension: maybe(isWhole),
      needs: maybe(isNames),
      location: maybe(isYes),
      otherThan: maybe(oneOf('owner', 'requester')),
      lifecycle: maybe(isText),
      operation: maybe(having({ code: isText, feature: isText })),
    }),
  ),
  term: maybe(isTerm),
  terms: maybe(value => isObject(value) && Object.values(value).every(isTerm)),
  alarms: maybe(
    eachOf(
      having({
        display: isText,
        days: isWhole,
        counting: isCounting,
        in: isNames,
        priority: maybe(oneOf('routine', 'urgent', 'asap', 'stat')),
      }),
    ),
  ),
});

/** Undefined: it has not the form. */
export function parseProcess(text: string): JsonObject | undefined {
  try {
    const value = JSON.parse(text) as Json;
    return isObject(value) && isProcess(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
