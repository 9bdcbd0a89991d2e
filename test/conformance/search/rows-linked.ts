/**
 * Conditions that one resource cannot decide alone: chains, `_has`, `_list`; and distances (`near`).
 * https://hl7.org/fhir/R4/search.html#chaining, #has, #list, https://hl7.org/fhir/R4/location.html#positional
 *
 * A degree of a great circle is 111.195 km on the sphere.
 */
import { LOCAL, MRN } from './population.js';
import type { Group, Row } from './row.js';

const places = (name: string, query: string, ...at: readonly number[]): Row => ({
  name: `near: ${name}`,
  query: `Location?${query}`,
  expect: at.map(n => `place-${n}`),
});

const row =
  (title: string) =>
  (name: string, query: string, ...expect: readonly string[]): Row => ({ name: `${title}: ${name}`, query, expect });
const chain = row('chain');
const has = row('_has');
const list = row('_list');

const TOWN = '52.3731|4.8922';
const ALL = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
const TO_EVE = ['r-relative', 'r-version'];
const OF_EVE = ['allergy-1', 'allergy-2'];

/** Distances, decided by positions alone. */
export const NEAR: Group = {
  title: 'distances',
  rows: [
    places('within a kilometre', `near=${TOWN}|1|km`, 1),
    places('within forty kilometres', `near=${TOWN}|40|km`, 1, 2),
    places('within sixty kilometres', `near=${TOWN}|60|km`, 1, 2, 3),
    places('without a unit: kilometres', `near=${TOWN}|60`, 1, 2, 3),
    places('with an empty unit: kilometres', `near=${TOWN}|60|`, 1, 2, 3),
    places('without a distance: fifty kilometres', `near=${TOWN}`, 1, 2),
    places('with an empty distance: fifty kilometres', `near=${TOWN}||`, 1, 2),
    places('in metres', `near=${TOWN}|40000|m`, 1, 2),
    places('in too few metres', `near=${TOWN}|40|m`, 1),
    places('in miles', `near=${TOWN}|25|[mi_i]`, 1, 2),
    places('in fewer miles than kilometres', `near=${TOWN}|37|[mi_i]`, 1, 2, 3),
    places('in nautical miles', `near=${TOWN}|20|[nmi_i]`, 1, 2),
    places('in too few nautical miles', `near=${TOWN}|18|[nmi_i]`, 1),
    places('in yards', `near=${TOWN}|40000|[yd_i]`, 1, 2),
    places('in feet', `near=${TOWN}|40000|[ft_i]`, 1),
    places('a fraction of a unit', `near=${TOWN}|0.5|km`, 1),
    places('no distance at all', 'near=0|0|0|km', 8),
    places('a little less than a degree', 'near=0|0|111.1|km', 8),
    places('a little more than a degree', 'near=0|0|111.3|km', 8, 9),
    places('halfway of a degree', 'near=0|0.5|56|km', 8, 9),
    places('across the 180th meridian, from the west', 'near=-16.8|179.99|10|km', 4, 5),
    places('across the 180th meridian, from the east', 'near=-16.8|-179.99|10|km', 4, 5),
    places('on the 180th meridian', 'near=-16.8|180|5|km', 4, 5),
    places('on the 180th meridian, said from the west', 'near=-16.8|-180|5|km', 4, 5),
    places('on one side of the 180th meridian', 'near=-16.8|179.99|3|km', 4),
    places('on the other side of the 180th meridian', 'near=-16.8|-179.99|3|km', 5),
    places('at the pole', 'near=90|0|6|km', 6, 7),
    places('at the pole, whatever its longitude', 'near=90|123|6|km', 6, 7),
    places('at the pole, too near', 'near=90|0|5|km'),
    places('over the pole', 'near=89.95|0|12|km', 6, 7),
    places('on one side of the pole', 'near=89.95|0|6|km', 6),
    places('beside the pole', 'near=89.95|90|8|km', 6, 7),
    places('at the other pole', 'near=-89.99|123|2|km', 10),
    places('half way round the earth', 'near=0|0|20016|km', ...ALL),
    places('a quarter of the way round the earth', 'near=0|0|10000|km', 1, 2, 3, 8, 9),
    places('far away from everything', 'near=-40|-100|100|km'),
    places('either of two', `near=${TOWN}|1|km,0|0|1|km`, 1, 8),
    places('both of two', `near=${TOWN}|40|km&near=51.9225|4.4792|56|km`, 2),
    places('and a name', `near=${TOWN}|60|km&name=utrecht`, 2),
    {
      name: 'near: what has no position is nowhere',
      query: 'Location?near:missing=true',
      expect: ['place-none', 'place-part'],
    },
  ],
};

