/** Problems and allergies: Problem Section V3, Allergies and Intolerances Section V3. https://hl7.org/cda/us/ccda/ */
import { isObject, itemsOf, type Json, type JsonObject } from '../../../../fhir/resource.js';
import type { RecordItem } from '../record.js';
import {
  ASSERTION,
  entryId,
  isInError,
  snomedCode,
  statusCode,
  statusIn,
  type SummaryGround,
  type SummaryRow,
  type SummarySection,
  wordsAt,
} from '../section.js';
import { cda, templateIds, type Template } from './element.js';
import {
  type CdaInterval,
  codeElement,
  hasCodeAmong,
  intervalElement,
  wordsOfConcept,
  stringAt,
  whenOf,
} from './values.js';

const SNOMED_OID = ['2.16.840.1.113883.6.96'];
const CONCERN = cda('code', { code: 'CONC', codeSystem: '2.16.840.1.113883.5.6' });

/** A concern that is about one observation. */
interface Concern {
  readonly ground: SummaryGround;
  readonly item: RecordItem;
  readonly template: Template;
  readonly active: boolean;
  readonly when: CdaInterval;
  readonly observation: string;
}

function concernAct({ ground, item, template, active, when, observation }: Concern): string {
  return cda(
    'act',
    { classCode: 'ACT', moodCode: 'EVN' },
    templateIds([template[0]], template),
    entryId(ground, item),
    CONCERN,
    statusCode(active ? 'active' : 'completed'),
    intervalElement('effectiveTime', when, { ended: !active }),
    cda('entryRelationship', { typeCode: 'SUBJ' }, observation),
  );
}

const ACTIVE = new Set(['active', 'recurrence', 'relapse']);
/** Whether a problem or an allergy is there now; one that does not say so is. */
export const isActiveProblem = ({ clinicalStatus }: JsonObject): boolean =>
  ACTIVE.has(statusIn(clinicalStatus) ?? 'active');

function problemRow(ground: SummaryGround, item: RecordItem): SummaryRow {
  const { resource } = item;
  const { code, clinicalStatus } = resource;
  const onset = whenOf(resource, 'onset').low;
  const ended = whenOf(resource, 'abatement').low;
  const active = isActiveProblem(resource);
  return {
    items: [item],
    lines: [[wordsOfConcept(code), statusIn(clinicalStatus), onset, ended]],
    entry: ([words]) =>
      concernAct({
        ground,
        item,
        template: ['2.16.840.1.113883.10.20.22.4.3', '2015-08-01'],
        active,
        when: { low: stringAt(resource, 'recordedDate') ?? onset, high: active ? undefined : ended },
        observation: cda(
          'observation',
          { classCode: 'OBS', moodCode: 'EVN' },
          templateIds(['2.16.840.1.113883.10.20.22.4.4'], ['2.16.840.1.113883.10.20.22.4.4', '2015-08-01']),
          entryId(ground, item, '#problem'),
          cda(
            'code',
            snomedCode('55607006', 'Problem'),
            cda('translation', {
              code: '75326-9',
              displayName: 'Problem',
              codeSystem: '2.16.840.1.113883.6.1',
            }),
          ),
          wordsAt(words),
          statusCode('completed'),
          intervalElement('effectiveTime', { low: onset, high: ended }, { ended: !active }),
          codeElement('value', code, { systems: SNOMED_OID, type: 'CD', words }),
        ),
      }),
  };
}

/** Statements that a condition is not there are none of its list. */
const isProblem = (resource: JsonObject): boolean =>
  !isInError(resource) && statusIn(resource['verificationStatus']) !== 'refuted';

export const PROBLEM_SECTION: SummarySection = {
  name: 'problems',
  template: ['2.16.840.1.113883.10.20.22.2.5.1', '2015-08-01'],
  code: '11450-4',
  display: 'Problem list - Reported',
  title: 'Problems',
  columns: ['Problem', 'Status', 'Onset', 'Ended'],
  required: true,
  *rows(ground) {
    for (const item of ground.record.of('Condition'))
      yield isProblem(item.resource) ? problemRow(ground, item) : undefined;
  },
};

/** What one may be allergic to, by AllergyIntolerance.category: https://hl7.org/fhir/us/ccda/ValueSet of allergy types. */
const ALLERGY_KINDS: Readonly<
  Record<string, readonly [allergy: readonly [string, string], intolerance: readonly [string, string]]>
> = {
  food: [
    ['414285001', 'Allergy to food'],
    ['235719002', 'Intolerance to food'],
  ],
  medication: [
    ['416098002', 'Allergy to drug'],
    ['59037007', 'Intolerance to drug'],
  ],
  environment: [
    ['426232007', 'Environmental allergy'],
    ['420134006', 'Propensity to adverse reaction'],
  ],
};
const ANY_KIND = [
  ['419199007', 'Allergy to substance'],
  ['420134006', 'Propensity to adverse reaction'],
] as const;

/** Codes that say that somebody has no allergy: of SNOMED CT, and of IPS. */
const NO_ALLERGY = new Set([
  '716186003',
  '409137002',
  '429625007',
  '428607008',
  'no-known-allergies',
  'no-known-medication-allergies',
  'no-known-food-allergies',
  'no-known-environmental-allergies',
]);
const NO_SUCH: readonly (readonly [kind: string, codes: ReadonlySet<string>])[] = [
  ['medication', new Set(['409137002', 'no-known-medication-allergies'])],
  ['food', new Set(['429625007', 'no-known-food-allergies'])],
  ['environment', new Set(['428607008', 'no-known-environmental-allergies'])],
];

