/** What a KeyTest means, in JavaScript: the oracle for every translation of a KeyTest. */
import { compareKeys } from '../../src/store/codec.js';
import { type Keys, type KeyTest, NO_DATE } from '../../src/store/key.js';

/** A resource as a KeyTest sees it. */
export interface Subject {
  readonly type: string;
  readonly id: string;
  readonly updated: number;
  readonly keys: Keys;
}

const within = (value: number, min: number | undefined, max: number | undefined): boolean =>
  (min === undefined || value >= min) && (max === undefined || value <= max);

export function holds(test: KeyTest, subject: Subject): boolean {
  const { keys } = subject;
  switch (test.is) {
    case 'all':
      return test.of.every(part => holds(part, subject));
    case 'any':
      return test.of.some(part => holds(part, subject));
    case 'not':
      return !holds(test.of, subject);
    case 'key':
      return keys[test.in].some(key => test.keys.includes(key));
    case 'range':
      return keys[test.in].some(key => compareKeys(test.low, key) <= 0 && compareKeys(key, test.high) < 0);
    case 'contains':
      return keys[test.in].some(key => key.startsWith(test.prefix) && key.includes(test.text, test.prefix.length));
    case 'span':
      return keys.ranges.some(
        ({ prefix, low, high }) =>
          prefix === test.prefix && within(low, test.lowMin, test.lowMax) && within(high, test.highMin, test.highMax),
      );
    case 'date':
      return (
        keys.mainDate !== NO_DATE &&
        within(keys.mainDate, test.lowMin, test.lowMax) &&
        within(keys.mainDateEnd, test.highMin, test.highMax)
      );
    case 'updated':
      return within(subject.updated, test.min, test.max);
    case 'id':
      return test.of.some(({ type, id }) => type === subject.type && id === subject.id);
  }
}