const CHAINS: Group = {
  title: 'chains',
  rows: [
    chain('to the one type there is', 'AllergyIntolerance?patient.family=everywoman', ...OF_EVE),
    chain('to a type that is named', 'AllergyIntolerance?patient:Patient.family=brown', 'allergy-3'),
    chain('to an identifier', `AllergyIntolerance?patient.identifier=${MRN}|12345`, ...OF_EVE),
    chain('to an identifier in any system', 'AllergyIntolerance?patient.identifier=12345', ...OF_EVE, 'allergy-3'),
    chain('to a date with a prefix', 'AllergyIntolerance?patient.birthdate=gt1980-05-17', 'allergy-3'),
    chain('to a date of less precision', 'AllergyIntolerance?patient.birthdate=1980', ...OF_EVE, 'allergy-3'),
    chain('to a flag', 'AllergyIntolerance?patient.active=false', 'allergy-3'),
    chain('to an id', 'AllergyIntolerance?patient._id=evelyn', 'allergy-3'),
    chain('to a tag', `AllergyIntolerance?patient._tag=${LOCAL}|first`, ...OF_EVE),
    chain('with :exact', 'AllergyIntolerance?patient.family:exact=Brown', 'allergy-3'),
    chain('with :exact in another case', 'AllergyIntolerance?patient.family:exact=brown'),
    chain('with :contains', 'AllergyIntolerance?patient.family:contains=woman', ...OF_EVE),
    chain('with :not', 'AllergyIntolerance?patient.active:not=true', 'allergy-3'),
    chain('with :missing', 'AllergyIntolerance?patient.telecom:missing=true', 'allergy-3'),
    chain('with alternatives', 'AllergyIntolerance?patient.family=brown,everywoman', ...OF_EVE, 'allergy-3'),
    chain('to nothing', 'AllergyIntolerance?patient.family=nobody'),
    chain('and a condition here', 'AllergyIntolerance?patient.family=everywoman&criticality=high', 'allergy-1'),
    chain('and another chain', 'AllergyIntolerance?patient.family=everywoman&patient.gender=female', ...OF_EVE),
    chain('and another chain that does not hold', 'AllergyIntolerance?patient.family=everywoman&patient.gender=male'),
    chain('of two links', 'AllergyIntolerance?patient.organization.name=general', ...OF_EVE),
    chain(
      'of two links, both named',
      'AllergyIntolerance?patient:Patient.organization:Organization.name=the general',
      ...OF_EVE,
    ),
    chain('of two links to an id', 'AllergyIntolerance?patient.organization._id=org-1', ...OF_EVE),
    chain('ends at a reference', 'AllergyIntolerance?patient.organization=Organization/org-1', ...OF_EVE),
    chain('untyped, of several types', 'Observation?code=reference&subject.name=everywoman', ...TO_EVE),
    chain('typed, one of several types', 'Observation?code=reference&subject:Patient.name=everywoman', ...TO_EVE),
    chain('typed, another of several types', 'Observation?code=reference&subject:Group.type=person', 'r-group'),
    chain('typed, to an id that two types have', 'Observation?code=reference&subject:Group._id=eve', 'r-group'),
    chain('untyped, through an identifier', `Observation?code=reference&subject.identifier=${MRN}|12345`, ...TO_EVE),
    chain(
      'a reference by identifier alone is not followed',
      `Observation?code=reference&patient.identifier=${MRN}|12345`,
      ...TO_EVE,
    ),
    chain('to somewhere else is not followed', 'Observation?code=reference&subject:Patient._id=eve', ...TO_EVE),
    chain('through anything', 'Task?focus:Patient.family=everywoman', 'focus-15'),
    chain('through what does not exist', 'Task?focus:Patient._id=ghost'),
    chain('not to what does not exist, but its reference', 'Encounter?class=visit&patient=nobody', 'visit-4'),
    chain('to a place', 'Encounter?location.name=utrecht', 'visit-2'),
    chain('of two links to a place', 'Encounter?location.partof.name=amsterdam', 'visit-1'),
    chain('to a practitioner', 'Encounter?practitioner.family=smi', 'visit-1'),
    chain('through the same type', 'Encounter?part-of.practitioner.family=smith', 'visit-3'),
    chain('of three links', 'Encounter?part-of.patient.organization.name=general', 'visit-3'),
    chain('to a condition that no one here satisfies', 'Encounter?class=visit&subject:Patient.gender=male'),
    chain('to _has', 'AllergyIntolerance?patient._has:Encounter:patient:practitioner.family=smith', ...OF_EVE),
  ],
};