export const saysNoAllergy = (code: Json | undefined): boolean => hasCodeAmong(code, NO_ALLERGY);

function kindOf({ category, type, code }: JsonObject): readonly [string, string] {
  const denied = NO_SUCH.find(([, codes]) => hasCodeAmong(code, codes))?.[0];
  const [first] = itemsOf(category);
  const [allergy, intolerance] = ALLERGY_KINDS[denied ?? (typeof first === 'string' ? first : '')] ?? ANY_KIND;
  return type === 'intolerance' ? intolerance : allergy;
}

const SEVERITIES: Readonly<Record<string, readonly [string, string]>> = {
  mild: ['255604002', 'Mild'],
  moderate: ['6736007', 'Moderate'],
  severe: ['24484000', 'Severe'],
};

function severityEntry(severity: Json | undefined): string | undefined {
  const known = typeof severity === 'string' ? SEVERITIES[severity] : undefined;
  if (!known) return undefined;
  return cda(
    'entryRelationship',
    { typeCode: 'SUBJ', inversionInd: 'true' },
    cda(
      'observation',
      { classCode: 'OBS', moodCode: 'EVN' },
      templateIds(['2.16.840.1.113883.10.20.22.4.8'], ['2.16.840.1.113883.10.20.22.4.8', '2014-06-09']),
      cda('code', { code: 'SEV', codeSystem: '2.16.840.1.113883.5.4' }),
      statusCode('completed'),
      cda('value', { 'xsi:type': 'CD', ...snomedCode(...known) }),
    ),
  );
}

const manifestationsOf = (reaction: Json): readonly Json[] =>
  isObject(reaction) ? itemsOf(reaction['manifestation']) : [];

function reactionEntries(ground: SummaryGround, item: RecordItem): readonly string[] {
  return itemsOf(item.resource['reaction']).flatMap((reaction, at) =>
    manifestationsOf(reaction).map((manifestation, which) =>
      cda(
        'entryRelationship',
        { typeCode: 'MFST', inversionInd: 'true' },
        cda(
          'observation',
          { classCode: 'OBS', moodCode: 'EVN' },
          templateIds(['2.16.840.1.113883.10.20.22.4.9'], ['2.16.840.1.113883.10.20.22.4.9', '2014-06-09']),
          entryId(ground, item, `#reaction-${at}-${which}`),
          ASSERTION,
          statusCode('completed'),
          intervalElement('effectiveTime', { low: stringAt(reaction, 'onset') }),
          codeElement('value', manifestation, { systems: SNOMED_OID, type: 'CD' }),
          severityEntry(isObject(reaction) ? reaction['severity'] : undefined),
        ),
      ),
    ),
  );
}

/** RxNorm, UNII, SNOMED CT. */
const SUBSTANCES = ['2.16.840.1.113883.6.88', '2.16.840.1.113883.4.9', ...SNOMED_OID];

function allergyRow(ground: SummaryGround, item: RecordItem): SummaryRow {
  const { resource } = item;
  const { code, clinicalStatus, reaction } = resource;
  const none = saysNoAllergy(code);
  const active = isActiveProblem(resource);
  const when = { low: whenOf(resource, 'onset').low };
  const reactions = itemsOf(reaction).flatMap(each => manifestationsOf(each).flatMap(one => wordsOfConcept(one) ?? []));
  const substance = (words: string | undefined) =>
    none ? cda('code', { nullFlavor: 'NA' }) : codeElement('code', code, { systems: SUBSTANCES, words });
  return {
    items: [item],
    lines: [[wordsOfConcept(code), statusIn(clinicalStatus), reactions.join(', '), when.low]],
    entry: ([words]) =>
      concernAct({
        ground,
        item,
        template: ['2.16.840.1.113883.10.20.22.4.30', '2015-08-01'],
        active,
        when: { low: stringAt(resource, 'recordedDate') ?? when.low },
        observation: cda(
          'observation',
          { classCode: 'OBS', moodCode: 'EVN', ...(none ? { negationInd: 'true' } : {}) },
          templateIds(['2.16.840.1.113883.10.20.22.4.7'], ['2.16.840.1.113883.10.20.22.4.7', '2014-06-09']),
          entryId(ground, item, '#allergy'),
          ASSERTION,
          wordsAt(words),
          statusCode('completed'),
          intervalElement('effectiveTime', when, { ended: !active }),
          cda('value', { 'xsi:type': 'CD', ...snomedCode(...kindOf(resource)) }),
          cda(
            'participant',
            { typeCode: 'CSM' },
            cda(
              'participantRole',
              { classCode: 'MANU' },
              cda('playingEntity', { classCode: 'MMAT' }, substance(words)),
            ),
          ),
          ...(none ? [] : reactionEntries(ground, item)),
        ),
      }),
  };
}

export const ALLERGY_SECTION: SummarySection = {
  name: 'allergies',
  template: ['2.16.840.1.113883.10.20.22.2.6.1', '2015-08-01'],
  code: '48765-2',
  display: 'Allergies and adverse reactions Document',
  title: 'Allergies and intolerances',
  columns: ['Substance', 'Status', 'Reactions', 'Onset'],
  required: true,
  *rows(ground) {
    for (const item of ground.record.of('AllergyIntolerance'))
      yield !isInError(item.resource) && statusIn(item.resource['verificationStatus']) !== 'refuted'
        ? allergyRow(ground, item)
        : undefined;
  },
};
