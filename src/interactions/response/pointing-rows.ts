/**
 * What points at the bytes of a Binary by an attachment's url, as far as whoever asks sees it: it names the bytes (file-name.ts) and says whether they may be
 * passed on (redisclosure.ts). One question serves both, since it is asked whenever bytes are read. https://hl7.org/fhir/R4/binary.html#security-context
 */
import { ATTACHMENT, pointingTypes } from '../../access/binaries.js';
import type { Where } from '../../search/query.js';
import { refersTo } from '../../search/separate.js';
import type { Version } from '../../store/store.js';
import type { Context } from '../engine.js';

/** Its titles are names of bytes. */
export const NAMED_BY = 'DocumentReference';
/** More than these seldom point at the same bytes. */
const LOOKED_AT = 5;

export interface PointingRows {
  /** Those that came last; of many, those alone that name the bytes. */
  readonly rows: readonly Version[];
  /** Nothing else points at them. */
  readonly areAll: boolean;
}

export const pointsAt = (id: string): Where => refersTo(ATTACHMENT, [{ type: 'Binary', id }]);

export async function pointingAt({ engine, view }: Context, id: string): Promise<PointingRows> {
  const types = pointingTypes(engine).filter(type => view.shows(type));
  if (types.length === 0) return { rows: [], areAll: true };
  const found = (of: readonly string[]) => view.find({ types: of, where: pointsAt(id), sort: [], limit: LOOKED_AT });
  const { rows, more } = await found(types);
  if (!more) return { rows, areAll: true };
  return { rows: types.includes(NAMED_BY) ? (await found([NAMED_BY])).rows : [], areAll: false };
}
