/** All rows that one search over the population can decide. */
import type { Group, Row } from './row.js';
import { COMPOSITE_GROUPS } from './rows-composites.js';
import { DATE_GROUPS } from './rows-dates.js';
import { FILTER_CHAINS, FILTERS } from './rows-filter.js';
import { LINKED_GROUPS, REFUSED_LINKS } from './rows-linked.js';
import { MEANING_GROUPS } from './rows-meanings.js';
import { MODIFIER_GROUPS, REFUSED } from './rows-modifiers.js';
import { NUMBER_GROUPS } from './rows-numbers.js';
import { PEERS } from './rows-peers.js';
import { DATES, NUMBERS, QUANTITIES } from './rows-ranges.js';
import { REFERENCE_GROUPS } from './rows-references.js';
import { REFUSALS, RULES } from './rows-rules.js';
import { STRING_GROUPS } from './rows-strings.js';
import { TOKEN_GROUPS } from './rows-tokens.js';
import { UNITS } from './rows-units.js';
import { REFERENCES, STRINGS, TOKENS, URIS } from './rows-values.js';

export const GROUPS: readonly Group[] = [
  { title: 'string', rows: STRINGS },
  { title: 'token', rows: TOKENS },
  { title: 'reference', rows: REFERENCES },
  { title: 'uri', rows: URIS },
  { title: 'date', rows: DATES },
  { title: 'number', rows: NUMBERS },
  { title: 'quantity', rows: QUANTITIES },
  { title: 'rules', rows: RULES },
  { title: 'unit', rows: UNITS },
  { title: '_filter', rows: FILTERS },
  { title: '_filter along references', rows: FILTER_CHAINS },
  ...STRING_GROUPS,
  ...TOKEN_GROUPS,
  ...REFERENCE_GROUPS,
  ...DATE_GROUPS,
  ...NUMBER_GROUPS,
  ...COMPOSITE_GROUPS,
  ...MODIFIER_GROUPS,
  ...LINKED_GROUPS,
  ...MEANING_GROUPS,
  { title: 'what others get wrong', rows: PEERS },
];

export const ROWS: readonly Row[] = [...GROUPS.flatMap(({ rows }) => rows), ...REFUSALS, ...REFUSED, ...REFUSED_LINKS];
