/**
 * `Composition/<id>/$document`: a Composition as a document. https://hl7.org/fhir/R4/operation-composition-document.html
 *
 * `persist` stores the Bundle, as a create in the name of whoever asks, and only where the same one is not stored already: it has the same
 * identifier as long as nothing that it is made of changes. As it changes what is there, it is for POST alone
 * (https://www.rfc-editor.org/rfc/rfc9110#section-9.2.1).
 */
import { URI_SYSTEM } from '../../../fhir/content/bytes-name.js';
import { FhirError } from '../../../fhir/error.js';
import { readJson, STORED_JSON } from '../../../fhir/json/json.js';
import { parseReference } from '../../../fhir/reference.js';
import type { Context, OperationImplementation } from '../../../interactions/engine.js';
import { actingFor } from '../../../interactions/feature.js';
import type { Of, Result } from '../../../interactions/interaction.js';
import { jsonText } from '../../../interactions/operations/operation.js';
import { badParameter, readGiven } from '../../../interactions/operations/parameters.js';
import { perform } from '../../../interactions/perform.js';
import { readCurrent } from '../../../interactions/read.js';
import { wholeText } from '../../../interactions/response/resource-text.js';
import { breathe } from '../../../platform/pieces.js';
import { digestOfVersions, type DocumentEntry, documentBundle, uuidOfDigest } from './document-bundle.js';
import { gatherDocument } from './gather.js';

const makeDocument: OperationImplementation['run'] = async (context, ask) => {
  const { engine } = context;
  const { id, persist } = readAsked(context, ask);
  const { rows, warnings } = await gatherDocument(context, await readCurrent(context, 'Composition', id));
  const entries: DocumentEntry[] = [];
  for (const row of rows) {
    await breathe();
    entries.push({ fullUrl: `${engine.settings.base}/${row.type}/${row.id}`, text: await wholeText(engine, row) });
  }
  const versions = rows.map(row => `${row.type}/${row.id}/${row.version}`);
  const identifier = uuidOfDigest(digestOfVersions('Composition/$document', versions));
  const text = documentBundle({ identifier, timestamp: engine.clock.now() }, entries);
  const patients = [...new Set(rows.flatMap(row => row.patients))];
  const result: Result = { status: 200, text, patients, ...(warnings.length > 0 ? { issues: warnings } : {}) };
  return { result: persist ? { ...result, ...(await stored(context, identifier, text)) } : result };
};

export const documentOperation: OperationImplementation = { shows: 'Bundle', run: makeDocument };

/** The Bundle as it is stored, now or before. */
async function stored(context: Context, identifier: string, text: Buffer): Promise<Omit<Result, 'patients'>> {
  const { patients: _, ...made } = await perform(actingFor(context, 'documents'), {
    kind: 'create',
    type: 'Bundle',
    body: await readJson(text, STORED_JSON),
    ifNoneExist: [['identifier', `${URI_SYSTEM}|${identifier}`]],
  });
  return made;
}

interface DocumentAsked {
  /** Of the Composition. */
  readonly id: string;
  readonly persist: boolean;
}

function readAsked({ engine, beside }: Context, ask: Of<'operation'>): DocumentAsked {
  const { given } = readGiven(engine, ask);
  const named = given.find(({ name }) => name === 'id');
  const persist = given.some(({ name, value }) => name === 'persist' && value === 'true');
  if (persist && beside)
    throw new FhirError(
      'unprocessable',
      'A transaction stores what its entries bring: ask for the document beside it.',
      {
        detail: 'not-in-a-transaction',
      },
    );
  if (persist && ask.safe)
    throw new FhirError('method-not-allowed', 'What stores a document is asked for by POST.', {
      expression: 'http.persist',
      detail: 'post-needed',
    });
  if (named && ask.id !== undefined)
    throw badParameter('The address says which Composition is meant: leave the parameter id out.', named.at);
  if (ask.id !== undefined) return { id: ask.id, persist };
  if (!named) throw badParameter('$document needs the parameter id, or the address of a Composition.', 'http.id');
  const text = jsonText(named.value);
  const target = parseReference(text.includes('/') ? text : `Composition/${text}`, engine.settings.bases);
  if (target?.kind !== 'local' || target.type !== 'Composition' || target.version !== undefined)
    throw badParameter('id is that of a Composition of this server, or its address.', named.at);
  return { id: target.id, persist };
}