const REVERSE: Group = {
  title: 'reverse chains',
  rows: [
    has('a code', 'Patient?_has:AllergyIntolerance:patient:criticality=high', 'eve'),
    has('a code that two refer with', 'Patient?_has:Observation:patient:code=reference', 'eve', 'evelyn'),
    has('by a parameter of several types', 'Patient?_has:Observation:subject:code=reference', 'eve', 'evelyn'),
    has('by a parameter of several types, another type', 'Group?_has:Observation:subject:code=reference', 'eve'),
    has('a string', 'Patient?_has:RelatedPerson:patient:name=bergen', 'evelyn'),
    has('a string with a modifier', 'Patient?_has:RelatedPerson:patient:name:exact=Bo Ek', 'eve'),
    has(':not, of some that refers', 'Patient?_has:AllergyIntolerance:patient:type:not=allergy', 'eve', 'evelyn'),
    has(':missing', 'Patient?_has:AllergyIntolerance:patient:category:missing=true', 'evelyn'),
    has('alternatives', 'Patient?_has:AllergyIntolerance:patient:_id=allergy-1,allergy-3', 'eve', 'evelyn'),
    has('nothing', 'Patient?_has:AllergyIntolerance:patient:criticality=unable-to-assess'),
    has('and a condition here', 'Patient?_has:Observation:patient:code=reference&family=brown', 'evelyn'),
    has(
      'two of them',
      'Patient?_has:Observation:patient:code=reference&_has:AllergyIntolerance:patient:criticality=low',
      'eve',
    ),
    has(
      'two of them, by different resources',
      'Patient?_has:AllergyIntolerance:patient:criticality=high&_has:AllergyIntolerance:patient:type=intolerance',
      'eve',
    ),
    has('an id', 'DocumentReference?_has:DocumentReference:relatesto:_id=doc-2', 'doc-1'),
    has('of its own type', 'Location?_has:Location:partof:name=a ward', 'place-1'),
    has('a chain inside', 'Practitioner?_has:Encounter:practitioner:patient.family=everywoman', 'family-1'),
    has('a typed chain inside', 'Practitioner?_has:Encounter:practitioner:subject:Patient.family=brown', 'family-15'),
    has(
      'another inside',
      'Organization?_has:Patient:organization:_has:AllergyIntolerance:patient:criticality=high',
      'org-1',
    ),
    has(
      'another inside that finds nothing',
      'Organization?_has:Patient:organization:_has:RelatedPerson:patient:name=bergen',
    ),
    has('by an identifier alone', 'Patient?_has:Observation:subject:_id=r-logical'),
    has('from a reference to somewhere else', 'Patient?_has:Observation:subject:_id=r-foreign'),
    has('from a reference to one version', 'Patient?_has:Observation:subject:_id=r-version', 'eve'),
  ],
};

const LISTS: Group = {
  title: 'lists',
  rows: [
    list('the items of a type', 'Patient?_list=list-1', 'eve', 'bare'),
    list('by Type/id', 'Patient?_list=List/list-1', 'eve', 'bare'),
    list('another type', 'Observation?_list=list-1', 'r-other'),
    list('two lists', 'Patient?_list=list-1,list-2', 'eve', 'bare', 'odd'),
    list('both lists', 'Patient?_list=list-1&_list=list-2'),
    list('and a condition', 'Patient?_list=list-1&family=everywoman', 'eve'),
    list('a type that is not in it', 'Device?_list=list-1'),
    list('an unknown list', 'Patient?_list=list-99'),
  ],
};

const refused = (name: string, query: string, detail: string): Row => ({
  name: `refused link: ${name}`,
  query,
  status: 400,
  detail,
});

/** Nothing is found here: every row is refused. */
export const REFUSED_LINKS: readonly Row[] = [
  refused('a chain from no reference', 'Patient?name.family=x', 'unknown-parameter'),
  refused('a chain from nothing known', 'Patient?colour.family=x', 'unknown-parameter'),
  refused('a chain to nothing known', 'AllergyIntolerance?patient.colour=x', 'unknown-parameter'),
  refused('a chain to a type that it cannot have', 'AllergyIntolerance?patient:Group.name=x', 'unknown-modifier'),
  refused('a chain to no type', 'AllergyIntolerance?patient:Person2.name=x', 'unknown-modifier'),
  refused('a chain to a wrong value', 'AllergyIntolerance?patient.birthdate=x', 'invalid-value'),
  refused('a chain to a wrong modifier', 'AllergyIntolerance?patient.birthdate:exact=1980', 'unknown-modifier'),
  refused('a chain from a canonical', 'CarePlan?instantiates-canonical.name=x', 'unknown-parameter'),
  refused('_has alone', 'Patient?_has=x', 'unknown-parameter'),
  refused('_has with a type alone', 'Patient?_has:Observation=x', 'unknown-parameter'),
  refused('_has without a parameter', 'Patient?_has:Observation:patient=x', 'unknown-parameter'),
  refused('_has of no type', 'Patient?_has:Thing:patient:code=x', 'unknown-parameter'),
  refused('_has by no reference', 'Patient?_has:Observation:code:code=x', 'unknown-parameter'),
  refused('_has by a reference to other types', 'Patient?_has:Observation:encounter:code=x', 'unknown-parameter'),
  refused('_has with a parameter that is not known', 'Patient?_has:Observation:patient:colour=x', 'unknown-parameter'),
  refused('_has with a wrong value', 'Patient?_has:Observation:patient:date=x', 'invalid-value'),
  refused('a list of a kind', 'Patient?_list=$current-problems', 'unknown-parameter'),
  refused('a list that is no id', 'Patient?_list=', 'invalid-value'),
];

export const LINKED_GROUPS: readonly Group[] = [NEAR, CHAINS, REVERSE, LISTS];
