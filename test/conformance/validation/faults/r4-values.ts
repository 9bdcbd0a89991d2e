/** Faults of R4 itself: observations, quantities, timings, lists, definitions. */
import type { JsonObject } from '../../../../src/fhir/resource.js';
import { claiming, type FaultGroup, GONE, group } from './fault.js';
import { NARRATIVE } from './r4.js';

const UCUM = 'http://unitsofmeasure.org';
const LOINC = 'http://loinc.org';
const coded = (system: string, code: string): JsonObject => ({ coding: [{ system, code }] });
const mg = (value: number): JsonObject => ({ value, unit: 'mg', system: UCUM, code: 'mg' });

const observation = (): JsonObject => ({
  resourceType: 'Observation',
  text: NARRATIVE,
  status: 'final',
  code: coded(LOINC, '1-1'),
  valueQuantity: mg(1.5),
  referenceRange: [{ low: mg(1), high: mg(2) }],
});

const weight = (): JsonObject =>
  claiming('http://hl7.org/fhir/StructureDefinition/bodyweight', {
    ...observation(),
    category: [coded('http://terminology.hl7.org/CodeSystem/observation-category', 'vital-signs')],
    code: coded(LOINC, '29463-7'),
    subject: { reference: 'Patient/1' },
    effectiveDateTime: '2024-01-01',
    valueQuantity: { value: 70, unit: 'kg', system: UCUM, code: 'kg' },
    referenceRange: [{ text: 'x' }],
  });

const prescription = (): JsonObject => ({
  resourceType: 'MedicationRequest',
  text: NARRATIVE,
  status: 'active',
  intent: 'order',
  medicationCodeableConcept: { text: 'x' },
  subject: { reference: 'Patient/1' },
  dosageInstruction: [
    {
      timing: {
        repeat: {
          count: 2,
          duration: 1,
          durationUnit: 'h',
          frequency: 1,
          period: 1,
          periodUnit: 'd',
          when: ['AC'],
          offset: 10,
        },
      },
      doseAndRate: [{ rateRatio: { numerator: mg(1), denominator: { value: 1, unit: 'h', system: UCUM, code: 'h' } } }],
    },
  ],
});

const TIMING = 'dosageInstruction[0].timing.repeat';

const list = (): JsonObject => ({
  resourceType: 'List',
  text: NARRATIVE,
  status: 'current',
  mode: 'changes',
  entry: [{ item: { reference: 'Patient/1' }, deleted: true }],
});

const valueSet = (): JsonObject => ({
  resourceType: 'ValueSet',
  text: NARRATIVE,
  url: 'http://example.org/ValueSet/v',
  name: 'V',
  status: 'active',
  compose: { include: [{ system: 'http://example.org/codes', concept: [{ code: 'a' }] }] },
});

const codeSystem = (): JsonObject => ({
  resourceType: 'CodeSystem',
  text: NARRATIVE,
  url: 'http://example.org/codes',
  name: 'C',
  status: 'active',
  content: 'complete',
  concept: [{ code: 'a' }, { code: 'b' }],
});

const questionnaire = (): JsonObject => ({
  resourceType: 'Questionnaire',
  text: NARRATIVE,
  status: 'active',
  item: [
    { linkId: '1', type: 'group', text: 'x', item: [{ linkId: '1.1', type: 'string', text: 'x', maxLength: 5 }] },
    { linkId: '2', type: 'choice', text: 'x', answerOption: [{ valueString: 'a' }] },
    { linkId: '3', type: 'display', text: 'x' },
  ],
});

const parameters = (): JsonObject => ({
  resourceType: 'Parameters',
  parameter: [
    { name: 'a', valueString: 'x' },
    { name: 'b', part: [{ name: 'c', valueString: 'x' }] },
  ],
});

