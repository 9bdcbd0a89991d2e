/**
 * A Continuity of Care Document of C-CDA 2.1 out of a record: https://hl7.org/cda/us/ccda/, https://www.hl7.org/implement/standards/product_brief.cfm?product_id=492
 *
 * Each section has its lines as a table, which CDA demands to say everything, and an entry for each that refers to its lines. A section
 * that a CCD must have and that is empty says so (nullFlavor NI). Made line by line, so that others have their turn.
 */
import { breathe } from '../../../../platform/pieces.js';
import { DocumentParts } from '../document-parts.js';
import { loinc, type SummaryGround, type SummarySection } from '../section.js';
import { ENCOUNTER_SECTION, PROCEDURE_SECTION } from './care.js';
import { ALLERGY_SECTION, PROBLEM_SECTION } from './conditions.js';
import { cda, cdaText, templateIds } from './element.js';
import { type CcdHead, ccdHeader } from './header.js';
import { IMMUNIZATION_SECTION, MEDICATION_SECTION } from './medications.js';
import { RESULT_SECTION, SOCIAL_SECTION, VITAL_SIGN_SECTION } from './observations.js';

export const CCD_SECTIONS: readonly SummarySection[] = [
  ALLERGY_SECTION,
  MEDICATION_SECTION,
  PROBLEM_SECTION,
  PROCEDURE_SECTION,
  RESULT_SECTION,
  ENCOUNTER_SECTION,
  IMMUNIZATION_SECTION,
  VITAL_SIGN_SECTION,
  SOCIAL_SECTION,
];

/** The document, in UTF-8. Throws `too-costly` where it is too large. */
export async function makeCcd(head: CcdHead): Promise<readonly Buffer[]> {
  const ground: SummaryGround = { record: head.record, root: head.root };
  const parts = new DocumentParts();
  parts.add(
    '<?xml version="1.0" encoding="UTF-8"?>\n<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:sdtc="urn:hl7-org:sdtc" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">',
  );
  parts.add(ccdHeader(head));
  parts.add('<component><structuredBody>');
  for (const section of CCD_SECTIONS) for await (const part of sectionParts(section, ground)) parts.add(part);
  parts.add('</structuredBody></component></ClinicalDocument>\n');
  return parts.end();
}

/** Nothing of an optional section that is empty. */
async function* sectionParts(section: SummarySection, ground: SummaryGround): AsyncGenerator<string> {
  const { name, template, code, display, title, columns, required } = section;
  const head = `${templateIds([template[0]], template)}${loinc('code', code, display)}${cda('title', {}, cdaText(title))}`;
  const entries: string[] = [];
  let lines = 0;
  for (const row of section.rows(ground)) {
    await breathe();
    if (!row) continue;
    const ids = row.lines.map((_, at) => `${name}${lines + at + 1}`);
    const body = row.lines.map((line, at) => lineElement(line, ids[at]!)).join('');
    if (lines === 0)
      yield `<component><section>${head}<text><table><thead><tr>${columns.map(column => cda('th', {}, cdaText(column))).join('')}</tr></thead><tbody>`;
    yield body;
    lines += ids.length;
    entries.push(cda('entry', { typeCode: 'DRIV' }, row.entry(ids)));
  }
  if (lines > 0) {
    yield '</tbody></table></text>';
    yield* entries;
    yield '</section></component>';
  } else if (required)
    yield cda('component', {}, cda('section', { nullFlavor: 'NI' }, head, cda('text', {}, 'No information')));
}

/** The first cell has the id: a row cannot. */
const lineElement = (cells: readonly (string | undefined)[], id: string): string =>
  cda(
    'tr',
    {},
    ...cells.map((cell, at) =>
      at === 0
        ? `<td>${cda('content', { ID: id }, cdaText(cell ?? 'Unknown'))}</td>`
        : cda('td', {}, cdaText(cell ?? '')),
    ),
  );
