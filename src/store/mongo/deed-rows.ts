/** A document of deeds as a row of the port. */
import { deedDigestHead, type KeptDeedRow } from '../deeds.js';
import { digestOf, isAltered } from '../digest.js';
import type { DeedDocument } from './schema.js';

export const toDeedRow = ({ _id, l, e, x, c }: Omit<DeedDocument, 'k'>): KeptDeedRow => ({
  ...{ sequence: _id, last: l, events: e, bytes: x },
  altered: isAltered(c, digestOf(deedDigestHead(l, e), x)),
});
