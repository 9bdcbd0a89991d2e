/**
 * The uniqueIds of a submission: of each document (masterIdentifier) and of the SubmissionSet. None of them may be there already, here or
 * twice in the submission; that nobody else brings one at the same time is a condition of the commit.
 */
import { FhirError, issueOfKind } from '../../../fhir/error.js';
import { isObject, type Json, type Resource } from '../../../fhir/resource.js';
import type { BundlePreparation, HookGround } from '../../../interactions/write/hooks.js';
import { attachmentsOf } from '../attachments.js';
import type { ByteReader } from '../bytes.js';
import type { SubmissionFaults } from './faults.js';
import { uniqueIdOf } from './metadata.js';
import { escaped } from './patient.js';
import type { Submission, Submitted } from './submission.js';
import { ERROR_SYSTEM } from './vocabulary.js';

type Absent = NonNullable<BundlePreparation['absent']>[number];

export interface Uniqueness {
  readonly absent: readonly Absent[];
  /** The same is there already: `conflict`, with its address. */
  readonly conflict: FhirError | undefined;
}

export async function checkUnique(
  ground: HookGround,
  { documents, sets, named }: Submission,
  reader: ByteReader,
  faults: SubmissionFaults,
): Promise<Uniqueness> {
  const absent: Absent[] = [];
  let conflict: FhirError | undefined;
  const seen = new Set<string>();
  /** Whether the bytes are known to be different ones. */
  const isOther = async (stored: Resource, given: Submitted): Promise<boolean> => {
    const [{ hash } = {}] = attachmentsOf(stored);
    const [{ url } = {}] = attachmentsOf(given.resource);
    const data = typeof url === 'string' ? named(given, url)?.resource['data'] : undefined;
    if (typeof hash !== 'string' || typeof data !== 'string') return false;
    return (await reader.ofBase64(data)).hash !== hash;
  };
  const look = async (one: Submitted, type: string, path: string, identifier: Json | undefined): Promise<void> => {
    const token = identifierToken(identifier);
    if (token === undefined) return;
    if (seen.has(token)) {
      faults.add(
        one.at,
        path,
        'duplicate-unique-id',
        'XDSRegistryDuplicateUniqueIdInMessage',
        'Another entry of the submission has this uniqueId.',
      );
      return;
    }
    seen.add(token);
    const criteria = [['identifier', token]] as const;
    const [found] = await ground.find(type, criteria, 1);
    if (!found?.text) absent.push({ type, criteria, conflict: alreadyHere(one.at, path) });
    else if (type === 'DocumentReference' && (await isOther(JSON.parse(found.text.toString()) as Resource, one)))
      faults.add(
        one.at,
        path,
        'unique-id-of-other-content',
        'XDSNonIdenticalHash',
        'This uniqueId is that of a document here with other bytes.',
      );
    else conflict ??= alreadyHere(one.at, path, `${type}/${found.id}`);
  };
  for (const one of documents)
    await look(one, 'DocumentReference', 'resource.masterIdentifier', one.resource['masterIdentifier']);
  for (const one of sets) await look(one, 'List', 'resource.identifier', uniqueIdOf(one.resource));
  return { absent, conflict };
}

/** As a token parameter has it; undefined: it has no value. */
export function identifierToken(identifier: Json | undefined): string | undefined {
  if (!isObject(identifier) || typeof identifier['value'] !== 'string') return undefined;
  const { system, value } = identifier;
  return `${typeof system === 'string' ? escaped(system) : ''}|${escaped(value)}`;
}

/** `address`: left out where the sender may not see what is there. */
function alreadyHere(at: number, path: string, address?: string): FhirError {
  const text = address === undefined ? 'This was submitted before.' : `This was submitted before: ${address}.`;
  const coding = { system: ERROR_SYSTEM, code: 'XDSDuplicateUniqueIdInRegistry' };
  const expression = `Bundle.entry[${at}].${path}`;
  return new FhirError('conflict', text, {
    issues: [
      issueOfKind('conflict', {
        ...{ text, detail: 'duplicate-unique-id', coding, expression },
        ...(address === undefined ? {} : { diagnostics: address }),
      }),
    ],
  });
}
