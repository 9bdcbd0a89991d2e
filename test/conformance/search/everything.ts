/** All resources that the rows search. */
import { type Known, POPULATION } from './population.js';
import { COMPOSED } from './population-composites.js';
import { BIRTHS, SLOTS, STAYS, TIMES } from './population-dates.js';
import { LINKED } from './population-links.js';
import { MEANT } from './population-meanings.js';
import { AGES, AMOUNTS, CHANCES, FACTORS, SUMS } from './population-numbers.js';
import { REFERRING } from './population-references.js';
import { FAMILIES, PEOPLE } from './population-strings.js';
import { CODED } from './population-tokens.js';

const NUMBERED = [TIMES, BIRTHS, STAYS, SLOTS, CHANCES, FACTORS, AMOUNTS, AGES, SUMS, FAMILIES];

export const EVERYTHING: readonly Known[] = [
  ...POPULATION,
  ...NUMBERED.flatMap(population => population.map(({ resource }) => resource)),
  ...PEOPLE,
  ...CODED,
  ...REFERRING,
  ...COMPOSED,
  ...LINKED,
  ...MEANT,
];
