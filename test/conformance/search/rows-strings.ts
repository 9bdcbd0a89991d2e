/** String parameters: every mode on texts of many scripts, and the parts of names and addresses. https://hl7.org/fhir/R4/search.html#string */
import { FAMILIES } from './population-strings.js';
import type { Group, Row } from './row.js';

const MODES = ['', ':exact', ':contains'] as const;

/** A text to search for, without case and accents. `text` stands in the query as it is; `,` `|` `$` `\` and % are escaped. */
type Sought = readonly [text: string, plain: string];

const SOUGHT: readonly Sought[] = [
  ['smith', 'smith'],
  ['Smith', 'smith'],
  ['SMI', 'smi'],
  ['m\u00fcller', 'muller'],
  ['Mu\u0308ller', 'muller'],
  ['muller', 'muller'],
  ['STRAUSS', 'strauss'],
  ['Strau\u00df', 'strauss'],
  ['aus', 'aus'],
  ['finch', 'finch'],
  ['\ufb01nch', 'finch'],
  ['ij', 'ij'],
  ['abe', 'abe'],
  ['\u00e5ngstrom', 'angstrom'],
  ['иван', 'иван'],
  ['ИВАНОВА', 'иванова'],
  ['ванов', 'ванов'],
  ['παπαδοπουλος', 'παπαδοπουλοσ'],
  ['παπαδοπουλοσ', 'παπαδοπουλοσ'],
  ['Παπαδ\u03ccπουλος', 'παπαδοπουλοσ'],
  ['山田', '山田'],
  ['太郎', '太郎'],
  ["o'b", "o'b"],
  ['obrien', 'obrien'],
  ['brien', 'brien'],
  ['van der berg', 'van der berg'],
  ['van  der   Berg', 'van der berg'],
  ['der b', 'der b'],
  ['jones, jr', 'jones, jr'],
  [', j', ', j'],
  ['x|y', 'x|y'],
  ['u$v', 'u$v'],
  ['r\\s', 'r\\s'],
  ['\u0111ang', 'đang'],
  ['lukasz', 'lukasz'],
  ['\u0142ukasz', 'łukasz'],
  ['istanbul', 'istanbul'],
  ['wolfeschlegelsteinhausenbergerdorffwelche', 'wolfeschlegelsteinhausenbergerdorffwelche'],
  [
    'Wolfeschlegelsteinhausenbergerdorffwelchevoralternwarenvor',
    'wolfeschlegelsteinhausenbergerdorffwelchevoralternwarenvor',
  ],
  ['vorfahren', 'vorfahren'],
  ['garcia-l', 'garcia-l'],
  ['100% (', '100% ('],
  ['a_b*', 'a_b*'],
  ['%', '%'],
  ['_', '_'],
  ['.', '.'],
  ['\u{1f600}', '\u{1f600}'],
  ['हिन्दी', 'हनद'],
  ['محمد', 'محمد'],
];

/** As a query wants it: the separators with a backslash, the percent sign by its number. */
const written = (text: string) => text.replace(/[,|$\\]/g, '\\$&').replaceAll('%', '%25');

function finds(mode: (typeof MODES)[number], [text, plain]: Sought): string[] {
  return FAMILIES.filter(stored => {
    switch (mode) {
      case '':
        return stored.plain.startsWith(plain);
      case ':exact':
        return stored.text === text;
      case ':contains':
        return stored.plain.includes(plain);
    }
  }).map(({ resource }) => resource.id);
}

const row = (name: string, query: string, ...expect: readonly string[]): Row => ({
  name: `strings: ${name}`,
  query,
  expect,
});
const parts = (name: string, query: string, ...at: readonly number[]): Row =>
  row(name, `RelatedPerson?${query}`, ...at.map(n => `parts-${n}`));

/** Several stored texts can be the same text: whoever is there is found by all of them. */
const ids = (...at: readonly number[]) => at.map(n => `family-${n}`);

