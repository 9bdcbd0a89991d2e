/**
 * An International Patient Summary out of a record: a document Bundle with a Composition, the resources that its sections name, and what
 * those refer to, as far as it was read. https://hl7.org/fhir/uv/ips/STU1.1/
 *
 * The resources are those of the record, as they are stored; the Composition and this server, its author, exist in the document alone. A section
 * that an IPS must have and that is empty has a statement that nothing is known.
 */
import { literalReferences } from '../../../../fhir/literal-references.js';
import type { Definitions } from '../../../../fhir/definitions.js';
import type { JsonObject, Resource } from '../../../../fhir/resource.js';
import { newUuid } from '../../../../platform/ids.js';
import { breathe, turn } from '../../../../platform/pieces.js';
import { type DocumentEntry, documentPieces } from '../../composition/document-bundle.js';
import { PROCEDURE_SECTION } from '../ccd/care.js';
import { ALLERGY_SECTION, isActiveProblem, PROBLEM_SECTION } from '../ccd/conditions.js';
import { cda, cdaText } from '../ccd/element.js';
import type { CcdHead } from '../ccd/header.js';
import { IMMUNIZATION_SECTION, MEDICATION_SECTION } from '../ccd/medications.js';
import { RESULT_SECTION, SOCIAL_SECTION, VITAL_SIGN_SECTION } from '../ccd/observations.js';
import { DocumentParts, refuseLarge } from '../document-parts.js';
import type { PatientRecord, RecordItem } from '../record.js';
import type { SummaryGround, SummaryRow, SummarySection } from '../section.js';
import { type AbsentInformation, NO_ALLERGY_INFO, NO_MEDICATION_INFO, NO_PROBLEM_INFO } from './absent.js';

interface IpsSection {
  readonly of: SummarySection;
  /** LOINC and title, where they are others. */
  readonly as?: Pick<SummarySection, 'code' | 'display' | 'title'>;
  readonly keeps?: (resource: Resource) => boolean;
  /** The latest ones alone. */
  readonly most?: number;
  /** It must be there. */
  readonly absent?: AbsentInformation;
}

const SECTIONS: readonly IpsSection[] = [
  { of: MEDICATION_SECTION, absent: NO_MEDICATION_INFO },
  { of: ALLERGY_SECTION, absent: NO_ALLERGY_INFO },
  { of: PROBLEM_SECTION, keeps: isActiveProblem, absent: NO_PROBLEM_INFO },
  { of: IMMUNIZATION_SECTION },
  { of: PROCEDURE_SECTION },
  { of: RESULT_SECTION },
  { of: VITAL_SIGN_SECTION },
  { of: SOCIAL_SECTION, most: 1 },
  {
    of: PROBLEM_SECTION,
    as: { code: '11348-0', display: 'History of Past illness note', title: 'Past illnesses' },
    keeps: resource => !isActiveProblem(resource),
  },
];

export const IPS_BUNDLE = 'http://hl7.org/fhir/uv/ips/StructureDefinition/Bundle-uv-ips';
const IPS_COMPOSITION = 'http://hl7.org/fhir/uv/ips/StructureDefinition/Composition-uv-ips';
const LOINC = 'http://loinc.org';

export interface IpsHead extends CcdHead {
  /** Of the server. */
  readonly base: string;
  readonly definitions: Definitions;
}

