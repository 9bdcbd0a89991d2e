/** String, token, reference and uri parameters. https://hl7.org/fhir/R4/search.html#string, #token, #reference, #uri */
import { ELSEWHERE, LOCAL, MRN, OTHER } from './population.js';
import type { Row } from './row.js';

const GENDERS = 'http://hl7.org/fhir/administrative-gender';

export const STRINGS: readonly Row[] = [
  { name: 'string 1: starts with, any case', query: 'Patient?given=eve', expect: ['eve', 'evelyn'] },
  {
    name: 'string 2: the case of the value does not matter either',
    query: 'Patient?given=EVE',
    expect: ['eve', 'evelyn'],
  },
  { name: 'string 3: not in the middle', query: 'Patient?given=velyn', expect: [] },
  {
    name: 'string 4: :contains finds the middle',
    query: 'Patient?given:contains=eve',
    expect: ['eve', 'evelyn', 'severin'],
  },
  { name: 'string 5: :contains in any case', query: 'Patient?given:contains=VER', expect: ['severin'] },
  { name: 'string 6: :exact is the whole value', query: 'Patient?given:exact=Eve', expect: ['eve'] },
  { name: 'string 7: :exact minds case', query: 'Patient?given:exact=eve', expect: [] },
  { name: 'string 8: :exact is not a prefix', query: 'Patient?given:exact=Ev', expect: [] },
  { name: 'string 9: accents in the data are ignored', query: 'Patient?family=muller', expect: ['muller', 'plain'] },
  {
    name: 'string 10: accents in the value are ignored',
    query: 'Patient?family=m%C3%BCller',
    expect: ['muller', 'plain'],
  },
  {
    name: 'string 11: combining accents are the same',
    query: 'Patient?family=mu%CC%88ller',
    expect: ['muller', 'plain'],
  },
  { name: 'string 12: :exact minds accents', query: 'Patient?family:exact=M%C3%BCller', expect: ['muller'] },
  { name: 'string 13: the second of several values', query: 'Patient?given=anne', expect: ['eve'] },
  { name: 'string 14: a name searches every part', query: 'Patient?name=everyw', expect: ['eve'] },
  { name: 'string 15: a name searches its text', query: 'Patient?name=eve%20anne', expect: ['eve'] },
  { name: 'string 16: an address searches its line', query: 'Patient?address=12%20canal', expect: ['eve'] },
  { name: 'string 17: an address searches its country', query: 'Patient?address=nl', expect: ['eve'] },
  { name: 'string 18: several blanks are one', query: 'Patient?given=jo%20ann', expect: ['plain'] },
  { name: 'string 19: comma is or', query: 'Patient?family=brown,green', expect: ['evelyn', 'severin'] },
  { name: 'string 20: an escaped comma is a comma', query: 'Patient?family=smith%5C,%20jr', expect: ['odd'] },
  { name: 'string 21: an unescaped one is not', query: 'Patient?family=smith,xyz', expect: ['odd'] },
  { name: 'string 22: two paths of one parameter', query: 'Organization?name=the', expect: ['org-1'] },
  {
    name: 'string 23: an escaped comma beside a real one',
    query: 'Patient?family=smith%5C,%20jr,green',
    expect: ['odd', 'severin'],
  },
];

