/**
 * Texts for the rows of string parameters, each with what is left of it when case, accents and width do not count,
 * written out by hand. https://hl7.org/fhir/R4/search.html#string
 *
 * Choices, as in the server: letters that no accent makes (æ, đ, ł, ø) stay themselves, `ß` is `ss`, a final sigma is
 * a sigma, punctuation counts, several blanks are one.
 */
import type { Known } from './population.js';

export interface Named {
  readonly resource: Known;
  readonly text: string;
  /** Without case and accents. */
  readonly plain: string;
}

const LONG = 'Wolfeschlegelsteinhausenbergerdorffwelchevoralternwaren';

/** Practitioner.name.family. */
export const FAMILIES: readonly Named[] = (
  [
    ['Smith', 'smith'],
    ['smith', 'smith'],
    ['SMITH', 'smith'],
    ['Smithe', 'smithe'],
    ['Naismith', 'naismith'],
    ['M\u00fcller', 'muller'],
    ['Mu\u0308ller', 'muller'],
    ['Muller', 'muller'],
    ['Mueller', 'mueller'],
    ['Strau\u00df', 'strauss'],
    ['Strauss', 'strauss'],
    ['STRAU\u1e9e', 'strauss'],
    ['Straus', 'straus'],
    ['\ufb01nch', 'finch'],
    ['Finch', 'finch'],
    ['\u0132ssel', 'ijssel'],
    ['\uff21\uff42\uff45', 'abe'],
    ['\u00c5ngstr\u00f6m', 'angstrom'],
    ['\u212bngstr\u00f6m', 'angstrom'],
    ['Иванов', 'иванов'],
    ['ИВАНОВА', 'иванова'],
    ['Παπαδόπουλος', 'παπαδοπουλοσ'],
    ['ΠΑΠΑΔΟΠΟΥΛΟΣ', 'παπαδοπουλοσ'],
    ['山田', '山田'],
    ['山田太郎', '山田太郎'],
    ["O'Brien", "o'brien"],
    ['O\u2019Brien', 'o\u2019brien'],
    ['OBrien', 'obrien'],
    ['van  der   Berg', 'van der berg'],
    ['Van der Berg', 'van der berg'],
    ['Vander Berg', 'vander berg'],
    ['Jones, Jr', 'jones, jr'],
    ['x|y', 'x|y'],
    ['u$v', 'u$v'],
    ['r\\s', 'r\\s'],
    ['\u0110\u1eb7ng', 'đang'],
    ['\u0141ukasz', 'łukasz'],
    ['\u0130stanbul', 'istanbul'],
    [LONG, LONG.toLowerCase()],
    [`${LONG}vorfahren`, `${LONG.toLowerCase()}vorfahren`],
    [LONG.slice(0, 41), LONG.slice(0, 41).toLowerCase()],
    ['Garc\u00eda-L\u00f3pez', 'garcia-lopez'],
    ['100% (sure)', '100% (sure)'],
    ['a_b*c?', 'a_b*c?'],
    ['\u{1f600} Smile', '\u{1f600} smile'],
    // Marks of any script are combining characters: vowel signs, and the points of Arabic.
    ['हिन्दी', 'हनद'],
    ['مُحَمَّد', 'محمد'],
  ] as const
).map(([text, plain], at) => ({
  resource: { resourceType: 'Practitioner', id: `family-${at + 1}`, name: [{ family: text }] },
  text,
  plain,
}));

/** Names and addresses of several parts: what is found by which parameter. */
export const PEOPLE: readonly Known[] = [
  {
    resourceType: 'RelatedPerson',
    id: 'parts-1',
    patient: { reference: 'Patient/eve' },
    name: [
      {
        use: 'official',
        text: 'Dr. Ada Zelda Quist PhD',
        family: 'Quist',
        given: ['Ada', 'Zelda'],
        prefix: ['Dr.'],
        suffix: ['PhD'],
      },
      { use: 'maiden', family: 'Rask', given: ['Ada'] },
    ],
    address: [
      {
        use: 'home',
        text: '7 Lime Street, Upper Town, Bergen',
        line: ['7 Lime Street', 'Floor 2'],
        city: 'Bergen',
        district: 'Upper Town',
        state: 'Vestland',
        postalCode: '5003',
        country: 'Norway',
      },
      { use: 'work', city: 'Oslo', country: 'Norway' },
    ],
  },
  {
    resourceType: 'RelatedPerson',
    id: 'parts-2',
    patient: { reference: 'Patient/eve' },
    name: [{ text: 'Bo Ek' }],
    address: [{ text: 'Somewhere in Bergen' }],
  },
  {
    resourceType: 'RelatedPerson',
    id: 'parts-3',
    patient: { reference: 'Patient/evelyn' },
    name: [{ family: 'Bergen', given: ['Oslo'] }],
    address: [{ city: 'Uppsala', country: 'Sweden', postalCode: '75003' }],
  },
  { resourceType: 'RelatedPerson', id: 'parts-none', patient: { reference: 'Patient/evelyn' } },
  {
    resourceType: 'HealthcareService',
    id: 'service-1',
    name: 'Caf\u00e9 for Recovery',
  },
  { resourceType: 'HealthcareService', id: 'service-2', name: 'Recovery' },
  {
    resourceType: 'Questionnaire',
    id: 'plain-texts',
    status: 'draft',
    name: 'PlainTexts',
    title: 'Plain   texts',
    description: 'A *markdown* text,\nof two lines',
    publisher: 'The Publisher',
  },
];
