/** What is stored of the people of an anomaly: of a patient what makes a look at them remarkable, of a user who they are, and what joins both. Looked up once each. */
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../fhir/resource.js';
import type { Context } from '../../interactions/engine.js';
import { normalise } from '../../search/normalise.js';
import { all, type Where } from '../../search/query.js';
import { codesOfConcept, textGiven } from './told-event.js';
import { ofPatient } from './trail-reader.js';

/** Codes of labels (v3-ActCode) and Flags: celebrities, employees, whom a house calls VIP. */
const REMARKABLE: ReadonlySet<string> = new Set(['CEL', 'EMP', 'VIP', 'vip', 'employee']);
/** Types by which a practitioner has to do with a patient, with the parameter that names them. */
const RELATIONS = [
  ['Encounter', 'participant'],
  ['Appointment', 'actor'],
  ['CareTeam', 'participant'],
  ['Task', 'owner'],
] as const;

export interface PatientFacts {
  /** The code by which they are remarkable. */
  readonly remarkable: string | undefined;
  /** `deceased`, `merged`; ms from when on. */
  readonly gone: { readonly what: string; readonly from: number } | undefined;
  /** Normalised family names, and addresses as one text. */
  readonly families: readonly string[];
  readonly addresses: readonly string[];
}

export interface StaffFacts extends Pick<PatientFacts, 'families' | 'addresses'> {
  readonly id: string;
}

type Looking = Pick<Context, 'view'>;

export class AnomalyFacts {
  readonly #view: Looking['view'];
  readonly #patients = new Map<string, PatientFacts | undefined>();
  readonly #staff = new Map<string, StaffFacts | undefined>();

  constructor({ view }: Looking) {
    this.#view = view;
  }

  /** Undefined: there is no such patient. */
  async patient(id: string): Promise<PatientFacts | undefined> {
    if (!this.#patients.has(id)) this.#patients.set(id, await this.#readPatient(id));
    return this.#patients.get(id);
  }

  /** Of the user of this name; undefined: no Practitioner has it as an identifier. */
  async staff(name: string): Promise<StaffFacts | undefined> {
    if (!this.#staff.has(name)) this.#staff.set(name, await this.#findStaff(name));
    return this.#staff.get(name);
  }

  async isRelated({ id: staff }: StaffFacts, patient: string): Promise<boolean> {
    for (const [type, code] of RELATIONS) {
      const to = { kind: 'local', type: 'Practitioner', id: staff } as const;
      const where = all(ofPatient(patient), { kind: 'param', code, test: { kind: 'reference', to } });
      if (await this.#isAny(type, where)) return true;
    }
    return false;
  }

  async #isAny(type: string, where: Where): Promise<boolean> {
    return (await this.#view.findIds({ types: [type], where }, 1)).found.length > 0;
  }

  async #readPatient(id: string): Promise<PatientFacts | undefined> {
    const row = await this.#view.read('Patient', id);
    if (!row?.text) return undefined;
    const patient = JSON.parse(row.text.toString()) as Resource;
    const labels = itemsOf((patient['meta'] as JsonObject | undefined)?.['security']);
    const label = labels
      .flatMap(each => (isObject(each) ? [textGiven(each['code'])] : []))
      .find(code => REMARKABLE.has(code));
    return { remarkable: label ?? (await this.#flagOf(id)), gone: goneSince(patient), ...namesOf(patient) };
  }

  async #flagOf(patient: string): Promise<string | undefined> {
    const page = await this.#view.find({ types: ['Flag'], where: ofPatient(patient), sort: [], limit: 50 });
    for (const { text } of page.rows) {
      const { status, code, category } = JSON.parse(text?.toString() ?? '{}') as JsonObject;
      if (status !== 'active') continue;
      const codes = [code, ...itemsOf(category)].flatMap(codesOfConcept);
      const found = codes.find(each => REMARKABLE.has(each));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async #findStaff(name: string): Promise<StaffFacts | undefined> {
    const where: Where = { kind: 'param', code: 'identifier', test: { kind: 'token', any: [{ code: name }] } };
    const page = await this.#view.find({ types: ['Practitioner'], where, sort: [], limit: 1 });
    const [row] = page.rows;
    return row?.text && { id: row.id, ...namesOf(JSON.parse(row.text.toString()) as Resource) };
  }
}

/** By R4, `deceased` is a boolean or a time, and a patient who was merged into another one has a link `replaced-by`. */
function goneSince({ deceasedBoolean, deceasedDateTime, link }: Resource): PatientFacts['gone'] {
  const replaced = itemsOf(link).some(each => isObject(each) && each['type'] === 'replaced-by');
  if (replaced) return { what: 'merged', from: -Infinity };
  if (deceasedBoolean === true) return { what: 'deceased', from: -Infinity };
  const time = Date.parse(textGiven(deceasedDateTime));
  return Number.isNaN(time) ? undefined : { what: 'deceased', from: time };
}

const namesOf = ({ name, address }: Resource): Pick<PatientFacts, 'families' | 'addresses'> => ({
  families: textsOf(itemsOf(name).map(each => (isObject(each) ? each['family'] : undefined))),
  addresses: textsOf(
    itemsOf(address).map(each => {
      const { line, postalCode, city } = isObject(each) ? each : {};
      const [first] = itemsOf(line);
      // A city alone is no neighbour.
      return typeof first === 'string' ? [first, postalCode, city].map(textGiven).join(' ') : undefined;
    }),
  ),
});

const textsOf = (values: readonly (Json | undefined)[]): readonly string[] =>
  values.map(value => normalise(textGiven(value))).filter(text => text.trim() !== '');
