/**
 * Index entries → the keys of a resource. The forms, each after the parameter's prefix unless said otherwise:
 *
 *   token      system number | code    beside it in `filterOnly`:  : normalised text   and  % type's system | code ⁄ value (of-type)
 *   string     : normalised text   (in `byArrival` its first 40 characters, in `filterOnly` the whole of a longer one)   and  = raw text
 *   date       class low   and  < low (for sorting)       number  n value       free ranges: a pair in `ranges`
 *   quantity   n value  ·  s system ⁄ value  ·  c system | code ⁄ value  ·  u unit ⁄ value  ·  b base unit ⁄ its value      (⁄ is U+0001)
 *   position   n latitude, and the pair (latitude, longitude) in `ranges`
 *   reference  r target > type parameter (in `byDate` for Patients);  `filterOnly`: ! (presence)  ·  @ target ⁄ version;  `byArrival`: i system | value (identifier)
 *   uri        the text, and of a versioned one in `filterOnly`: @ text ⁄ version       media type  / base part
 *   composite  ! and leading part ⁄ other part (search/composite.ts), each in its form above; of three parts the two numbers are a pair in `ranges`
 *   patient    p patient > type  ·  p patient > token key  (a Patient has its own, from _id)
 *   open       ^ key: every key in `byDate` but those above, where the main date has no start or no end
 *   missing    - type parameter: the resource has no value of a parameter that nearly all have
 *
 * A quantity in `byArrival` has its plain number and that in base units there, everything else about it in `filterOnly`.
 *
 * A range of numbers or a free period has the pair in `ranges` under the head of its key, and a key that says it is there.
 */
import { FhirError } from '../fhir/error.js';
import { orderValues } from '../search/composite.js';
import type { IndexEntry, EntryValue } from '../search/entry.js';
import { cutPhrase, encodeDouble, encodeIdPart, encodePhrase, encodeTarget, encodeText, SEPARATOR } from './codec.js';
import {
  type CatalogEntry,
  type IndexCatalog,
  isOpenWidth,
  systemEntry,
  useEntry,
  widthEntry,
} from './index-catalog.js';
import { type ParameterLayout, type IndexLayout, referenceArray, type TypeLayout } from './index-layout.js';
import { type KeyRange, type Keys, NO_DATE } from './key.js';
import { classOf } from './span-class.js';

export interface Encoding {
  readonly keys: Keys;
  /** Catalog entries to keep before these keys are written. Where there are any, add them to the catalog and encode again. */
  readonly missing: readonly CatalogEntry[];
}

type ReferenceEntry = Extract<EntryValue, { kind: 'reference' | 'url' }>;

/** What an entry points at, as the head of keys. */
const targetOf = (entry: ReferenceEntry): string =>
  entry.kind === 'url' ? `^${encodeText(entry.url)}` : encodeTarget(entry.type, entry.id);

/** Everything that one resource's entries become, while they are read. Lists may name a key twice until the end. */
class KeyWriter {
  readonly byDate: string[];
  readonly byArrival: string[] = [];
  readonly filterOnly: string[] = [];
  readonly ranges: KeyRange[] = [];
  readonly sortTexts: Record<string, string> = {};
  readonly missing: CatalogEntry[] = [];
  readonly catalog: IndexCatalog;
  /** Code systems that get a number here, and ids of all that is missing: a resource may name thousands. */
  private readonly proposals = new Map<string, string>();
  private readonly noted = new Set<string>();

  constructor(typeCode: string, catalog: IndexCatalog) {
    this.byDate = [typeCode];
    this.catalog = catalog;
  }

  /** The number of a code system; a new one is proposed as a catalog entry. */
  system(uri: string): string {
    const known = this.catalog.system(uri);
    if (known !== undefined) return known;
    const proposal = this.proposals.get(uri);
    if (proposal !== undefined) return proposal;
    const id = systemEntry(this.catalog.systems + this.proposals.size + 1);
    this.proposals.set(uri, id.slice(1));
    this.missing.push({ id, value: uri });
    return id.slice(1);
  }

  note(id: string): void {
    if (this.catalog.has(id) || this.noted.has(id)) return;
    this.noted.add(id);
    this.missing.push({ id, value: '' });
  }

  use(prefix: string, use: string): void {
    this.note(useEntry(prefix, use));
  }
}

/** Keys that say patient and code together. */
const MAX_SCOPED_KEYS = 20_000;

/** Before the keys in `byDate` of a resource whose main date is open. */
export const OPEN_PERIOD = '^';