export const TOKENS: readonly Row[] = [
  { name: 'token 1: code in any system', query: 'Patient?identifier=12345', expect: ['eve', 'evelyn', 'severin'] },
  { name: 'token 2: system|code', query: `Patient?identifier=${MRN}|12345`, expect: ['eve'] },
  { name: 'token 3: |code has no system', query: 'Patient?identifier=|12345', expect: ['severin'] },
  {
    name: 'token 4: system| is any code',
    query: `Patient?identifier=${MRN}|`,
    expect: ['eve', 'muller', 'plain', 'odd'],
  },
  { name: 'token 5: system and code must meet in one value', query: `Patient?identifier=${MRN}|99`, expect: [] },
  { name: 'token 6: codes compare with case', query: `Patient?identifier=${MRN}|A-1`, expect: ['muller'] },
  { name: 'token 7: not a prefix', query: 'Patient?identifier=123', expect: [] },
  { name: 'token 8: code element', query: 'Patient?gender=male', expect: ['severin'] },
  {
    name: 'token 9: code element with its implied system',
    query: `Patient?gender=${GENDERS}|male`,
    expect: ['severin'],
  },
  { name: 'token 10: code element with a wrong system', query: `Patient?gender=${OTHER}|male`, expect: [] },
  {
    name: 'token 11: all of the implied system',
    query: `Patient?gender=${GENDERS}|`,
    expect: ['eve', 'evelyn', 'severin', 'muller'],
  },
  { name: 'token 12: boolean', query: 'Patient?active=true', expect: ['eve'] },
  {
    name: 'token 13: boolean with its implied system',
    query: 'Patient?active=http://terminology.hl7.org/CodeSystem/special-values|false',
    expect: ['evelyn'],
  },
  { name: 'token 14: concept', query: `Observation?code=${LOCAL}|pressure`, expect: ['bp-high', 'bp-odd'] },
  { name: 'token 15: concept in another system', query: `Observation?code=${OTHER}|pressure`, expect: [] },
  { name: 'token 16: contact point', query: 'Patient?telecom=555-0100', expect: ['eve'] },
  { name: 'token 17: where() chooses the contact points', query: 'Patient?email=555-0100', expect: [] },
  { name: 'token 18: where() keeps the right ones', query: 'Patient?email=eve@example.org', expect: ['eve'] },
  { name: 'token 19: comma is or', query: 'Patient?gender=male,other', expect: ['severin', 'muller'] },
  { name: 'token 20: :not', query: 'Patient?gender:not=female', expect: ['severin', 'muller', 'plain', 'odd', 'bare'] },
  {
    name: 'token 21: :not of several',
    query: 'Patient?gender:not=female,male',
    expect: ['muller', 'plain', 'odd', 'bare'],
  },
  { name: 'token 22: escaped comma', query: 'Patient?identifier=x%5C,y', expect: ['odd'] },
  { name: 'token 23: escaped bar', query: 'Patient?identifier=p%5C|q', expect: ['odd'] },
  { name: 'token 24: escaped dollar', query: 'Patient?identifier=d%5C$e', expect: ['odd'] },
  { name: 'token 25: escaped backslash', query: 'Patient?identifier=b%5C%5Cs', expect: ['odd'] },
  { name: 'token 26: deceased by date', query: 'Patient?deceased=true', expect: ['severin', 'muller'] },
  {
    name: 'token 27: not deceased, said or unsaid',
    query: 'Patient?deceased=false',
    expect: ['eve', 'evelyn', 'plain', 'odd', 'bare'],
  },
  { name: 'token 28: media type', query: 'DocumentReference?contenttype=application/pdf', expect: ['doc-1'] },
  {
    name: 'token 29: media type with its system',
    query: 'DocumentReference?contenttype=urn:ietf:bcp:13|text/plain',
    expect: ['doc-2'],
  },
  { name: 'token 30: _tag', query: `Patient?_tag=${LOCAL}|first`, expect: ['eve'] },
  { name: 'token 31: _security', query: 'Patient?_security=restricted', expect: ['eve'] },
  { name: 'token 32: _id', query: 'Patient?_id=eve', expect: ['eve'] },
  { name: 'token 33: several _id', query: 'Patient?_id=eve,bare,nobody', expect: ['eve', 'bare'] },
  { name: 'token 34: _id compares with case', query: 'Patient?_id=EVE', expect: [] },
  {
    name: 'token 35: an escaped bar beside a real one',
    query: `Patient?identifier=${MRN}|p%5C|q`,
    expect: ['odd'],
  },
];

const subject = (value: string, modifier = '') => `Observation?code=reference&subject${modifier}=${value}`;

