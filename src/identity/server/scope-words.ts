/**
 * Scopes as a person reads them, and the parts of one that may be given in its place: by category, as
 * https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#finer-grained-resource-constraints-using-search-parameters has them and
 * US Core wants them of Observation, Condition and DocumentReference.
 */

/** They say how a launch is, not what may be seen: nobody takes them away. */
export const FIXED_SCOPES: ReadonlySet<string> = new Set(['openid', 'launch', 'launch/patient', 'launch/encounter']);

const WORDS: ReadonlyMap<string, string> = new Map([
  ['fhirUser', 'know who you are'],
  ['profile', 'know who you are'],
  ['offline_access', 'go on while you are away, for 30 days'],
  ['online_access', 'go on as long as you use it, for 12 hours'],
]);
const LETTER_WORDS: readonly (readonly [letter: string, word: string])[] = [
  ['c', 'create'],
  ['r', 'read'],
  ['u', 'change'],
  ['d', 'delete'],
  ['s', 'search'],
];
/** Of SMART 1. */
const LETTERS: Readonly<Record<string, string>> = { read: 'rs', write: 'cud', '*': 'cruds' };

type ScopePart = readonly [category: string, words: string];
const of = (system: string, ...parts: readonly ScopePart[]): readonly ScopePart[] =>
  parts.map(([code, words]) => [`${system}|${code}`, words]);

const PARTS: ReadonlyMap<string, readonly ScopePart[]> = new Map([
  [
    'Observation',
    of(
      'http://terminology.hl7.org/CodeSystem/observation-category',
      ['laboratory', 'laboratory results'],
      ['vital-signs', 'vital signs'],
      ['social-history', 'social history'],
      ['survey', 'surveys and assessments'],
      ['imaging', 'results of imaging'],
      ['exam', 'findings of examinations'],
      ['procedure', 'results of procedures'],
    ),
  ],
  [
    'Condition',
    [
      ...of(
        'http://terminology.hl7.org/CodeSystem/condition-category',
        ['problem-list-item', 'the list of problems'],
        ['encounter-diagnosis', 'diagnoses of visits'],
      ),
      ...of('http://hl7.org/fhir/us/core/CodeSystem/condition-category', ['health-concern', 'health concerns']),
    ],
  ],
  [
    'DocumentReference',
    of('http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category', [
      'clinical-note',
      'clinical notes',
    ]),
  ],
]);

const RESOURCE_SCOPE = /^(patient|user)\/([^.]+)\.([^?]+)(?:\?(.*))?$/;

export interface ScopeInWords {
  readonly text: string;
  readonly words: string;
}

/** A scope as a sentence. */
export function scopeInWords(scope: string): string {
  const [, context, type = '', access = '', query] = RESOURCE_SCOPE.exec(scope) ?? [];
  if (context === undefined) return WORDS.get(scope) ?? scope;
  const letters = LETTERS[access] ?? access;
  const may = LETTER_WORDS.filter(([letter]) => letters.includes(letter))
    .map(([, word]) => word)
    .join(', ');
  const what = type === '*' ? 'everything' : type;
  const where = query === undefined ? '' : ` where ${query}`;
  return `${may}: ${what}${where} ${context === 'patient' ? 'of this patient' : 'that you may see'}`;
}

/** Scopes that may be granted in place of one on a whole type; empty: there are none. */
export function partsOfScope(scope: string): readonly ScopeInWords[] {
  const [, context, type = '', access = '', query] = RESOURCE_SCOPE.exec(scope) ?? [];
  if (context === undefined || query !== undefined) return [];
  const letters = LETTERS[access] ?? access;
  return (PARTS.get(type) ?? []).map(([category, words]) => ({
    text: `${context}/${type}.${letters}?category=${category}`,
    words,
  }));
}