/** Each key once. The lists are short, but for the references of a Provenance or a Bundle. */
const unique = (keys: readonly string[]): readonly string[] =>
  keys.length > 32 ? [...new Set(keys)] : keys.filter((key, i) => keys.indexOf(key) === i);

/** `system number | code`, noted as in use for the parameter. */
function tokenForm(writing: KeyWriter, prefix: string, system: string, code: string): string {
  const number = writing.system(system);
  writing.use(prefix, `s${number}`);
  return `${number}|${encodeText(code)}`;
}

/** The key of an identifier with its type; `system` is the number of the type's system. */
export const ofTypeKey = (at: string, system: string, { code, value }: { code: string; value: string }): string =>
  `${at}%${system}|${encodeText(code)}${SEPARATOR}${encodeText(value)}`;

/** Before the version that a target or URL is named with. */
export const versionHead = (at: string, target: string): string => `${at}@${target}${SEPARATOR}`;

/** Before the base part of a media type: no number of a code system begins so. */
export const mediaTypeHead = (at: string): string => `${at}/`;

/** Heads under which a quantity's number is kept: plain, by system, by coded unit, by printed unit. */
function writtenHeads(writing: KeyWriter, prefix: string, entry: Extract<EntryValue, { kind: 'quantity' }>): string[] {
  const heads = ['n', `s${writing.system(entry.system)}${SEPARATOR}`];
  if (entry.code !== '') heads.push(`c${tokenForm(writing, prefix, entry.system, entry.code)}${SEPARATOR}`);
  if (entry.unit !== '' && entry.unit !== entry.code) heads.push(`u${encodeText(entry.unit)}${SEPARATOR}`);
  return heads;
}

/** A number or quantity: a key under each head, or where it is a range a pair under each and one key that says so. */
function writeNumber(
  writing: KeyWriter,
  into: string[],
  at: string,
  prefix: string,
  value: Extract<EntryValue, { kind: 'number' | 'quantity' }>,
): void {
  const point = value.low === value.high;
  writing.use(prefix, point ? 'cn' : 'cr');
  const heads = value.kind === 'number' ? ['n'] : writtenHeads(writing, prefix, value);
  if (!point) into.push(`${at}r`);
  for (const head of heads)
    if (point) (head === 'n' ? into : writing.filterOnly).push(at + head + encodeDouble(value.low));
    else writing.ranges.push({ prefix: at + head, low: value.low, high: value.high });
  if (value.kind === 'number' || !value.base) return;
  const { unit, low, high } = value.base;
  const head = `${at}b${encodeText(unit)}${SEPARATOR}`;
  if (point) into.push(head + encodeDouble(low));
  else writing.ranges.push({ prefix: head, low, high });
}

/** A target or URL, and beside it the version that it is named with. */
function writeVersioned(
  writing: KeyWriter,
  into: string[],
  at: string,
  target: string,
  version: string | undefined,
): void {
  into.push(at + target);
  if (version !== undefined) writing.filterOnly.push(versionHead(at, target) + encodePhrase(version));
}

/**
 * Adds the keys of one value to `into`, each starting with `at`: the parameter's prefix, or that and the first part of
 * a composite. `prefix` is the parameter's, for the catalog.
 */
function writeValue(writing: KeyWriter, into: string[], at: string, prefix: string, value: EntryValue): void {
  switch (value.kind) {
    case 'token':
      into.push(at + tokenForm(writing, prefix, value.system, value.code));
      return;
    case 'string':
      into.push(`${at}:${encodePhrase(value.norm)}`);
      into.push(`${at}=${encodeText(value.raw)}`);
      return;
    case 'uri':
      writeVersioned(writing, into, at, encodePhrase(value.value), value.version);
      return;
    case 'media-type':
      into.push(mediaTypeHead(at) + encodePhrase(value.type));
      return;
    case 'date': {
      const cls = classOf(value.low, value.high);
      writing.use(prefix, `c${cls}`);
      into.push(at + cls + encodeDouble(value.low));
      if (cls === 'p') writing.ranges.push({ prefix: at, low: value.low, high: value.high });
      return;
    }
    case 'number':
    case 'quantity':
      writeNumber(writing, into, at, prefix, value);
      return;
    case 'reference':
      writing.use(prefix, `t${value.type}`);
      writeVersioned(writing, into, at, targetOf(value), value.version);
      return;
    case 'url':
      writeVersioned(writing, into, at, targetOf(value), value.version);
      return;
    case 'held':
      return;
    case 'identifier':
      into.push(`${at}i${tokenForm(writing, prefix, value.system, value.value)}`);
      return;
    case 'position':
      into.push(`${at}n${encodeDouble(value.latitude)}`);
      writing.ranges.push({ prefix: at, low: value.latitude, high: value.longitude });
      return;
    case 'text':
      writing.filterOnly.push(`${at}:${encodePhrase(value.norm)}`);
      return;
    case 'of-type':
      writing.filterOnly.push(ofTypeKey(at, writing.system(value.system), value));
      return;
    case 'composite':
      throw new FhirError('fault', 'A composite inside a composite cannot be indexed.');
  }
}

