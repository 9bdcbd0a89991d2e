/**
 * `Patient/[id]/$separator-sheet`: a sheet to lie before the pages of a document in the scanner, as a PDF. `$intake` reads it back (separated), and makes a document of
 * the pages up to the next one. Defined in profiles/intake/operationdefinition-separator-sheet.json
 */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { FhirError } from '../../../fhir/error.js';
import { identifierToTell } from '../../../fhir/identifier.js';
import { parseJson, STORED_JSON } from '../../../fhir/json/json.js';
import { itemsOf, type Resource } from '../../../fhir/resource.js';
import type { Context, OperationImplementation } from '../../../interactions/engine.js';
import type { RawContent } from '../../../interactions/interaction.js';
import { jsonText } from '../../../interactions/operations/operation.js';
import { badParameter, readGiven } from '../../../interactions/operations/parameters.js';
import { readCurrent } from '../../../interactions/read.js';
import { isEncounterOf } from './sheet-target.js';
import { isSheetType, MOST_ANNOUNCED, serverMark, sheetText } from './sheet-text.js';
import { sheetPdf } from './sheet-pdf.js';

export const separatorSheetOperation: OperationImplementation = {
  // It is a PDF whatever is preferred; whoever accepts nothing else gets it, too.
  alsoAs: ['application/pdf'],
  async run(context, ask) {
    const { given } = readGiven(context.engine, ask);
    const find = (name: string) => given.find(each => each.name === name);
    const [encounter, type] = ['encounter', 'type'].map(name => jsonText(find(name)?.value));
    const pages = find('pages')?.value;
    const row = await readCurrent(context, 'Patient', ask.id!);
    if (encounter) await checkEncounter(context, row.id, encounter, find('encounter')!.at);
    if (type && !isSheetType(type))
      throw badParameter('type is system|code, as in http://loinc.org|11506-3.', find('type')!.at);
    const count = pages === undefined ? undefined : Number(pages);
    if (count !== undefined && count > MOST_ANNOUNCED)
      throw badParameter(`A document has ${MOST_ANNOUNCED} pages at most.`, find('pages')!.at);
    const code = sheetText({
      server: serverMark(context.engine.settings.bases[0]!),
      patient: row.id,
      ...(encounter ? { encounter } : {}),
      ...(type ? { type } : {}),
      ...(count === undefined ? {} : { pages: count }),
    });
    const { resource: patient } = parseJson(row.text!, STORED_JSON);
    const lines = [
      'Separator sheet',
      ...identified(patient),
      ...(encounter ? [`Encounter ${encounter}`] : []),
      ...(type ? [`Type ${type}`] : []),
      ...(count === undefined ? [] : [`Pages ${count}`]),
    ];
    return { result: { status: 200, binary: fileOfSheet(sheetPdf(code, lines)), patients: [row.id] } };
  },
};

/** Throws `unprocessable` where the encounter is not here, or is of somebody else. */
async function checkEncounter({ view, engine }: Context, patient: string, id: string, at: string): Promise<void> {
  if (await isEncounterOf({ view, bases: engine.settings.bases }, id, patient)) return;
  const row = await view.read('Encounter', id);
  throw new FhirError('unprocessable', 'There is no such encounter of this patient.', {
    ...{ expression: at, detail: row?.text ? 'encounter-of-other' : 'unknown-encounter', patients: [patient] },
  });
}

/** Without the name. */
function identified({ identifier, birthDate }: Resource): string[] {
  const known = identifierToTell(itemsOf(identifier));
  return [
    ...(known ? [`Patient ${jsonText(known['value'])}`] : []),
    ...(birthDate ? [`Born ${jsonText(birthDate)}`] : []),
  ];
}

const fileOfSheet = (bytes: Buffer): RawContent => ({
  contentType: 'application/pdf',
  size: bytes.length,
  hash: createHash('sha256').update(bytes).digest('hex'),
  fileName: 'separator-sheet.pdf',
  inline: false,
  open: async (range = { start: 0, end: bytes.length - 1 }) =>
    Readable.from([bytes.subarray(range.start, range.end + 1)]),
});
