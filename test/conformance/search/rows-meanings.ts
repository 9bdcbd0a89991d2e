/**
 * Versions of canonicals and definitions, URLs with fragments, media types, sounds, halves of quantities and composites, and
 * what the first entry of a Bundle says. https://hl7.org/fhir/R4/search.html#versions, #uri, #mimetype, #quantity, #composite,
 * https://hl7.org/fhir/R4/bundle.html#search
 */
import { LOCAL, OTHER, UCUM } from './population.js';
import { FORM, STEPS } from './population-meanings.js';
import type { Group, Row } from './row.js';

const rowsOf =
  (title: string, type: string, prefix: string) =>
  (name: string, query: string, ...at: readonly number[]): Row => ({
    name: `${title}: ${name}`,
    query: `${type}?${query}`,
    expect: at.map(n => `${prefix}-${n}`),
  });
const answers = rowsOf('versions', 'QuestionnaireResponse', 'answer');
const basics = rowsOf('profiles', 'Basic', 'basic');
const defined = rowsOf('definitions', 'ActivityDefinition', 'defined');
const steps = rowsOf('fragments', 'Communication', 'step');
const contents = rowsOf('media types', 'Library', 'content');
const sounds = rowsOf('sounds', 'InsurancePlan', 'sound');
const bundles = rowsOf('first entries', 'Bundle', 'bundle');
const pairs = rowsOf('halves', 'Observation', 'pair');

const ANY = [1, 2, 3, 4, 5, 6, 7, 8, 9];
const BY_NAME = 'InsurancePlan?_filter=';

