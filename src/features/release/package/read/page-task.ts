/** What is asked of the threads that read items, and what they answer. */
import type { RedactedArea, UnmergedReason } from '../order.js';
import type { FragmentStart, PdfFragment } from '../pdf/fragment.js';
import type { LaidOut, Sheet, TextRow } from '../text/lay-out.js';
import type { Paper } from './picture.js';

/** Its pages, or its text. */
export interface ReadPages {
  readonly do: 'pages';
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly contentType: string;
  readonly paper: Paper;
  readonly start: FragmentStart;
}

/** Some of its pages as pictures, in which marked areas are black and nothing is left of what was there. */
export interface DrawPages extends Omit<ReadPages, 'do'> {
  readonly do: 'draw';
  /** From 0. */
  readonly from: number;
  readonly count: number;
  /** By the number of the page, from 1. */
  readonly marks: Readonly<Record<number, readonly RedactedArea[] | 'all'>>;
}

/** How large its pages are. */
export interface MeasurePages extends Omit<ReadPages, 'do' | 'start'> {
  readonly do: 'measure';
  /** The bytes are no file of somebody's: the server made them. */
  readonly isShown: boolean;
}

/** Its words, without pages. */
export interface ReadWords extends Omit<ReadPages, 'do' | 'start' | 'paper'> {
  readonly do: 'words';
}

export interface LayOutTexts {
  readonly do: 'lay-out';
  readonly documents: readonly { readonly rows: readonly TextRow[]; readonly sheet: Sheet }[];
}

export type PageTask = ReadPages | DrawPages | MeasurePages | ReadWords | LayOutTexts;

export type PageAnswer =
  | { readonly kind: 'pages'; readonly fragment: PdfFragment; readonly complete: boolean; readonly total: number }
  /** Pages of it show what is hidden elsewhere: they are to be drawn. */
  | { readonly kind: 'layers' }
  /** XML or JSON, of which somebody else may show a page. */
  | { readonly kind: 'structured' }
  | { readonly kind: 'none'; readonly reason: UnmergedReason }
  /** `rendering`: SHA-256 of what the server made of the file, where it did. */
  | { readonly kind: 'measured'; readonly pages: readonly Paper[]; readonly rendering?: string }
  | { readonly kind: 'words'; readonly text: string }
  | { readonly kind: 'laid-out'; readonly text: LaidOut };