export const R4_VALUES: readonly FaultGroup[] = [
  group('Observation of R4', observation, [
    ['a status is required', { status: GONE }, 'element-missing Observation.status'],
    ['a code is required', { code: GONE }, 'element-missing Observation.code'],
    [
      'a value or the reason of its absence (obs-6)',
      { dataAbsentReason: { text: 'x' } },
      'invariant(obs-6) Observation',
    ],
    [
      'a component is not the observation again (obs-7)',
      { component: [{ code: coded(LOINC, '1-1'), valueString: 'x' }] },
      'invariant(obs-7) Observation',
    ],
    [
      'a range says something (obs-3)',
      { 'referenceRange[0]': { type: { text: 'x' } } },
      'invariant(obs-3) Observation.referenceRange[0]',
    ],
    ['a code of a unit has a system (qty-3)', { 'valueQuantity.system': GONE }, 'invariant(qty-3) Observation.value'],
    [
      'a range goes up (rng-2)',
      { valueQuantity: GONE, valueRange: { low: mg(3), high: mg(2) } },
      'invariant(rng-2) Observation.value',
    ],
    [
      'a ratio has both parts (rat-1)',
      { valueQuantity: GONE, valueRatio: { numerator: mg(1) } },
      'invariant(rat-1) Observation.value',
    ],
    [
      'a limit of a range has no comparator (sqty-1)',
      { 'referenceRange[0].low.comparator': '<' },
      'invariant(sqty-1) Observation.referenceRange[0].low',
      'profile-max Observation.referenceRange[0].low.comparator',
    ],
    [
      'a comparator is one of four',
      { 'valueQuantity.comparator': '=' },
      'binding-required Observation.value.comparator',
    ],
    ['a member is no patient', { hasMember: [{ reference: 'Patient/1' }] }, 'target-type Observation.hasMember[0]'],
    ['a number is a number', { 'valueQuantity.value': '1.5' }, 'element-form Observation.value.value'],
    ['an integer is small', { valueQuantity: GONE, valueInteger: 2147483648 }, 'value-form Observation.value'],
    ['a time is one of the day', { valueQuantity: GONE, valueTime: '25:00:00' }, 'value-form Observation.value'],
    [
      'a period ends after it starts (per-1)',
      { effectivePeriod: { start: '2024-01-02', end: '2024-01-01' } },
      'invariant(per-1) Observation.effective',
    ],
    ['an instant has a zone', { issued: '2024-01-01' }, 'value-form Observation.issued'],
    ['what is only guessed is no status', { status: 'guessed' }, 'binding-required Observation.status'],
    [
      'an interpretation is one of these',
      { interpretation: [coded('http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation', 'nonsense')] },
      'unknown-code Observation.interpretation[0].coding[0].code',
    ],
  ]),

  group('body weight of R4', weight, [
    [
      'the value is a Quantity (closed)',
      { valueQuantity: GONE, valueString: '70' },
      'type-not-allowed Observation.value',
      'slice-closed Observation.value',
    ],
    ['the unit is one of weight', { 'valueQuantity.code': 'cm' }, 'binding-required Observation.value.code'],
    [
      'the unit is of UCUM',
      { 'valueQuantity.system': 'http://example.org/units' },
      'fixed-value Observation.value.system',
    ],
    ['the category is there', { category: GONE }, 'profile-min Observation.category', 'slice-min Observation.category'],
    ['the code is that of weights', { 'code.coding[0].code': '1-1' }, 'slice-min Observation.code.coding'],
    ['the value has a number', { 'valueQuantity.value': GONE }, 'profile-min Observation.value.value'],
  ]),

  group('timing of R4', prescription, [
    [
      'a duration has a unit (tim-1)',
      { [`${TIMING}.durationUnit`]: GONE },
      'invariant(tim-1) MedicationRequest.dosageInstruction[0].timing.repeat',
    ],
    [
      'a period has a unit (tim-2)',
      { [`${TIMING}.periodUnit`]: GONE },
      'invariant(tim-2) MedicationRequest.dosageInstruction[0].timing.repeat',
    ],
    [
      'a duration is positive (tim-4)',
      { [`${TIMING}.duration`]: -1 },
      'invariant(tim-4) MedicationRequest.dosageInstruction[0].timing.repeat',
    ],
    [
      'a period is positive (tim-5)',
      { [`${TIMING}.period`]: -1 },
      'invariant(tim-5) MedicationRequest.dosageInstruction[0].timing.repeat',
    ],
    [
      'a longest period has a shortest (tim-6)',
      { [`${TIMING}.period`]: GONE, [`${TIMING}.periodUnit`]: GONE, [`${TIMING}.periodMax`]: 2 },
      'invariant(tim-6) MedicationRequest.dosageInstruction[0].timing.repeat',
    ],
    [
      'a longest duration has a shortest (tim-7)',
      { [`${TIMING}.duration`]: GONE, [`${TIMING}.durationUnit`]: GONE, [`${TIMING}.durationMax`]: 2 },
      'invariant(tim-7) MedicationRequest.dosageInstruction[0].timing.repeat',
    ],
    [
      'a largest count has a least (tim-8)',
      { [`${TIMING}.count`]: GONE, [`${TIMING}.countMax`]: 3 },
      'invariant(tim-8) MedicationRequest.dosageInstruction[0].timing.repeat',
    ],
    [
      'an offset is of a meal (tim-9)',
      { [`${TIMING}.when`]: GONE },
      'invariant(tim-9) MedicationRequest.dosageInstruction[0].timing.repeat',
    ],
    [
      'a time of day excludes an event (tim-10)',
      { [`${TIMING}.timeOfDay`]: ['10:00:00'] },
      'invariant(tim-10) MedicationRequest.dosageInstruction[0].timing.repeat',
    ],
    [
      'a unit of time is one',
      { [`${TIMING}.periodUnit`]: 'x' },
      'binding-required MedicationRequest.dosageInstruction[0].timing.repeat.periodUnit',
    ],
    [
      'a ratio has both parts (rat-1)',
      { 'dosageInstruction[0].doseAndRate[0].rateRatio.denominator': GONE },
      'invariant(rat-1) MedicationRequest.dosageInstruction[0].doseAndRate[0].rate',
    ],
  ]),

  group('List of R4', list, [
    ['only changes take out (lst-2)', { mode: 'working' }, 'invariant(lst-2) List'],
    ['an empty list has no entries (lst-1)', { emptyReason: { text: 'x' } }, 'invariant(lst-1) List'],
    ['an entry has an item', { 'entry[0].item': GONE }, 'element-missing List.entry[0].item'],
    ['a mode is one of three', { mode: 'other' }, 'binding-required List.mode', 'invariant(lst-2) List'],
  ]),

  group('ValueSet of R4', valueSet, [
    [
      'an include has a system or value sets (vsd-1)',
      { 'compose.include[0].system': GONE, 'compose.include[0].concept': GONE },
      'element-empty ValueSet.compose.include[0]',
    ],
    [
      'codes have a system (vsd-2)',
      { 'compose.include[0].system': GONE, 'compose.include[0].valueSet': ['http://example.org/ValueSet/w'] },
      'invariant(vsd-2) ValueSet.compose.include[0]',
    ],
    [
      'codes are named or filtered (vsd-3)',
      { 'compose.include[0].filter': [{ property: 'concept', op: 'is-a', value: 'a' }] },
      'invariant(vsd-3) ValueSet.compose.include[0]',
    ],
    ['a name is usable (vsd-0)', { name: 'a name' }, 'warning invariant(vsd-0) ValueSet'],
    [
      'a filter says how',
      {
        'compose.include[0].concept': GONE,
        'compose.include[0].filter': [{ property: 'concept', op: 'like', value: 'a' }],
      },
      'binding-required ValueSet.compose.include[0].filter[0].op',
    ],
  ]),

  group('CodeSystem of R4', codeSystem, [
    ['a code is there once (csd-1)', { 'concept[1].code': 'a' }, 'invariant(csd-1) CodeSystem'],
    ['its content is told', { content: GONE }, 'element-missing CodeSystem.content'],
    ['a concept has a code', { 'concept[0]': { display: 'x' } }, 'element-missing CodeSystem.concept[0].code'],
  ]),

  group('Questionnaire of R4', questionnaire, [
    ['a group has items (que-1)', { 'item[0].item': GONE }, 'invariant(que-1) Questionnaire.item[0]'],
    [
      'a display has none (que-1)',
      { 'item[2].item': [{ linkId: '3.1', type: 'string', text: 'x' }] },
      'invariant(que-1) Questionnaire.item[2]',
    ],
    ['a linkId is there once (que-2)', { 'item[1].linkId': '1' }, 'invariant(que-2) Questionnaire'],
    [
      'a display has no code (que-3)',
      { 'item[2].code': [{ system: 'http://example.org/codes', code: 'a' }] },
      'invariant(que-3) Questionnaire.item[2]',
    ],
    [
      'options are listed or in a set (que-4)',
      { 'item[1].answerValueSet': 'http://example.org/ValueSet/v' },
      'invariant(que-4) Questionnaire.item[1]',
    ],
    ['a truth has no options (que-5)', { 'item[1].type': 'boolean' }, 'invariant(que-5) Questionnaire.item[1]'],
    ['a display is not required (que-6)', { 'item[2].required': true }, 'invariant(que-6) Questionnaire.item[2]'],
    [
      'existence is asked by a boolean (que-7)',
      { 'item[1].enableWhen': [{ question: '1.1', operator: 'exists', answerString: 'x' }] },
      'invariant(que-7) Questionnaire.item[1].enableWhen[0]',
    ],
    [
      'a group has no initial value (que-8)',
      { 'item[0].initial': [{ valueString: 'x' }] },
      'invariant(que-8) Questionnaire.item[0]',
    ],
    ['a display is not read-only (que-9)', { 'item[2].readOnly': true }, 'invariant(que-9) Questionnaire.item[2]'],
    ['only a text has a length (que-10)', { 'item[1].maxLength': 5 }, 'invariant(que-10) Questionnaire.item[1]'],
    [
      'options have no initial value (que-11)',
      { 'item[1].initial': [{ valueString: 'a' }] },
      'invariant(que-11) Questionnaire.item[1]',
    ],
    [
      'several conditions say how (que-12)',
      { 'item[1].enableWhen': ['a', 'b'].map(answerString => ({ question: '1.1', operator: '=', answerString })) },
      'invariant(que-12) Questionnaire.item[1]',
    ],
    [
      'what repeats not has one initial value (que-13)',
      { 'item[0].item[0].initial': [{ valueString: 'a' }, { valueString: 'b' }] },
      'invariant(que-13) Questionnaire.item[0].item[0]',
    ],
    [
      'a type is one of these',
      { 'item[1].type': 'guess' },
      'binding-required Questionnaire.item[1].type',
      'invariant(que-5) Questionnaire.item[1]',
    ],
  ]),

  group('Parameters of R4', parameters, [
    [
      'a parameter has a value, a resource or parts (inv-1)',
      { 'parameter[0].part': [{ name: 'd', valueString: 'x' }] },
      'invariant(inv-1) Parameters.parameter[0]',
    ],
    [
      'a parameter has something (inv-1)',
      { 'parameter[0].valueString': GONE },
      'invariant(inv-1) Parameters.parameter[0]',
    ],
    ['a parameter has a name', { 'parameter[0].name': GONE }, 'element-missing Parameters.parameter[0].name'],
  ]),
];
