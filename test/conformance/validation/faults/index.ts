/** All faults. */
import type { FaultGroup } from './fault.js';
import { IPS_FAULTS } from './ips.js';
import { PDQM } from './pdqm.js';
import { R4 } from './r4.js';
import { R4_BUNDLES } from './r4-bundles.js';
import { R4_VALUES } from './r4-values.js';
import { MADE_FAULTS } from './made.js';
import { US_CORE_PEOPLE } from './us-core.js';
import { US_CORE_RECORDS } from './us-core-records.js';

export const GROUPS: readonly FaultGroup[] = [
  ...US_CORE_PEOPLE,
  ...US_CORE_RECORDS,
  ...IPS_FAULTS,
  ...PDQM,
  ...R4,
  ...R4_VALUES,
  ...R4_BUNDLES,
  ...MADE_FAULTS,
];
