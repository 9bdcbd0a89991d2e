/** Marks on pages of a document. */
import { sayMarks } from '../../messages/marks.js';

/** Fractions of the page, from its upper left corner. */
export interface MarkedArea {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Mark {
  /** From 1. */
  readonly page: number;
  /** Undefined: the whole page. */
  readonly area?: MarkedArea;
}

/** In words. */
const percent = (part: number): string => `${Math.round(part * 1000) / 10} %`;
export const shownMark = ({ area }: Mark): string =>
  area
    ? sayMarks('area', {
        ...{ left: percent(area.x), top: percent(area.y), width: percent(area.width), height: percent(area.height) },
      })
    : sayMarks('whole');
