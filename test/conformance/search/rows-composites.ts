/**
 * Composite parameters, every one of R4 (match.test.ts makes sure): both parts must hold for the same element.
 * https://hl7.org/fhir/R4/search.html#combining
 */
import { LOCAL, OTHER, UCUM } from './population.js';
import { CONTEXTUAL } from './population-composites.js';
import type { Group, Row } from './row.js';

/** What the two resources of a type say, as each type with a use context is asked for it. */
const CONTEXTS: readonly (readonly [about: string, query: string, ...at: readonly number[]])[] = [
  ['concept', 'context-type-value=gender$female', 1],
  ['concept in systems', `context-type-value=${LOCAL}|focus$${LOCAL}|female`, 2],
  ['concept of another context', 'context-type-value=age$female'],
  ['quantity', `context-type-quantity=age$40|${UCUM}|a`, 1],
  ['quantity with a prefix', 'context-type-quantity=age$gt15', 1, 2],
  ['range that ends before', `context-type-quantity=${LOCAL}|age$eb21`, 2],
];

const contexts = (type: string): Row[] =>
  CONTEXTS.map(([about, query, ...at]) => ({
    name: `contexts: ${type}: ${about}`,
    query: `${type}?${query}`,
    expect: at.map(n => `${type}-${n}`),
  }));

const row = (name: string, query: string, ...expect: readonly string[]): Row => ({
  name: `composites: ${name}`,
  query,
  expect,
});
const pairs = (name: string, query: string, ...at: readonly number[]): Row =>
  row(name, `Observation?${query}`, ...at.map(n => `pair-${n}`));
const sequences = (name: string, query: string, ...at: readonly number[]): Row =>
  row(name, `MolecularSequence?${query}`, ...at.map(n => `sequence-${n}`));
const documents = (name: string, query: string, ...at: readonly number[]): Row =>
  row(name, `DocumentReference?relationship=${query}`, ...at.map(n => `related-${n}`));
const groups = (name: string, query: string, ...at: readonly number[]): Row =>
  row(name, `Group?characteristic-value=${query}`, ...at.map(n => `traits-${n}`));

const FULL = `|${UCUM}|mm[Hg]`;

