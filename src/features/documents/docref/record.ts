/**
 * The record of a patient, as far as the caller may see it, from which documents are made: what belongs to the patient
 * (https://hl7.org/fhir/R4/compartmentdefinition-patient.html) and who and what that refers to. Read in lots, kept as texts, parsed one by one.
 *
 * A period bounds what happened: encounters, results, procedures, immunizations. What lasts (problems, allergies, medications) is in it
 * whenever it began, unless that was after its end.
 */
import { createHash } from 'node:crypto';
import { FhirError } from '../../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../../fhir/json/json.js';
import { parseReference } from '../../../fhir/reference.js';
import { isObject, type Decimals, type Json, type Resource } from '../../../fhir/resource.js';
import type { Context } from '../../../interactions/engine.js';
import { allowanceOf, FREE } from '../../../interactions/response/allowance.js';
import { wholeText } from '../../../interactions/response/resource-text.js';
import { walkRecord } from '../../../interactions/search/compartment-walk.js';
import { breathe } from '../../../platform/pieces.js';
import type { StoredVersion } from '../composition/gather.js';

/** What is true for a time; what happened. */
const LASTING = ['AllergyIntolerance', 'Condition', 'MedicationRequest', 'MedicationStatement'];
const HAPPENING = ['DiagnosticReport', 'Encounter', 'Immunization', 'Observation', 'Procedure'];
/** Who and what they refer to. */
const REFERRED = ['Location', 'Medication', 'Organization', 'Patient', 'Practitioner', 'PractitionerRole'];

/** Resources of a document, and bytes of their texts. */
export const MOST_OF_RECORD = 10_000;
const MOST_BYTES = 16 * 1024 * 1024;

/** ms: when what is in a document happened. */
export interface RecordPeriod {
  readonly start?: number;
  readonly end?: number;
}

/** A resource of the record, with the digits of its numbers. */
export interface RecordItem {
  readonly name: string;
  readonly resource: Resource;
  readonly decimals: Decimals | undefined;
}

export interface PatientRecord {
  readonly patient: RecordItem;
  /** Of the patient itself, the latest first; each is parsed when it comes. */
  of(type: string): Iterable<RecordItem>;
  /** What a Reference leads to, where that was read; undefined: it was not. */
  target(reference: Json | undefined): RecordItem | undefined;
  /** JSON of a resource of it, whole. */
  text(name: string): Promise<Buffer>;
  /** `Type/id` with a hash of what it says, of all that is in it. */
  readonly versions: readonly string[];
}

type RecordRow = Pick<StoredVersion, 'type' | 'id' | 'text' | 'blobs'>;

/** Throws `too-costly` where it is too large for a document. */
export async function readRecord(
  context: Context,
  patient: StoredVersion,
  period: RecordPeriod,
): Promise<PatientRecord> {
  const collected = new Collected(context);
  const { start, end } = period;
  const bounds = { ...(start === undefined ? {} : { start }), ...(end === undefined ? {} : { end }) };
  for (const [types, given] of [
    [LASTING, end === undefined ? {} : { end }],
    [HAPPENING, bounds],
  ] as const) {
    const seen = types.filter(type => context.view.shows(type));
    const owners = [{ type: patient.type, id: patient.id }];
    const record = {
      root: patient,
      owners,
      types: seen,
      given: { ...given, types: [...seen, ...REFERRED] },
      admit: (bytes: number) => allowanceOf(context).admit(bytes),
    };
    for await (const { listing, mode } of walkRecord(context, record, undefined, undefined))
      for (const row of listing.ids.keys()) {
        const text = listing.texts.subarray(listing.starts[row], listing.ends[row]);
        const blobs = listing.blobs.get(row);
        await collected.take(
          { type: listing.types[row]!, id: listing.ids[row]!, text, ...(blobs ? { blobs } : {}) },
          mode === 'match',
        );
      }
  }
  return collected.record(`Patient/${patient.id}`);
}

class Collected {
  readonly #context: Context;
  readonly #rows = new Map<string, RecordRow>();
  /** Names of what belongs to the patient, by type. */
  readonly #own = new Map<string, string[]>();
  readonly #times = new Map<string, number>();
  readonly #versions: string[] = [];
  #bytes = 0;

  constructor(context: Context) {
    this.#context = context;
  }

  async take(row: RecordRow, own: boolean): Promise<void> {
    const name = `${row.type}/${row.id}`;
    if (this.#rows.has(name)) return;
    const { length } = row.text!;
    if (this.#bytes <= FREE && this.#bytes + length > FREE) await allowanceOf(this.#context).admit(4 * MOST_BYTES);
    this.#bytes += length;
    if (this.#rows.size >= MOST_OF_RECORD || this.#bytes > MOST_BYTES)
      throw new FhirError(
        'too-costly',
        `A document is made of ${MOST_OF_RECORD} resources and ${MOST_BYTES >> 20} MB at most: ask for a shorter time, with start and end.`,
        { detail: 'record-too-large' },
      );
    this.#rows.set(name, row);
    this.#times.set(name, timeIn(row.text!));
    const names = own ? this.#own.get(row.type) : undefined;
    if (names) names.push(name);
    else if (own) this.#own.set(row.type, [name]);
    this.#versions.push(`${name}/${createHash('sha1').update(row.text!).digest('base64')}`);
    await breathe();
  }

  record(patient: string): PatientRecord {
    const { engine } = this.#context;
    const rows = this.#rows;
    const times = this.#times;
    const item = (name: string): RecordItem | undefined => {
      const row = rows.get(name);
      return row && { name, ...parseJson(row.text!, STORED_JSON) };
    };
    const known = new Map<string, RecordItem | undefined>();
    const own = new Map(
      [...this.#own].map(([type, names]) => [
        type,
        names.map(name => ({ name, at: times.get(name)! })).toSorted(latestFirst),
      ]),
    );
    return {
      patient: item(patient)!,
      *of(type) {
        for (const { name } of own.get(type) ?? []) yield item(name)!;
      },
      target(reference) {
        const text = isObject(reference) ? reference['reference'] : undefined;
        const target = typeof text === 'string' ? parseReference(text, engine.settings.bases) : undefined;
        if (target?.kind !== 'local') return undefined;
        const name = `${target.type}/${target.id}`;
        if (!REFERRED.includes(target.type)) return item(name);
        if (!known.has(name)) known.set(name, item(name));
        return known.get(name);
      },
      text: name => wholeText(engine, rows.get(name)!),
      versions: this.#versions,
    };
  }
}

/** When it was, as the text of a resource says it; 0: it says nothing. */
const TIME =
  /"(?:effectiveDateTime|performedDateTime|occurrenceDateTime|onsetDateTime|authoredOn|recordedDate|start|issued)":"(\d{4}[^"]{0,30})"/;
const timeIn = (text: Buffer): number => Date.parse(TIME.exec(text.toString('latin1'))?.[1] ?? '') || 0;

interface PlacedName {
  readonly name: string;
  readonly at: number;
}
const latestFirst = (one: PlacedName, other: PlacedName): number =>
  other.at - one.at || (one.name < other.name ? -1 : 1);
