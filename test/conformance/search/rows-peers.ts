/**
 * What widely used servers get wrong, each with the rule that decides it, in our words.
 * https://hl7.org/fhir/R4/search.html#prefix, #combining, #reference, #uri
 */
import { LOCAL, UCUM } from './population.js';
import type { Row } from './row.js';

const row = (name: string, query: string, ...expect: readonly string[]): Row => ({
  name: `peers: ${name}`,
  query,
  expect,
});
const born = (...at: readonly number[]) => at.map(n => `birth-${n}`);

export const PEERS: readonly Row[] = [
  // ge is gt or eq: what lies within the range searched counts.
  row('ge of a year finds days within it', 'Person?birthdate=ge1980&birthdate=lt1980-05-17', ...born(1, 4, 5, 8, 11)),
  row('le of a year finds days within it', 'Person?birthdate=le1980&birthdate=gt1980-05-17', ...born(1, 4, 6, 9, 12)),
  row('ge of a year with nothing else', 'Patient?birthdate=ge1980&active=true', 'eve'),
  row('le of a year with nothing else', 'Patient?birthdate=le1980&active=true', 'eve'),
  // gt needs a value that reaches beyond the end of the year, lt one that begins before it.
  row('gt of a year finds no day within it', 'Person?birthdate=gt1980&birthdate=lt1981-01-02', ...born(3, 13)),
  row('lt of a year finds no day within it', 'Person?birthdate=lt1980&birthdate=gt1979-12-30', ...born(2, 10)),
  // A dateTime without a fraction stands for its whole second, an instant does not.
  row(
    'the second of an instant is found by it',
    'Slot?start=2021-06-15T09:30:20Z&start:missing=false',
    'slot-1',
    'slot-2',
    'slot-3',
    'slot-17',
    'slot-18',
  ),
  row(
    'a millisecond does not contain a second',
    'Observation?_id=time-14,time-16&date=2013-01-14T10:00:30.500Z',
    'time-16',
  ),
  row(
    'a second begins before its own half',
    'Observation?_id=time-14,time-28&date=lt2013-01-14T10:00:30.500Z&date=gt2013-01-14T10:00:30.500Z',
    'time-14',
  ),
  // sa and eb are not for dates alone.
  row('sa of a number', 'ChargeItem?factor-override=sa100', 'factor-13', 'factor-15', 'factor-16', 'factor-21'),
  row('eb of a number', 'ChargeItem?factor-override=eb-1', 'factor-3', 'factor-4'),
  row('sa of a quantity', `Condition?abatement-age=sa45|${UCUM}|a`, 'age-10'),
  row('eb of a quantity', `Condition?abatement-age=eb40|${UCUM}|a`, 'age-2', 'age-9'),
  row(
    'sa is not gt: a range that only reaches above',
    `Condition?abatement-age=gt45|${UCUM}|a`,
    'age-4',
    'age-8',
    'age-10',
  ),
  // Each value of a list has a prefix of its own.
  row('a prefix for each alternative', 'Person?birthdate=ge1990-01-01,lt1975-01-01', ...born(14, 15)),
  row(
    'a prefix for each alternative of a number',
    'ChargeItem?factor-override=gt1000,lt-1',
    'factor-3',
    'factor-4',
    'factor-21',
  ),
  row('a prefix for one alternative alone', 'Person?birthdate=1980-05-17,gt1990', ...born(7, 14)),
  // Both parts of a composite hold in one place.
  row(
    'a composite whose first part is a reference',
    'DocumentReference?relationship=DocumentReference/lost-2$appends',
    'related-1',
  ),
  row(
    'combo pairs within one component, here as well',
    `Observation?combo-code-value-quantity=${LOCAL}|dia$120|${UCUM}|mm[Hg]`,
    'pair-5',
  ),
  row(
    'combo does not pair the code of one component and the value of another',
    `Observation?combo-code-value-quantity=sys$120|${UCUM}|mm[Hg]&_id=pair-5`,
  ),
  row(
    'combo does not pair the code above and the value below',
    `Observation?combo-code-value-quantity=pair-q$120|${UCUM}|mm[Hg]&_id=pair-6`,
  ),
  // A reference is found by what it says, whether or not anything is there.
  row('a reference to nothing, by id', 'Encounter?patient=nobody', 'visit-4'),
  row('a reference to nothing, by Type/id', 'Encounter?patient=Patient/nobody', 'visit-4'),
  row('a reference to nothing, by its address', 'Encounter?subject={base}/Patient/nobody', 'visit-4'),
  row('patient=id and patient=Patient/id are one', 'Encounter?patient=eve', 'visit-1'),
  row('patient=Patient/id and patient=id are one', 'Encounter?patient=Patient/eve', 'visit-1'),
  // :above and :below are for URLs, not for URNs.
  row(':below is a path, not a prefix', 'ValueSet?url:below=http://acme.example/fhir/ValueSet/col'),
  row(
    ':below is a path, whole steps',
    'ValueSet?url:below=http://acme.example/fhir/ValueSet/colours',
    'u-child',
    'u-grandchild',
  ),
  row('nothing is below a URN', 'ValueSet?url:below=urn:oid:1'),
  row('nothing is above a URN', 'ValueSet?url:above=urn:oid:1.2.3.4'),
  // A modifier that is passed over changes the meaning: it is refused.
  {
    name: 'peers: a modifier is never passed over',
    query: 'Patient?gender:exact=female',
    status: 400,
    detail: 'unknown-modifier',
  },
  // :not also finds what has no value at all.
  row(':not finds what has no code at all', 'AllergyIntolerance?criticality:not=high,low', 'allergy-3'),
  // |code wants a code that has no system.
  row('|code is not any system', 'Device?identifier=|x&_id=identifier-1,identifier-3', 'identifier-3'),
  // Trailing zeros are digits.
  row(
    '5.40 is not 5.4',
    `Observation?code=amount&value-quantity=5.40|${UCUM}|mg&_id=amount-1,amount-4,amount-5`,
    'amount-1',
    'amount-5',
  ),
];
