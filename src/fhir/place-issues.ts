/** Gives issues line and column, where the text that was sent is at hand: in one pass over it, for their elements alone. */
import type { Issue } from './error.js';
import { placeInJson } from './json/places.js';
import { positionsOf, seekPath, type SoughtElement, soughtElement, stepsOf } from './places.js';
import { placeInXml } from './xml/places.js';

/** A text, and where in it the resource stands that issues are about: `parameter[1].resource`; empty: it is all of it. */
export interface SourceText {
  readonly format: 'json' | 'xml';
  readonly text: string;
  readonly at: string;
}

/** `text`: one that could be read as a resource, or empty, where nothing is to be found. */
export function placeIssues({ format, text, at }: SourceText, issues: readonly Issue[]): readonly Issue[] {
  if (text === '' || issues.length === 0) return issues;
  const root = soughtElement();
  const sought = issues.map(({ expression = '' }) => seekPath(root, [...stepsOf(at), ...stepsOf(expression).slice(1)]));
  (format === 'json' ? placeInJson : placeInXml)(text, root);
  const offsets = sought.map(offsetOf);
  const positions = positionsOf(text, offsets);
  return issues.map((issue, i) => ({ ...issue, position: positions.get(offsets[i]!)! }));
}

/** Of the innermost element that is there. */
const offsetOf = (way: readonly SoughtElement[]): number =>
  way.findLast(({ offset }) => offset !== undefined)?.offset ?? 0;