export const REFERENCES: readonly Row[] = [
  { name: 'reference 1: Type/id', query: subject('Patient/eve'), expect: ['r-relative', 'r-version'] },
  { name: 'reference 2: id of any type', query: subject('eve'), expect: ['r-relative', 'r-version', 'r-group'] },
  { name: 'reference 3: :Type and id', query: subject('eve', ':Patient'), expect: ['r-relative', 'r-version'] },
  {
    name: 'reference 4: :Type and Type/id',
    query: subject('Patient/eve', ':Patient'),
    expect: ['r-relative', 'r-version'],
  },
  { name: 'reference 5: :Type against another type', query: subject('Patient/eve', ':Group'), expect: [] },
  { name: 'reference 6: own absolute URL', query: subject('{base}/Patient/eve'), expect: ['r-relative', 'r-version'] },
  { name: 'reference 7: absolute URL elsewhere', query: subject(`${ELSEWHERE}/Patient/eve`), expect: ['r-foreign'] },
  { name: 'reference 8: one version', query: subject('Patient/eve/_history/1'), expect: ['r-version'] },
  { name: 'reference 9: or', query: subject('Patient/evelyn,Group/eve'), expect: ['r-other', 'r-group'] },
  {
    name: 'reference 10: the patient is a subject that is a Patient',
    query: 'Observation?code=reference&patient=eve',
    expect: ['r-relative', 'r-version'],
  },
  {
    name: 'reference 11: patient by Type/id finds the same',
    query: 'Observation?code=reference&patient=Patient/eve',
    expect: ['r-relative', 'r-version'],
  },
  {
    name: 'reference 12: patient by own URL finds the same',
    query: 'Observation?code=reference&patient={base}/Patient/eve',
    expect: ['r-relative', 'r-version'],
  },
  { name: 'reference 13: :identifier', query: subject(`${MRN}|12345`, ':identifier'), expect: ['r-logical'] },
  { name: 'reference 14: :identifier without system', query: subject('12345', ':identifier'), expect: ['r-logical'] },
  { name: 'reference 15: :identifier of another', query: subject(`${MRN}|9`, ':identifier'), expect: [] },
  { name: 'reference 16: an identifier is no id', query: subject('12345'), expect: [] },
  {
    name: 'reference 17: canonical, any version',
    query: 'QuestionnaireResponse?questionnaire=http://acme.example/fhir/Questionnaire/form',
    expect: ['c-plain', 'c-versioned'],
  },
  {
    name: 'reference 18: canonical, one version',
    query: 'QuestionnaireResponse?questionnaire=http://acme.example/fhir/Questionnaire/form|2',
    expect: ['c-versioned'],
  },
  { name: 'reference 19: an unknown id', query: subject('Patient/nobody'), expect: [] },
];

const ROOT = 'http://acme.example/fhir/ValueSet';

export const URIS: readonly Row[] = [
  { name: 'uri 1: the whole URI', query: `ValueSet?url=${ROOT}/colours`, expect: ['u-child'] },
  { name: 'uri 2: with case', query: `ValueSet?url=${ROOT}`, expect: ['u-root'] },
  { name: 'uri 3: not a prefix', query: 'ValueSet?url=http://acme.example/fhir', expect: [] },
  { name: 'uri 4: :below', query: `ValueSet?url:below=${ROOT}`, expect: ['u-root', 'u-child', 'u-grandchild'] },
  {
    name: 'uri 5: :above',
    query: `ValueSet?url:above=${ROOT}/colours/warm`,
    expect: ['u-root', 'u-child', 'u-grandchild'],
  },
  { name: 'uri 6: URN', query: 'ValueSet?url=urn:oid:1.2.3', expect: ['u-urn'] },
  { name: 'uri 7: or', query: `ValueSet?url=urn:oid:1.2.3,${ROOT}`, expect: ['u-urn', 'u-root'] },
  { name: 'uri 8: _source', query: 'Patient?_source=http://feeds.example/adt', expect: ['eve'] },
  {
    name: 'uri 9: _profile without its version',
    query: 'Patient?_profile=http://profiles.example/patient',
    expect: ['eve'],
  },
  {
    name: 'uri 10: _profile with its version',
    query: 'Patient?_profile=http://profiles.example/patient|1.0',
    expect: ['eve'],
  },
  {
    name: 'uri 11: _profile with another version',
    query: 'Patient?_profile=http://profiles.example/patient|2.0',
    expect: [],
  },
  {
    name: 'uri 12: _profile:below',
    query: 'Patient?_profile:below=http://profiles.example/patient',
    expect: ['eve', 'evelyn'],
  },
  {
    name: 'uri 13: what begins alike is not below',
    query: `ValueSet?url:below=${ROOT}s`,
    expect: ['u-sibling'],
  },
  { name: 'uri 14: the other case', query: 'ValueSet?url=http://acme.example/fhir/valueset', expect: ['u-case'] },
];