export const STRING_GROUPS: readonly Group[] = [
  {
    title: 'texts of many scripts',
    rows: SOUGHT.flatMap((sought, at) =>
      MODES.map(
        (mode): Row => ({
          name: `text ${at + 1}: family${mode}=${sought[0]}`,
          query: `Practitioner?family${mode}=${written(sought[0])}`,
          expect: finds(mode, sought),
        }),
      ),
    ),
  },
  {
    title: 'parts of names',
    rows: [
      parts('name finds a family name', 'name=quist', 1),
      parts('name finds a given name', 'name=ada', 1),
      parts('name finds the second given name', 'name=zelda', 1),
      parts('name finds the second name', 'name=rask', 1),
      parts('name finds a prefix', 'name=dr.', 1),
      parts('name finds a suffix', 'name=phd', 1),
      parts('name finds the text of a name', 'name=bo ek', 2),
      parts('name finds a text of one name, not of two', 'name=ada rask'),
      parts('name does not know its use', 'name=maiden'),
      parts('name:exact is one whole part', 'name:exact=Ada', 1),
      parts('name:exact minds case', 'name:exact=ada'),
      parts('name:exact is the whole text too', 'name:exact=Bo Ek', 2),
      parts('name:contains looks into every part', 'name:contains=eld', 1),
      parts('name:contains looks into the text', 'name:contains=o e', 2),
      parts('names are no addresses', 'name=berg', 3),
      parts('name has alternatives', 'name=bo,oslo', 2, 3),
      parts('two conditions, two parts', 'name=rask&name=zelda', 1),
      row('family and given are apart: family', 'Practitioner?given=smith'),
      row('family and given are apart: given', 'Practitioner?family:exact=Finch&given:missing=true', ...ids(15)),
    ],
  },
  {
    title: 'parts of addresses',
    rows: [
      parts('address finds a line', 'address=7 lime', 1),
      parts('address finds the second line', 'address=floor', 1),
      parts('address finds a city', 'address=uppsala', 3),
      parts('address finds a district', 'address=upper', 1),
      parts('address finds a state', 'address=vest', 1),
      parts('address finds a postal code', 'address=5003', 1),
      parts('address finds a country', 'address=norw', 1),
      parts('address finds a text', 'address=somewhere', 2),
      parts('address finds the second address', 'address=oslo', 1),
      parts('address begins with, in each part', 'address=bergen', 1),
      parts('address:contains finds the middle of a text', 'address:contains=bergen', 1, 2),
      parts('address:contains finds the end of a postal code', 'address:contains=5003', 1, 3),
      parts('address:exact is a whole part', 'address:exact=Bergen', 1),
      parts('address-city is the city alone', 'address-city=bergen', 1),
      parts('address-city does not look at the text', 'address-city=some'),
      parts('address-state', 'address-state=vestland', 1),
      parts('address-postalcode', 'address-postalcode=75', 3),
      parts('address-country', 'address-country=norway,sweden', 1, 3),
      parts('address-country in any case', 'address-country=SWEDEN', 3),
      parts('address-use is a token', 'address-use=work', 1),
      parts('a city and a country of two addresses', 'address-city=oslo&address-postalcode=5003', 1),
      row('addresses that are missing', 'RelatedPerson?address:missing=true', 'parts-none'),
    ],
  },
  {
    title: 'other texts',
    rows: [
      row('a plain string', 'HealthcareService?name=caf\u00e9', 'service-1'),
      row('a plain string without accents', 'HealthcareService?name=CAFE FOR', 'service-1'),
      row('starts with is no contains', 'HealthcareService?name=recovery', 'service-2'),
      row('contains is more than starts with', 'HealthcareService?name:contains=recovery', 'service-1', 'service-2'),
      row('exact with accents', 'HealthcareService?name:exact=Caf\u00e9 for Recovery', 'service-1'),
      row('exact without the accents', 'HealthcareService?name:exact=Cafe for Recovery'),
      row('blanks of a title are one', 'Questionnaire?title=plain texts', 'plain-texts'),
      row('exact minds blanks', 'Questionnaire?title:exact=Plain texts'),
      row('exact with the blanks', 'Questionnaire?title:exact=Plain   texts', 'plain-texts'),
      row('a line break is a blank', 'Questionnaire?description:contains=text\\, of two', 'plain-texts'),
      row('markdown is text', 'Questionnaire?description=a *mark', 'plain-texts'),
      row('a name of a definition', 'Questionnaire?name=plaintexts', 'plain-texts'),
      row('a publisher', 'Questionnaire?publisher:contains=PUBLISH', 'plain-texts'),
      row('outer blanks of the value do not count', 'Questionnaire?publisher= the publisher ', 'plain-texts'),
      row('alternatives of one letter', 'Practitioner?family=\u0111,\u0142', ...ids(36, 37)),
      row(
        'an escaped comma and a real one',
        'Practitioner?family=jones\\, j,x\\|y,u\\$v,r\\\\s',
        ...ids(32, 33, 34, 35),
      ),
      row('an unescaped bar is a bar', 'Practitioner?family=x|y', ...ids(33)),
      row('an unescaped dollar is a dollar', 'Practitioner?family=u$v', ...ids(34)),
      row('a backslash before a letter is a backslash', 'Practitioner?family=r\\s', ...ids(35)),
    ],
  },
];