/** The Bundle as JSON. Throws `too-costly` where it is too large. */
export async function makeIps(head: IpsHead): Promise<readonly Buffer[]> {
  const { record, base, id, made, title, root, software } = head;
  const ground: SummaryGround = { record, root };
  const patient = `${base}/${record.patient.name}`;
  const contents = new IpsContents(head);
  await contents.take(record.patient);
  const sections: string[] = [];
  for (const each of SECTIONS)
    for (const section of await sectionOf(each, ground, contents, patient)) {
      // A narrative may have megabytes.
      sections.push(JSON.stringify(section));
      await turn();
    }
  const author = contents.add({
    resourceType: 'Device',
    deviceName: [{ name: software.name, type: 'model-name' }],
    version: [{ value: software.version }],
  });
  const keeper = record.target(record.patient.resource['managingOrganization']);
  const composition: Resource = {
    resourceType: 'Composition',
    meta: { profile: [IPS_COMPOSITION] },
    language: 'en-US',
    status: 'final',
    type: { coding: [{ system: LOINC, code: '60591-5', display: 'Patient summary Document' }] },
    subject: { reference: patient },
    date: made,
    author: [{ reference: author }],
    title,
    confidentiality: 'N',
    ...(keeper ? { custodian: { reference: `${base}/${keeper.name}` } } : {}),
  };
  const text = Buffer.from(`${JSON.stringify(composition).slice(0, -1)},"section":[${sections.join(',')}]}`);
  const first = { fullUrl: `urn:uuid:${newUuid()}`, text };
  const identifier = `urn:uuid:${id}`;
  const parts = new DocumentParts();
  const bundle = { identifier, timestamp: Date.parse(made), profile: IPS_BUNDLE };
  for (const piece of documentPieces(bundle, [first, ...contents.entries])) parts.add(piece);
  return parts.end();
}

/** The section, or none where it is empty and need not be there. */
async function sectionOf(
  { of, as = of, keeps = () => true, most = Infinity, absent }: IpsSection,
  ground: SummaryGround,
  contents: IpsContents,
  patient: string,
): Promise<readonly JsonObject[]> {
  const rows: SummaryRow[] = [];
  const references: string[] = [];
  for (const row of of.rows(ground)) {
    await breathe();
    if (!row || rows.length >= most || !keeps(row.items[0]!.resource)) continue;
    rows.push(row);
    for (const item of row.items) references.push(await contents.take(item));
  }
  const { code, display, title } = as;
  const head = { title, code: { coding: [{ system: LOINC, code, display }] } };
  if (rows.length === 0) {
    if (!absent) return [];
    const entry = [{ reference: contents.add(absent.resource(patient)) }];
    return [{ ...head, text: narrative(cda('p', {}, cdaText(absent.words))), entry }];
  }
  return [
    { ...head, text: narrative(await tableOf(of.columns, rows)), entry: references.map(reference => ({ reference })) },
  ];
}

const narrative = (content: string): JsonObject => ({
  status: 'generated',
  div: `<div xmlns="http://www.w3.org/1999/xhtml">${content}</div>`,
});

async function tableOf(columns: readonly string[], rows: readonly SummaryRow[]): Promise<string> {
  const head = columns.map(column => cda('th', {}, cdaText(column))).join('');
  const lines: string[] = [];
  for (const { lines: own } of rows) {
    for (const line of own) lines.push(`<tr>${line.map(cell => `<td>${cdaText(cell ?? '')}</td>`).join('')}</tr>`);
    await breathe();
  }
  return `<table><thead><tr>${head}</tr></thead><tbody>${lines.join('')}</tbody></table>`;
}

/** Resources of the document, each once, with what they refer to. */
class IpsContents {
  readonly entries: DocumentEntry[] = [];
  readonly #base: string;
  readonly #record: PatientRecord;
  readonly #definitions: Definitions;
  readonly #taken = new Set<string>();
  #bytes = 0;

  constructor({ base, record, definitions }: IpsHead) {
    this.#base = base;
    this.#record = record;
    this.#definitions = definitions;
  }

  /** Takes a resource of the record, and gives its address. */
  async take(item: RecordItem): Promise<string> {
    const waiting = [item];
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      if (this.#taken.has(next.name)) continue;
      this.#taken.add(next.name);
      await breathe();
      this.#put(this.#addressOf(next), await this.#record.text(next.name));
      for (const { text: reference } of literalReferences(next.resource, this.#definitions)) {
        const target = this.#record.target({ reference });
        if (target && !this.#taken.has(target.name)) waiting.push(target);
      }
    }
    return this.#addressOf(item);
  }

  /** Adds what exists in the document alone, and gives its address. */
  add(resource: Resource): string {
    const fullUrl = `urn:uuid:${newUuid()}`;
    this.#put(fullUrl, Buffer.from(JSON.stringify(resource)));
    return fullUrl;
  }

  #put(fullUrl: string, text: Buffer): void {
    this.#bytes += text.length;
    refuseLarge(this.#bytes);
    this.entries.push({ fullUrl, text });
  }

  #addressOf({ name }: RecordItem): string {
    return `${this.#base}/${name}`;
  }
}