export const MEANING_GROUPS: readonly Group[] = [
  {
    title: 'versions of canonicals',
    rows: [
      answers(':below is any version', `questionnaire:below=${FORM}`, ...ANY),
      answers('without a version and a modifier, as well', `questionnaire=${FORM}`, ...ANY),
      answers('one version', `questionnaire=${FORM}|1.0`, 3, 9),
      answers('one version is not those that go on after it', `questionnaire=${FORM}|1`, 2),
      answers(':below of a version', `questionnaire:below=${FORM}|1`, 2, 3, 4, 7, 9),
      answers(':below of two parts', `questionnaire:below=${FORM}|1.2`, 4),
      answers(':below of a version that is not there', `questionnaire:below=${FORM}|3`),
      answers(':below takes whole parts', `questionnaire:below=${FORM}|1.2.3.4`),
      answers(':above of a version', `questionnaire:above=${FORM}|1.2.3`, 2, 4),
      answers(':above without a version is any', `questionnaire:above=${FORM}`, ...ANY),
      answers('a fragment counts for nothing', `questionnaire:below=${FORM}|1.0#part`, 3, 9),
      answers('a canonical that is no URL', 'questionnaire:below=urn:uuid:5f3151bd-1cbf-4d64-b04d-cd9187a4c6e0|1', 11),
      answers('another URL', 'questionnaire:below=http://forms.example/other|1', 10),
      answers('another URL below this one is another canonical', `questionnaire:below=${FORM}/deeper`, 12),
      answers('alternatives', `questionnaire:below=${FORM}|2,${FORM}|10`, 5, 6),
      answers('there', 'questionnaire:missing=false&_id=answer-1', 1),
      answers('_filter, subsumes', `_filter=questionnaire ss "${FORM}|1"`, 2, 3, 4, 7, 9),
      answers('_filter, is subsumed', `_filter=questionnaire sb "${FORM}|1.2.3"`, 2, 4),
      defined('derived-from', `derived-from:below=${FORM}|1`, 8),
      defined('derived-from in another version', `derived-from:below=${FORM}|2`),
      defined('depends-on', `depends-on:below=${FORM}`, 8),
    ],
  },
  {
    title: 'versions of profiles',
    rows: [
      basics(':below of a version', `_profile:below=${FORM}|1`, 2, 3, 4, 7, 9),
      basics(':below without a version, and what lies deeper', `_profile:below=${FORM}`, ...ANY, 12, 13),
      basics('one version', `_profile=${FORM}|1.0`, 3, 9),
      basics('any version', `_profile=${FORM}`, 1, 2, 3, 4, 5, 6, 7, 9, 13),
      basics('a version of another profile of the same resource', `_profile:below=http://forms.example/z|3`),
      basics(':above of a version', `_profile:above=${FORM}|1.2.3`, 2, 4),
      basics(':above of a deeper URL', `_profile:above=${FORM}/deeper&_id=basic-3,basic-12`, 3, 12),
      basics('another profile', '_profile:below=http://forms.example/other', 10),
      basics('no URL, any version', '_profile:below=urn:uuid:5f3151bd-1cbf-4d64-b04d-cd9187a4c6e0', 11),
    ],
  },
  {
    title: 'versions of definitions',
    rows: [
      defined('url and version', `url=${FORM}|1.0`, 2),
      defined('url alone', `url=${FORM}`, 1, 2, 3, 4),
      defined('a version that is not there', `url=${FORM}|7`),
      defined(':below of a version', `url:below=${FORM}|1`, 2, 3),
      defined(':below', `url:below=${FORM}`, 1, 2, 3, 4, 5, 6),
      defined(':above of a version', `url:above=${FORM}|10.1`, 4),
      defined('a URN and a version', 'url=urn:oid:1.2.3|1.0', 7),
      defined('alternatives', `url=${FORM}|1.0,${FORM}|10`, 2, 4),
      defined('the version apart', `url=${FORM}&version=1.0`, 2),
      defined('_filter', `_filter=url eq "${FORM}|1.0"`, 2),
    ],
  },
  {
    title: 'fragments',
    rows: [
      steps(':below', `instantiates-uri:below=${STEPS}`, 1, 2, 3, 4, 5, 7),
      steps(':below of a fragment', `instantiates-uri:below=${STEPS}%23b`, 2, 3),
      steps(':below of a path', `instantiates-uri:below=${STEPS}/b`, 4, 5),
      steps('what only begins alike', `instantiates-uri:below=${STEPS}b`, 6),
      steps(':below with a last slash', `instantiates-uri:below=${STEPS}/`, 4, 5, 7),
      steps(':above of a fragment', `instantiates-uri:above=${STEPS}/b%23c`, 1, 4, 5, 7),
      steps(':above with a last slash', `instantiates-uri:above=${STEPS}/`, 1, 7),
      steps('a bar is a part of a URI', `instantiates-uri=${STEPS}|1`, 9),
      steps('nothing is below a URN', 'instantiates-uri:below=urn:oid:1.2.3'),
      steps('nothing is above a URN', 'instantiates-uri:above=urn:oid:1.2.3.4'),
      steps('nothing is below what is no URI', 'instantiates-uri:below=steps'),
      steps('the URN itself', 'instantiates-uri=urn:oid:1.2.3', 8),
      defined(':below of a fragment of a definition', `url:below=${FORM}%23part`, 6),
    ],
  },
  {
    title: 'media types',
    rows: [
      contents(':below passes over parameters and case', 'content-type:below=text/xml', 1, 2, 3),
      contents('without a modifier it is the code as it stands', 'content-type=text/xml', 1),
      contents(':below of a base type', 'content-type:below=image', 5, 6),
      contents(':below of a base type with its slash', 'content-type:below=image/', 5, 6),
      contents(':below with a parameter', 'content-type:below=text/xml;charset=utf-8', 1, 2, 3),
      contents(':below in other case', 'content-type:below=IMAGE/PNG', 5),
      contents(':below of a long one', 'content-type:below=application/fhir%2Bjson', 7),
      contents(':below with its system', 'content-type:below=urn:ietf:bcp:13|text/xml', 1, 2, 3),
      contents(':below in another system', `content-type:below=${OTHER}|text/xml`),
      contents('what only begins alike', 'content-type:below=text/xml-external', 4),
      contents('a base type that only begins alike', 'content-type:below=imagery', 8),
      contents(':below of what is not there', 'content-type:below=video'),
      contents(':above', 'content-type:above=text/xml;charset=utf-8', 1, 2),
      contents('_filter', '_filter=content-type ss text/xml', 1, 2, 3),
      {
        name: 'media types: a payload',
        query: 'Subscription?payload:below=application/fhir%2Bxml',
        expect: ['payload-1'],
      },
      {
        name: 'media types: a document',
        query: 'DocumentReference?contenttype:below=application/pdf',
        expect: ['doc-1'],
      },
      { name: 'media types: all texts', query: 'DocumentReference?contenttype:below=text', expect: ['doc-2'] },
    ],
  },
  {
    title: 'sounds',
    rows: [
      sounds('another spelling', 'phonetic=Smith', 1, 2, 3),
      sounds('in any case', 'phonetic=SMYTHE', 1, 2, 3),
      sounds('by the second code', 'phonetic=schmit', 1, 2, 3),
      sounds('every word that is said', 'phonetic=katherine jon', 4),
      sounds('a word that is not there', 'phonetic=john smith'),
      sounds('not the beginning of a word', 'phonetic=smi'),
      sounds('a word in another script', 'phonetic=ИВАНОВ', 5),
      sounds('an apostrophe belongs to its word', 'phonetic=obrien', 6),
      sounds('digits', 'phonetic=4711', 7),
      sounds('marks', 'phonetic=Mueler', 8),
      sounds('alternatives', 'phonetic=jon,4711', 4, 7),
      sounds('there', 'phonetic:missing=false', 1, 2, 3, 4, 5, 6, 7, 8),
      { name: 'sounds: _filter', query: `${BY_NAME}phonetic eq Schmit`, expect: ['sound-1', 'sound-2', 'sound-3'] },
      { name: 'sounds: of a Patient', query: 'Patient?phonetic=Everiwumen', expect: ['eve'] },
      { name: 'sounds: of a RelatedPerson', query: 'RelatedPerson?phonetic=kwist', expect: ['parts-1'] },
      {
        name: 'sounds: in a chain',
        query: 'RelatedPerson?patient.phonetic=Everiwumen',
        expect: ['parts-1', 'parts-2'],
      },
      {
        name: 'sounds: in a reverse chain',
        query: 'Patient?_has:RelatedPerson:patient:phonetic=kwist',
        expect: ['eve'],
      },
    ],
  },
  {
    title: 'halves of quantities and composites',
    rows: [
      pairs('a number in a system', `value-quantity=120|${UCUM}&code=pair-q`, 1),
      pairs('a number in a system, no code', `value-quantity=120|${UCUM}|&code=pair-q`, 1),
      pairs('a number in another system', `value-quantity=120|${OTHER}&code=pair-q`),
      pairs('a number and nothing', 'value-quantity=120|&code=pair-q', 1),
      pairs('a number and nothing twice', 'value-quantity=120||&code=pair-q', 1),
      pairs('_filter', '_filter=code eq pair-q and value-quantity eq 120|ucum', 1),
      pairs('a system and a string', `code-value-string=${LOCAL}|$yellow`, 10, 11),
      pairs('another system and a string', `code-value-string=${OTHER}|$yellow`),
      pairs('a system and a quantity', `code-value-quantity=${LOCAL}|$80&code=pair-q`, 2),
      pairs('a code and half a quantity', `code-value-quantity=pair-q$80|${UCUM}`, 2),
      pairs('a system and a concept', `code-value-concept=${LOCAL}|$positive&code=pair-c`, 7, 8),
      pairs('systems of both parts', `code-value-concept=${LOCAL}|$${LOCAL}|&code=pair-c`, 7),
      pairs('a system in a component', `component-code-value-quantity=${LOCAL}|$80`, 4, 5),
      pairs('a system in either', `combo-code-value-quantity=${LOCAL}|$80&code=pair-q`, 2),
    ],
  },
  {
    title: 'first entries of Bundles',
    rows: [
      bundles('the title of a document', 'composition.title=summary', 1),
      bundles('the title of a document whose Composition has no id', 'composition.title=letter', 2),
      bundles('the type said', 'composition:Composition.status=final', 1),
      bundles('another status', 'composition.status=amended', 2),
      bundles('a code', 'composition.type=http://loinc.org|11503-0', 1, 2),
      bundles('a date', 'composition.date=lt2020-06', 1, 2),
      bundles('the first entry alone', 'composition.date=2019'),
      bundles('a reference', 'composition.patient=eve', 1),
      bundles('along a reference', 'composition.patient.family=everywoman', 1),
      bundles('beside another condition', 'composition.status=final&identifier=bundle-2'),
      bundles('the event of a message', 'message.event=http://events.example|admit', 3),
      bundles('the source of a message', 'message.source-uri=http://sender.example/here', 3),
      bundles('a copy', 'composition=Composition/c-1', 1),
      bundles('documents', 'composition:missing=false', 1, 2),
      bundles('messages', 'message:missing=false', 3),
      bundles('_filter', '_filter=composition.title sw letter', 2),
      bundles('its absence', '_filter=not (composition.title sw letter)', 1, 3, 4),
    ],
  },
];