/** References of a parameter: target first, so that everything that points at a resource lies in one range. */
function writeReference(writing: KeyWriter, parameter: ParameterLayout, entry: EntryValue): void {
  const { prefix, array: home } = parameter;
  writing.filterOnly.push(`${prefix}!`);
  if (entry.kind === 'held') return;
  if (entry.kind === 'identifier') {
    (home === 'filterOnly' ? writing.filterOnly : writing.byArrival).push(
      `${prefix}i${tokenForm(writing, prefix, entry.system, entry.value)}`,
    );
    return;
  }
  if (entry.kind !== 'reference' && entry.kind !== 'url')
    throw new FhirError('fault', `An entry of ${parameter.code} is no reference.`);
  const target = targetOf(entry);
  if (entry.kind === 'reference') writing.use(prefix, `t${entry.type}`);
  if (entry.version !== undefined) writing.filterOnly.push(versionHead(prefix, target) + encodePhrase(entry.version));
  const array = referenceArray(parameter, target);
  // A Patient that the patient key names needs no second key.
  if (!(parameter.patient && array === 'byDate' && entry.kind === 'reference' && entry.type === 'Patient'))
    writing[array].push(`r${target}>${prefix}`);
}

function writeComposite(
  writing: KeyWriter,
  parameter: ParameterLayout,
  entry: Extract<EntryValue, { kind: 'composite' }>,
): void {
  const { prefix, array: home } = parameter;
  const into = home === 'byArrival' ? writing.byArrival : writing.filterOnly;
  writing.filterOnly.push(`${prefix}!`);
  const [first, second, third] = orderValues(entry.parts);
  for (const value of first ?? []) {
    let head: string;
    if (value.kind === 'token') head = tokenForm(writing, prefix, value.system, value.code);
    else if (value.kind === 'reference' || value.kind === 'url') {
      head = targetOf(value);
      if (value.kind === 'reference') writing.use(prefix, `t${value.type}`);
    } else continue;
    const at = prefix + head + SEPARATOR;
    if (third) writeNumberPairs(writing, at, second!, third);
    else for (const other of second ?? []) writeValue(writing, into, at, prefix, other);
  }
}

/** Three parts (a place on a sequence): the last two are numbers, kept as a pair. */
function writeNumberPairs(
  writing: KeyWriter,
  at: string,
  lows: readonly EntryValue[],
  highs: readonly EntryValue[],
): void {
  for (const low of lows)
    for (const high of highs)
      if (low.kind === 'number' && high.kind === 'number')
        writing.ranges.push({ prefix: at, low: low.low, high: high.low });
}

function writeEntry(writing: KeyWriter, parameter: ParameterLayout, entry: IndexEntry): void {
  const { prefix, array: home } = parameter;
  if (parameter.kind === 'reference') return writeReference(writing, parameter, entry);
  if (entry.kind === 'composite') return writeComposite(writing, parameter, entry);
  const into = home === 'byDate' ? writing.byDate : home === 'byArrival' ? writing.byArrival : writing.filterOnly;
  if (entry.kind === 'string') {
    const norm = encodePhrase(entry.norm);
    const cut = cutPhrase(norm);
    const indexed = home === 'byArrival' && parameter.kind === 'string';
    if (indexed) writing.byArrival.push(`${prefix}:${cut}`);
    if (!indexed || cut !== norm) writing.filterOnly.push(`${prefix}:${norm}`);
    writing.filterOnly.push(`${prefix}=${encodeText(entry.raw)}`);
    if (parameter.sorts && !(writing.sortTexts[prefix]! <= cut)) writing.sortTexts[prefix] = cut;
    return;
  }
  writeValue(writing, into, prefix, prefix, entry);
  if (entry.kind === 'date') writing.filterOnly.push(`${prefix}<${encodeDouble(entry.low)}`);
}

type DateEntry = Extract<IndexEntry, { kind: 'date' }>;

/** An open start stays apart from having no date. */
const mainLow = ({ low }: DateEntry): number => Math.max(low, NO_DATE + 1);