export const COMPOSITE_GROUPS: readonly Group[] = [
  { title: 'use contexts of every type', rows: Object.keys(CONTEXTUAL).flatMap(contexts) },
  {
    title: 'use contexts together',
    rows: [
      row(
        'use contexts, alternatives',
        'Library?context-type-value=gender$male,gender$female',
        'Library-1',
        'Library-2',
      ),
      row('use contexts, both', 'Library?context-type-value=focus$female&context-type-value=gender$male', 'Library-2'),
      row(
        'use contexts, both of different resources',
        'Library?context-type-value=focus$female&context-type-quantity=age$40',
      ),
      row(
        'with a condition on one part alone',
        'Library?context-type-value=focus$female&context-type=age',
        'Library-2',
      ),
      row('use contexts: a comma ends the pair', 'Library?context-type-value=gender$nobody,focus$female', 'Library-2'),
      row(
        'use contexts, each alternative with its prefix',
        'Library?context-type-quantity=age$lt15,age$gt30',
        'Library-1',
        'Library-2',
      ),
      row('use contexts, missing', 'Library?context-type-value:missing=false', 'Library-1', 'Library-2'),
    ],
  },
  {
    title: 'codes and values of observations',
    rows: [
      pairs('code and quantity', `code-value-quantity=pair-q$120${FULL}`, 1),
      pairs('code and quantity without a unit', 'code-value-quantity=pair-q$120', 1),
      pairs('code in its system and quantity', `code-value-quantity=${LOCAL}|pair-q$80`, 2),
      pairs('code in another system', `code-value-quantity=${OTHER}|pair-q$80`),
      pairs('code and quantity, ge', `code-value-quantity=pair-q$ge80${FULL}`, 1, 2),
      pairs('code and quantity, lt', `code-value-quantity=pair-q$lt80${FULL}`, 6),
      pairs('code and quantity, sa', `code-value-quantity=pair-q$sa80${FULL}`, 1),
      pairs('code and quantity, eb', `code-value-quantity=pair-q$eb120${FULL}`, 2, 6),
      pairs('code and quantity, ne', `code-value-quantity=pair-q$ne120${FULL}`, 2, 6),
      pairs('code and quantity, ap', `code-value-quantity=pair-q$ap110${FULL}`, 1),
      pairs('code and quantity of another unit', `code-value-quantity=pair-q$120|${UCUM}|kPa`),
      pairs('code and quantity with the printed unit', 'code-value-quantity=pair-q$120||mmHg', 1),
      pairs('code and quantity, alternatives', 'code-value-quantity=pair-q$80,pair-other$120', 2, 3),
      pairs('a code and the value of another observation', 'code-value-quantity=pair-other$80'),
      pairs('code and concept', `code-value-concept=pair-c$${LOCAL}|positive`, 7),
      pairs('code and concept in any system', 'code-value-concept=pair-c$positive', 7, 8),
      pairs('code and concept of another code', 'code-value-concept=pair-q$positive'),
      pairs('code and string', 'code-value-string=pair-s$yellow', 10, 11),
      pairs('code and string with a comma', 'code-value-string=pair-s$yellow\\, c', 10),
      pairs('code and string in any case', 'code-value-string=pair-s$YELLOWISH', 11),
      pairs('code and string of another code', 'code-value-string=pair-c$yellow'),
      pairs('code and date', 'code-value-date=pair-d$2021-05', 12, 13),
      pairs('code and date, sa', 'code-value-date=pair-d$sa2021-05', 14),
      pairs('code and date, eb', 'code-value-date=pair-d$eb2021-05-05', 12),
      pairs('code and date, lt', 'code-value-date=pair-d$lt2021-05-04', 13),
      pairs('code and date, ge', 'code-value-date=pair-d$ge2021-05-30', 13, 14),
      pairs('code and date of another code', 'code-value-date=pair-q$2021'),
    ],
  },
  {
    title: 'codes and values of components',
    rows: [
      pairs('component quantity', `component-code-value-quantity=sys$120${FULL}`, 4, 6),
      pairs('component quantity of the other component', 'component-code-value-quantity=dia$120', 5),
      pairs('component quantity with a prefix', 'component-code-value-quantity=sys$lt100', 5),
      pairs('both components', 'component-code-value-quantity=sys$120&component-code-value-quantity=dia$80', 4),
      pairs('either component', 'component-code-value-quantity=dia$80,dia$120', 4, 5),
      pairs('a value is no component', 'component-code-value-quantity=pair-q$120'),
      pairs('component concept', 'component-code-value-concept=culture$positive', 9),
      pairs('component concept of the other component', 'component-code-value-concept=stain$positive'),
      pairs('component concept in its system', `component-code-value-concept=${LOCAL}|stain$${LOCAL}|negative`, 9),
      pairs('combo quantity of a value', 'combo-code-value-quantity=pair-q$120', 1),
      pairs('combo quantity of a component', 'combo-code-value-quantity=sys$120', 4, 6),
      pairs('combo quantity pairs within one component only', 'combo-code-value-quantity=pair-q$120,dia$60', 1),
      pairs('combo quantity does not pair code and component', 'combo-code-value-quantity=pair-panel$120'),
      pairs('combo quantity of either', 'combo-code-value-quantity=pair-other$120,dia$80', 3, 4),
      pairs('combo concept of a value', 'combo-code-value-concept=pair-c$positive', 7, 8),
      pairs('combo concept of a component', 'combo-code-value-concept=culture$positive', 9),
      pairs('combo concept does not pair code and component', 'combo-code-value-concept=pair-panel$positive'),
    ],
  },
  {
    title: 'three parts',
    rows: [
      sequences('chromosome and variant', 'chromosome-variant-coordinate=1$128$129', 1),
      sequences('chromosome and variant of the other', 'chromosome-variant-coordinate=2$128$510', 2),
      sequences('start and end of two variants', 'chromosome-variant-coordinate=1$128$510'),
      sequences('chromosome and variant with prefixes', `chromosome-variant-coordinate=${LOCAL}|1$lt200$gt100`, 1),
      sequences('either chromosome', 'chromosome-variant-coordinate=1$ge500$le510,2$ge100$le510', 1, 2),
      sequences('chromosome and window', 'chromosome-window-coordinate=1$100$200', 1),
      sequences('chromosome and window with a prefix', 'chromosome-window-coordinate=2$100$gt250', 2),
      sequences('chromosome and window of the other', 'chromosome-window-coordinate=1$100$300'),
      sequences('sequence and variant', 'referenceseqid-variant-coordinate=NC_000001.11$500$510', 1),
      sequences('sequence and variant with prefixes', 'referenceseqid-variant-coordinate=NC_000002.12$gt1$lt1000', 2),
      sequences('sequence and variant of the other', 'referenceseqid-variant-coordinate=NC_000002.12$500$510'),
      sequences('sequence and window', `referenceseqid-window-coordinate=${LOCAL}|NC_000001.11$100$200`, 1),
      sequences(
        'sequence and window, either',
        'referenceseqid-window-coordinate=NC_000001.11$100$200,NC_000002.12$100$300',
        1,
        2,
      ),
      sequences('three parts, one of them missing', 'chromosome-variant-coordinate:missing=true', 3),
      sequences('sequence and window of the other', 'referenceseqid-window-coordinate=NC_000001.11$100$300'),
    ],
  },
  {
    title: 'references and flags as parts',
    rows: [
      documents('a reference first', 'DocumentReference/lost-1$replaces', 1),
      documents('a bare id first', 'lost-1$appends', 2),
      documents('an own address first', '{base}/DocumentReference/lost-1$replaces', 1),
      documents('an address elsewhere first', 'https://elsewhere.example/fhir/DocumentReference/lost-2$signs', 2),
      documents('the code of another reference', 'lost-2$replaces'),
      documents('references, alternatives', 'lost-1$replaces,lost-1$appends', 1, 2),
      documents('a code with its system', 'lost-1$http://hl7.org/fhir/document-relationship-type|appends', 2),
      groups('a flag', 'smoker$true', 1),
      groups('the other flag', `${LOCAL}|smoker$false`, 2),
      groups('a concept', `colour$${LOCAL}|red`, 1),
      groups('the value of another characteristic', 'colour$true'),
      groups('flags, alternatives', 'smoker$false,colour$red', 1, 2),
    ],
  },
];
