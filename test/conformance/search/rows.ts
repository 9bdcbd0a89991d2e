/** All rows that one search over the population can decide. */
import type { Row } from './row.js';
import { FILTER_CHAINS, FILTERS } from './rows-filter.js';
import { DATES, NUMBERS, QUANTITIES } from './rows-ranges.js';
import { REFUSALS, RULES } from './rows-rules.js';
import { UNITS } from './rows-units.js';
import { REFERENCES, STRINGS, TOKENS, URIS } from './rows-values.js';

export const ROWS: readonly Row[] = [
  ...STRINGS,
  ...TOKENS,
  ...REFERENCES,
  ...URIS,
  ...DATES,
  ...NUMBERS,
  ...QUANTITIES,
  ...FILTERS,
  ...FILTER_CHAINS,
  ...UNITS,
  ...RULES,
  ...REFUSALS,
];