/** Of several main dates (a Timing) the earliest: it orders the resource. */
function mainDateEntry(entries: readonly IndexEntry[], code: string | undefined): DateEntry | undefined {
  let first: DateEntry | undefined;
  for (const entry of entries)
    if (entry.kind === 'date' && entry.parameter === code)
      if (!first || mainLow(entry) < mainLow(first) || (mainLow(entry) === mainLow(first) && entry.high < first.high))
        first = entry;
  return first;
}

/** Notes how long the main date is. Further main dates are found like secondary ones. */
function writeMainDates(
  writing: KeyWriter,
  entries: readonly IndexEntry[],
  first: DateEntry,
  { typeCode, parameters }: TypeLayout,
): void {
  writing.note(widthEntry(typeCode, first.high - mainLow(first)));
  for (const entry of entries)
    if (entry.kind === 'date' && entry.parameter === first.parameter && entry !== first) {
      const { prefix } = parameters.get(first.parameter)!;
      writeValue(writing, writing.filterOnly, prefix, prefix, entry);
    }
}

/** Every patient with the type, and with each token that has keys per patient. */
function writePatientKeys(
  writing: KeyWriter,
  typeCode: string,
  patients: readonly string[],
  scoped: readonly string[],
): void {
  if (patients.length * scoped.length > MAX_SCOPED_KEYS)
    throw new FhirError(
      'too-large',
      'The resource has too many codes for too many patients: send several smaller ones.',
      { expression: 'Resource', detail: 'too-many-index-entries' },
    );
  for (const patient of unique(patients)) {
    writing.byDate.push(`p${patient}>${typeCode}`);
    for (const token of scoped) writing.byDate.push(`p${patient}>${token}`);
  }
}

/** The patient whose resource an entry makes it; a Patient is one of the resources of that patient, too. */
function patientOf(type: string, parameter: ParameterLayout, entry: IndexEntry): string | undefined {
  if (type === 'Patient' && entry.parameter === '_id' && entry.kind === 'token') return encodeIdPart(entry.code);
  return parameter.patient && entry.kind === 'reference' && entry.type === 'Patient'
    ? encodeIdPart(entry.id)
    : undefined;
}

/**
 * The keys of a resource of `type` with these entries. Pure; equal entries give equal keys whatever their order, but
 * for the order inside the arrays. Throws `fault` on an entry of a parameter that the layout does not know.
 */
export function encode(
  layout: IndexLayout,
  type: string,
  entries: readonly IndexEntry[],
  catalog: IndexCatalog,
): Encoding {
  const typeLayout = layout.of(type);
  const { typeCode, parameters, mainDate, rarelyMissing } = typeLayout;
  const writing = new KeyWriter(typeCode, catalog);
  const patients: string[] = [];
  const scoped: string[] = [];
  for (const entry of entries) {
    const parameter = parameters.get(entry.parameter);
    if (!parameter)
      throw new FhirError('fault', `${type} has an index entry of ${entry.parameter}, which the layout does not know.`);
    if (parameter.main && entry.kind === 'date') continue;
    const patient = patientOf(type, parameter, entry);
    if (patient !== undefined) patients.push(patient);
    if (parameter.union || entry.parameter === '_id' || entry.parameter === '_lastUpdated') continue;
    if (parameter.scoped && entry.kind === 'token')
      scoped.push(parameter.prefix + tokenForm(writing, parameter.prefix, entry.system, entry.code));
    writeEntry(writing, parameter, entry);
  }
  const first = mainDateEntry(entries, mainDate);
  if (first) writeMainDates(writing, entries, first, typeLayout);
  for (const { code, prefix, missingKeyIn } of rarelyMissing)
    if (missingKeyIn && !entries.some(entry => entry.parameter === code)) writing[missingKeyIn].push(`-${prefix}`);
  // Before the keys of patients and references, which are few enough to be looked at one by one.
  if (first && isOpenWidth(first.high - mainLow(first)))
    writing.byDate.push(...unique(writing.byDate.filter(key => !key.startsWith('r'))).map(key => OPEN_PERIOD + key));
  writePatientKeys(writing, typeCode, patients, scoped);
  const { byDate, byArrival, filterOnly, ranges, sortTexts, missing } = writing;
  const keys = {
    byDate: unique(byDate),
    byArrival: unique(byArrival),
    filterOnly: unique(filterOnly),
    ranges,
    mainDate: first ? mainLow(first) : NO_DATE,
    mainDateEnd: first ? first.high : NO_DATE,
    sortTexts,
  };
  return { keys, missing };
}
