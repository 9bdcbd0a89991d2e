/**
 * Token parameters: the four forms and their combinations on every element type that carries codes, `:not`, `:text`,
 * `:of-type`, implied systems. https://hl7.org/fhir/R4/search.html#token, https://hl7.org/fhir/R4/search.html#modifiers
 */
import { LOCAL, OTHER } from './population.js';
import { type Code, SHAPES } from './population-tokens.js';
import type { Group, Row } from './row.js';

/** A form as it is written, and whether one code is what it means. */
interface Form {
  readonly text: string;
  readonly means: (code: Code) => boolean;
}

const bare = (code: string): Form => ({ text: code, means: stored => stored.code === code });
const full = (system: string, code: string): Form => ({
  text: `${system}|${code}`,
  means: stored => stored.system === system && stored.code === code,
});
const alone = (code: string): Form => ({
  text: `|${code}`,
  means: stored => stored.system === undefined && stored.code === code,
});
const whole = (system: string): Form => ({ text: `${system}|`, means: stored => stored.system === system });
const either = (...forms: readonly Form[]): Form => ({
  text: forms.map(({ text }) => text).join(','),
  means: stored => forms.some(({ means }) => means(stored)),
});

const FORMS: readonly Form[] = [
  bare('x'),
  bare('y'),
  bare('X'),
  bare('xx'),
  full(LOCAL, 'x'),
  full(OTHER, 'x'),
  full(LOCAL, 'X'),
  full(OTHER, 'y'),
  full('http://codes.example/third', 'x'),
  alone('x'),
  alone('y'),
  whole(LOCAL),
  whole(OTHER),
  whole('http://codes.example/third'),
  either(full(LOCAL, 'x'), full(OTHER, 'x')),
  either(bare('y'), alone('x')),
  either(whole(OTHER), bare('X')),
];

/** Two conditions: each by some code of the resource, not both by one. */
const PAIRS: readonly (readonly [Form, Form])[] = [
  [bare('x'), bare('y')],
  [full(LOCAL, 'x'), whole(OTHER)],
  [full(LOCAL, 'y'), whole(OTHER)],
  [either(bare('x'), bare('y')), whole(LOCAL)],
];

function coded(title: string, parameter: string, id: string): Group {
  const found = (test: (codes: readonly Code[]) => boolean) =>
    SHAPES.flatMap((codes, at) => (test(codes) ? [`${id}-${at + 1}`] : []));
  return {
    title,
    rows: [
      ...FORMS.map(
        ({ text, means }): Row => ({
          name: `${title}: ${text}`,
          query: `${parameter}=${text}`,
          expect: found(codes => codes.some(means)),
        }),
      ),
      ...FORMS.map(
        ({ text, means }): Row => ({
          name: `${title}: not ${text}, or nothing at all`,
          query: `${parameter}:not=${text}`,
          expect: found(codes => !codes.some(means)),
        }),
      ),
      ...PAIRS.map(
        ([first, second]): Row => ({
          name: `${title}: ${first.text} and ${second.text}`,
          query: `${parameter}=${first.text}&${parameter.split('?')[1]}=${second.text}`,
          expect: found(codes => codes.some(first.means) && codes.some(second.means)),
        }),
      ),
      ...PAIRS.map(
        ([first, second]): Row => ({
          name: `${title}: ${first.text} and not ${second.text}`,
          query: `${parameter}=${first.text}&${parameter.split('?')[1]}:not=${second.text}`,
          expect: found(codes => codes.some(first.means) && !codes.some(second.means)),
        }),
      ),
    ],
  };
}

const row = (name: string, query: string, ...expect: readonly string[]): Row => ({
  name: `tokens: ${name}`,
  query,
  expect,
});
const labels = (name: string, query: string, ...at: readonly number[]): Row =>
  row(name, `Specimen?${query}`, ...at.map(n => `label-${n}`));
const roles = (name: string, query: string, ...at: readonly number[]): Row =>
  row(name, `PractitionerRole?${query}`, ...at.map(n => `plain-${n}`));
const allergies = (name: string, query: string, ...at: readonly number[]): Row =>
  row(name, `AllergyIntolerance?${query}`, ...at.map(n => `allergy-${n}`));
