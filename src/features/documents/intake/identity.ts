/** Whether a document is about the patient that its DocumentReference says, by the identifiers in its header. */
import { parseReference } from '../../../fhir/reference.js';
import { isObject, itemsOf, type Resource } from '../../../fhir/resource.js';
import type { HookedWrite } from '../../../interactions/write/hooks.js';
import type { DocumentMetadata, Identifier } from '../read/document-metadata.js';

/**
 * True where header and subject have identifiers of the same system and none in common: of an identifier of another system nobody can
 * tell. A subject who is not here, or is named by an identifier alone, contradicts nothing.
 */
export async function contradictsSubject(
  { view }: Pick<HookedWrite, 'view'>,
  { subject }: Resource,
  { patient, otherPatients = [] }: DocumentMetadata,
  bases: readonly string[],
): Promise<boolean> {
  const said = [patient, ...otherPatients].flatMap(one => one?.identifier ?? []);
  const reference = isObject(subject) && typeof subject['reference'] === 'string' ? subject['reference'] : '';
  const target = parseReference(reference, bases);
  if (said.length === 0 || target?.kind !== 'local' || target.type !== 'Patient') return false;
  const row = await view.read('Patient', target.id);
  if (!row?.text) return false;
  const known = identifiersOf(JSON.parse(row.text.toString()) as Resource);
  const isShared = (one: Identifier): boolean => known.some(other => other.system === one.system);
  const isSame = (one: Identifier): boolean =>
    known.some(other => other.system === one.system && other.value === one.value);
  return said.some(isShared) && !said.some(isSame);
}

const identifiersOf = ({ identifier }: Resource): readonly Identifier[] =>
  itemsOf(identifier).flatMap(one => {
    if (!isObject(one) || typeof one['value'] !== 'string' || typeof one['system'] !== 'string') return [];
    return [{ system: one['system'], value: one['value'] }];
  });
