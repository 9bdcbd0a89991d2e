/**
 * A retraction as US Core 9 lets clients send it (USC-7): an update that has id, `status` entered-in-error and subject, and nothing else of
 * the document. It means the change of the status, so that the content stays. http://hl7.org/fhir/us/core/ "Writing clinical notes"
 */
import { parseReference } from '../../fhir/reference.js';
import { isObject, type JsonObject, type Resource } from '../../fhir/resource.js';
import type { Patch } from '../../interactions/interaction.js';

const PARTS: ReadonlySet<string> = new Set(['resourceType', 'id', 'status', 'subject']);

const part = (name: string, value: JsonObject): JsonObject => ({ name, ...value });

/** Of a document that has no subject, and of no other one: there the path leads nowhere. */
const ofNobody: Patch = {
  form: 'fhirpath',
  parameters: {
    resource: {
      resourceType: 'Parameters',
      parameter: [
        {
          name: 'operation',
          part: [
            part('type', { valueCode: 'replace' }),
            part('path', { valueString: 'DocumentReference.where(subject.empty()).status' }),
            part('value', { valueCode: 'entered-in-error' }),
          ],
        },
      ],
    },
    decimals: undefined,
  },
};

/** Undefined: it is a document like any other. The subject that it names, or that it names none, must be true of the document. */
export function retractionMeant(body: Resource, bases: readonly string[]): Patch | undefined {
  const { status, subject } = body;
  if (status !== 'entered-in-error' || !Object.keys(body).every(key => PARTS.has(key))) return undefined;
  if (subject === undefined) return ofNobody;
  const reference = isObject(subject) && typeof subject['reference'] === 'string' ? subject['reference'] : undefined;
  const target = reference === undefined ? undefined : parseReference(reference, bases);
  if (reference === undefined) return undefined;
  const value = target?.kind === 'local' ? `${target.type}/${target.id}` : reference;
  const test = { op: 'test', path: '/subject/reference', value };
  return { form: 'json', operations: [test, { op: 'replace', path: '/status', value: status }] };
}
