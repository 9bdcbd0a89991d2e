/**
 * `DocumentReference/$generate-metadata`: ITI-106 Generate Metadata. The metadata of a document are read from the document itself: from the
 * header of a CDA document, or from the Composition of a document Bundle; what is made of them is published as by ITI-105, in one commit.
 * https://profiles.ihe.net/ITI/MHD/4.2.3/ITI-106.html
 */
import { FhirError } from '../../../fhir/error.js';
import { type Decimals, isObject, type Resource } from '../../../fhir/resource.js';
import type { Context, OperationImplementation } from '../../../interactions/engine.js';
import { actingFor } from '../../../interactions/feature.js';
import { readGiven } from '../../../interactions/operations/parameters.js';
import { perform } from '../../../interactions/perform.js';
import { newId } from '../../../platform/ids.js';
import { contentTypeOf } from '../../../fhir/content/content-type.js';
import { documentMetadata, wantedBytes } from '../read/read-document.js';
import { bundleMetadata } from './bundle-metadata.js';
import { identifierToken } from './unique.js';
import { type DescribedDocument, documentOf } from './from-metadata.js';

const refuse = (detail: string, text: string): FhirError =>
  new FhirError('unprocessable', text, { expression: 'Parameters.parameter[0].resource', detail });

const generate: OperationImplementation['run'] = async (context, ask) => {
  const { given } = readGiven(context.engine, ask);
  const document = given.find(({ name }) => name === 'document')?.value;
  const described = isObject(document) ? await describeDocument(document as Resource, ask.body?.decimals) : undefined;
  if (!described)
    throw refuse(
      'no-metadata',
      'document is a Binary with a CDA document, or a Bundle of type document with a Composition.',
    );
  const patient = await patientOfDocument(context, described);
  const id = newId(context.engine.clock.now());
  const body = { resource: documentOf(described, patient), decimals: undefined };
  const create = { kind: 'create', type: 'DocumentReference', id, body } as const;
  const parameter = [{ name: 'DocumentReference', valueReference: { reference: `DocumentReference/${id}` } }];
  return {
    result: {
      status: 200,
      text: Buffer.from(JSON.stringify({ resourceType: 'Parameters', parameter })),
      patients: [patient],
    },
    accompaniment: { companions: [{ owner: 'documents', ask: create }], messages: [], mustNotMatch: [] },
  };
};

export const generateOperation: OperationImplementation = { run: generate };

async function describeDocument(
  document: Resource,
  decimals: Decimals | undefined,
): Promise<DescribedDocument | undefined> {
  if (document.resourceType === 'Bundle') return bundleMetadata(document, decimals);
  const { contentType, data } = document;
  if (document.resourceType !== 'Binary' || typeof data !== 'string') return undefined;
  const bytes = Buffer.from(data, 'base64');
  const found = await contentTypeOf(bytes);
  const metadata = await documentMetadata(bytes.subarray(0, wantedBytes(found, bytes.length)), found);
  if (metadata?.kind !== 'cda') return undefined;
  return { metadata, contentType: typeof contentType === 'string' ? contentType : metadata.contentType, data };
}

/** The one active patient here who has an identifier that the document names. Throws `unprocessable` where there is none. */
async function patientOfDocument(context: Context, { metadata }: DescribedDocument): Promise<string> {
  if (metadata.otherPatients)
    throw refuse('several-patients', 'The document is about several patients: publish it for each of them by ITI-105.');
  const tokens = (metadata.patient?.identifier ?? []).flatMap(identifier => identifierToken({ ...identifier }) ?? []);
  const found =
    tokens.length === 0
      ? []
      : await idsOfPatients(context, [
          ['identifier', tokens.join(',')],
          ['active:not', 'false'],
          ['_elements', 'id'],
        ]);
  const [one, ...others] = found;
  if (one === undefined)
    throw refuse('unknown-patient', 'This server knows no patient by an identifier that the document names.');
  if (others.length > 0)
    throw refuse('several-patients', 'The identifiers of the document are those of several patients here.');
  return one;
}

async function idsOfPatients(
  context: Context,
  parameters: readonly (readonly [string, string])[],
): Promise<readonly string[]> {
  const search = { kind: 'search', type: 'Patient', parameters, lenient: false } as const;
  const { text } = await perform(actingFor(context, 'documents'), search);
  const { entry = [] } = JSON.parse(String(text)) as { entry?: { resource: { id: string } }[] };
  return entry.map(({ resource }) => resource.id);
}