const groups = (name: string, query: string, ...at: readonly number[]): Row =>
  row(name, `Group?${query}`, ...at.map(n => `traits-${n}`));

const V2 = 'http://terminology.hl7.org/CodeSystem/v2-0203';
const CATEGORIES = 'http://hl7.org/fhir/allergy-intolerance-category';
const BOOLEANS = 'http://terminology.hl7.org/CodeSystem/special-values';

export const TOKEN_GROUPS: readonly Group[] = [
  coded('codings', 'MedicationKnowledge?_tag', 'coding'),
  coded('concepts', 'Medication?code', 'concept'),
  coded('identifiers', 'Device?identifier', 'identifier'),
  {
    title: 'texts beside codes',
    rows: [
      labels(':text finds the display', 'type:text=whole', 1),
      labels(':text finds the text', 'type:text=blood\\, drawn', 1),
      labels(':text begins with', 'type:text=blood', 1, 3, 5),
      labels(':text is not in the middle', 'type:text=drawn'),
      labels(':text in any case', 'type:text=BLOOD', 1, 3, 5),
      labels(':text without accents', 'type:text=serum', 2),
      labels(':text with accents', 'type:text=S\u00c9R', 2),
      labels(':text finds the second coding', 'type:text=blood pl', 5),
      labels(':text is not the code', 'type:text=bld'),
      labels(':text has alternatives', 'type:text=serum,plasma', 2, 5),
      labels(':text finds the type of an identifier', 'identifier:text=medical', 1),
      labels('a code is no text', 'type=blood', 4),
      labels('a display is no code', 'type=Plasma'),
      labels('a code and the text of another coding', 'type=pls&type:text=blood', 5),
    ],
  },
  {
    title: 'types of identifiers',
    rows: [
      labels(':of-type is system, code and value', `identifier:of-type=${V2}|MR|12`, 1),
      labels(':of-type of another value', `identifier:of-type=${V2}|MR|34`, 2),
      labels(':of-type of another type', `identifier:of-type=${V2}|PLAC|34`, 1),
      labels(':of-type needs type and value in one identifier', `identifier:of-type=${V2}|PLAC|12`),
      labels(':of-type without a system', 'identifier:of-type=|MR|12', 3),
      labels(':of-type of a wrong system', `identifier:of-type=${OTHER}|MR|12`),
      labels(':of-type by the second coding of the type', `identifier:of-type=${OTHER}|own|a\\|b`, 5),
      labels(':of-type has alternatives', `identifier:of-type=${V2}|MR|12,${V2}|MR|34`, 1, 2),
      labels(':of-type minds case', `identifier:of-type=${V2}|mr|12`),
      labels('an identifier without its type', 'identifier=12', 1, 3, 4),
    ],
  },
  {
    title: 'contacts, flags and plain codes',
    rows: [
      roles('a phone number', 'phone=%2B31 20 555 0101', 1),
      roles('an email address minds case', 'email=One@example.org', 1),
      roles('another case is another address', 'email=one@example.org'),
      roles('telecom is any contact', 'telecom=one@example.org', 2),
      roles('a contact without its kind', 'telecom=555', 2),
      roles('a contact without its kind is no phone', 'phone=555'),
      roles('a contact has no system', 'telecom=|555', 2),
      roles('the kind of a contact is no system', 'telecom=phone|555'),
      roles('true', 'active=true', 1),
      roles('false', 'active=false', 2),
      roles('not true is false or unsaid', 'active:not=true', 2, 3),
      roles('neither true nor false', 'active:not=true,false', 3),
      roles('true with its system', `active=${BOOLEANS}|true`, 1),
      roles('not true with its system', `active:not=${BOOLEANS}|true`, 2, 3),
      roles('any of the system of true and false', `active=${BOOLEANS}|`, 1, 2),
      roles('true without a system', 'active=|true', 1),
      roles('true in another system', `active=${OTHER}|true`),
      roles('true in capitals', 'active=TRUE'),
      allergies('a code of several', 'category=food', 1, 2),
      allergies('the second code of several', 'category=medication', 1),
      allergies('a code with the system of its value set', `category=${CATEGORIES}|food`, 1, 2),
      allergies('any code of the system of its value set', `category=${CATEGORIES}|`, 1, 2),
      allergies('a code without a system', 'category=|food', 1, 2),
      allergies('a code of another system', `category=${LOCAL}|food`),
      allergies('not one of several', 'category:not=medication', 2, 3),
      allergies('not either of several', 'category:not=medication,food', 3),
      allergies('not a code with its system', `category:not=${CATEGORIES}|medication`, 2, 3),
      allergies('both codes', 'category=food&category=medication', 1),
      allergies('one code and not the other', 'category=food&category:not=medication', 2),
      allergies('codes of two parameters', 'type=allergy&criticality=high', 1),
      allergies('codes of two parameters that do not meet', 'type=allergy&criticality=low'),
      allergies('not and not', 'type:not=allergy&criticality:not=low', 3),
    ],
  },
  {
    title: 'strings, addresses and traits as tokens',
    rows: [
      row('a version is a whole text', 'Measure?version=1.0.0', 'version-1'),
      row('a version minds case', 'Measure?version=1.0.0-rc'),
      row('not a version', 'Measure?version:not=1.0.0&_id=version-1,version-2', 'version-2'),
      row(
        'a status with its system',
        'Measure?status=http://hl7.org/fhir/publication-status|active&_id=version-1,version-2',
        'version-2',
      ),
      row('an event by its address', 'MessageDefinition?event=http://events.example/admit', 'event-1'),
      row('an event by its code', `MessageDefinition?event=${LOCAL}|admit`, 'event-2'),
      row('a code is not an address', 'MessageDefinition?event=admit', 'event-2'),
      groups('a value that is a flag', 'value=true', 1),
      groups('a value that is a concept', `value=${LOCAL}|red`, 1),
      groups('a flag of some characteristic', 'exclude=true', 1),
      groups('a flag of every characteristic', 'exclude=false', 1, 2),
      groups('a kind of group', 'type=animal', 2),
      groups('not actual', 'actual=false', 2),
    ],
  },
  {
    title: 'ids, tags, labels and sources',
    rows: [
      row('_id', 'Device?_id=identifier-3', 'identifier-3'),
      row(
        '_id, several, some of them unknown',
        'Device?_id=identifier-3,identifier-99,identifier-1',
        'identifier-1',
        'identifier-3',
      ),
      row('_id minds case', 'Device?_id=Identifier-3'),
      row('_id and a condition', 'Device?_id=identifier-1,identifier-2&identifier=x', 'identifier-1', 'identifier-2'),
      row(
        '_id and a condition that one of them fails',
        `Device?_id=identifier-1,identifier-2&identifier=${OTHER}|`,
        'identifier-2',
      ),
      row('_id:not', 'Measure?_id:not=version-1&version:missing=false', 'version-2'),
      row('_tag without a system', 'Patient?_tag=first', 'eve'),
      row('_tag, either', `Patient?_tag=${LOCAL}|first,${LOCAL}|second`, 'eve', 'evelyn'),
      row('_tag, both', `Patient?_tag=${LOCAL}|first&_tag=${LOCAL}|second`),
      row('_security with its system', `Patient?_security=${LOCAL}|restricted`, 'eve'),
      row('_security is no tag', `Patient?_tag=${LOCAL}|restricted`),
      row('_source', 'Patient?_source=http://feeds.example/adt', 'eve'),
      row('_source is whole', 'Patient?_source=http://feeds.example'),
      row('_source:below', 'Patient?_source:below=http://feeds.example', 'eve'),
      row('_profile', 'Patient?_profile=http://profiles.example/patient/child', 'evelyn'),
      row('_lastUpdated after', 'Device?_id=identifier-1&_lastUpdated=ge2000-01-01', 'identifier-1'),
      row(
        '_lastUpdated in a window',
        'Device?_id=identifier-1&_lastUpdated=ge2000&_lastUpdated=lt2500',
        'identifier-1',
      ),
      row('_lastUpdated before', 'Device?_id=identifier-1&_lastUpdated=lt2000'),
    ],
  },
];
