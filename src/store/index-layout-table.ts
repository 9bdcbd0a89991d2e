/**
 * Which search parameters deserve which kind of key. A choice here changes cost, never a result: what has no B-tree key
 * is filtered. The rule behind it: what a clinical screen orders by date is in `byDate`, and so is a code with few values, of
 * which a common one must page by date and a rare one be found at once; another value that someone looks for without
 * naming a patient has a key in `byArrival`; what is only asked beside something better is in `filterOnly`.
 */

/** The date that orders a type (`mainDate`, `mainDateEnd`), where the general list below would choose another or none. */
export const MAIN_DATE: Readonly<Record<string, string>> = {
  ActivityDefinition: 'date',
  AllergyIntolerance: 'date',
  Bundle: 'timestamp',
  Communication: 'sent',
  Composition: 'date',
  Condition: 'recorded-date',
  DeviceRequest: 'authored-on',
  DiagnosticReport: 'date',
  ImagingStudy: 'started',
  MeasureReport: 'date',
  MedicationAdministration: 'effective-time',
  MedicationDispense: 'whenhandedover',
  MedicationRequest: 'authoredon',
  Provenance: 'recorded',
  ServiceRequest: 'authored',
  Task: 'authored-on',
};

/** Otherwise the first of these that the type has. */
export const MAIN_DATES = [
  'date',
  'created',
  'authored',
  'authored-on',
  'recorded',
  'issued',
  'period',
  'effective',
  'effective-time',
  'birthdate',
  'started',
  'start',
  'start-date',
  'collected',
  'entered-date',
  'datetime',
  'datewritten',
  'identified',
  'expiry',
  'expiration-date',
] as const;

/** Tokens searched without a patient and shown in date order: keys in `byDate`. */
export const DATED_TOKENS: Readonly<Record<string, readonly string[]>> = {
  AuditEvent: ['type', 'subtype', 'action', 'outcome'],
  DocumentReference: ['type', 'category'],
  // Both in one array, so that `combo-code` is one list of points.
  Observation: ['code', 'component-code'],
};

/** Tokens with a key per patient and value in `byDate`. */
export const SCOPED_TOKENS: Readonly<Record<string, readonly string[]>> = {
  Observation: ['code', 'category'],
  DiagnosticReport: ['code', 'category'],
  Condition: ['code', 'category'],
  DocumentReference: ['type', 'category'],
  Procedure: ['code'],
  MedicationRequest: ['code'],
};

/**
 * Tokens with few values, most of them common: keys in `byDate` where the type has a main date, so that neither a common nor
 * a rare value costs more than a page.
 */
export const BROAD_TOKENS: ReadonlySet<string> = new Set([
  'active',
  'address-use',
  'class',
  'clinical-status',
  'contenttype',
  'deceased',
  'format',
  'gender',
  'intent',
  'language',
  'modality',
  'outcome',
  'priority',
  'severity',
  'stage',
  'status',
  'use',
  'verification-status',
]);

/** Types where nothing may get dearer because its value is rare: every string has a key, too. */
export const ALL_INDEXED: ReadonlySet<string> = new Set(['Patient', 'DocumentReference', 'Task', 'List']);

/** Single parameters with a key although their kind has none. */
export const INDEXED: Readonly<Record<string, readonly string[]>> = {
  Consent: ['period'],
  Condition: ['onset-date'],
  DiagnosticReport: ['issued'],
  DocumentReference: ['period'],
  Location: ['near'],
  // Of a quantity the number alone has a key: its unit is filtered.
  Observation: ['value-quantity', 'component-value-quantity', 'code-value-quantity', 'component-code-value-quantity'],
  Patient: ['death-date'],
  Task: ['modified', 'period'],
};

/** What nearly every resource has: that it is missing has a key of its own. So it is for every main date. */
export const RARELY_MISSING: ReadonlySet<string> = new Set(['code', 'encounter', 'patient', 'subject']);

/** Names are worth a key wherever they are looked up. */
export const NAME_PARAMETERS: ReadonlySet<string> = new Set(['name', 'family', 'given', 'phonetic']);

/** Types of which strings can be sorted, with the strings. */
export const SORT_STRINGS: Readonly<Record<string, readonly string[]>> = {
  Patient: ['family', 'given', 'name'],
  Practitioner: ['family', 'given', 'name'],
  Organization: ['name'],
  Location: ['name'],
};

/** The only indexed parameters of a type that is written with every read: everything else filters. */
export const ONLY_INDEXED: Readonly<Record<string, readonly string[]>> = {
  AuditEvent: ['agent', 'entity', '_tag', '_security', '_source'],
};

/** Unions: the keys of the parameters named serve this one, it has none of its own. */
export const UNIONS: Readonly<Record<string, readonly string[]>> = {
  'combo-code': ['code', 'component-code'],
  'combo-data-absent-reason': ['data-absent-reason', 'component-data-absent-reason'],
  'combo-value-concept': ['value-concept', 'component-value-concept'],
  'combo-value-quantity': ['value-quantity', 'component-value-quantity'],
  'combo-code-value-concept': ['code-value-concept', 'component-code-value-concept'],
  'combo-code-value-quantity': ['code-value-quantity', 'component-code-value-quantity'],
};
