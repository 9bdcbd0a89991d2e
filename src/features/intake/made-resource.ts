/** What is made of parameters may be none of R4, though each of them is: that is said to the client, before anything is written. */
import { FhirError } from '../../fhir/error.js';
import { isObject, itemsOf, type Resource } from '../../fhir/resource.js';
import type { Engine } from '../../interactions/engine.js';
import { hasErrors } from '../../validation/gate/validate.js';

/** In the place of bytes, which were looked at where they came in. */
const ANY_BYTES = 'AAAA';

/** The same document with other bytes inline. */
const withoutBytes = (document: Resource): Resource => ({
  ...document,
  content: itemsOf(document['content']).map(each =>
    isObject(each) && isObject(each['attachment']) && each['attachment']['data'] !== undefined
      ? { ...each, attachment: { ...each['attachment'], data: ANY_BYTES } }
      : each,
  ),
});

/** Throws `unprocessable` with all issues. `at`: the parameter that it is made of. */
export async function checkMade({ validate, judge }: Engine, given: Resource, at: string): Promise<void> {
  const resource = given.resourceType === 'DocumentReference' ? withoutBytes(given) : given;
  const body = { resource, decimals: undefined };
  const gate = await validate(body);
  const issues = hasErrors(gate) ? gate : await judge.asWritten(body, []);
  if (!hasErrors(issues)) return;
  throw new FhirError('unprocessable', `What ${at} says makes no ${resource.resourceType} that is valid.`, { issues });
}
