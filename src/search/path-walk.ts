/** What a compiled path of a search parameter is: a function over values, made for the type of the values. */
import type { ElementDefinition } from '../fhir/definitions.js';
import type { Json, JsonObject } from '../fhir/resource.js';

/** What a compiled path is run in. Callers may put their own members beside `root`. */
export interface PathFrame {
  /** The resource. */
  readonly root: JsonObject;
}

/** Runs over a value of the type that it was compiled for. */
export type PathWalk<F extends PathFrame> = (value: Json, frame: F) => void;

/** Where a path ends, as the definitions know it. */
export interface Ending {
  readonly type: string;
  /** The last element of the path. */
  readonly element?: ElementDefinition;
  /** The one type that `resolve() is …` lets pass. */
  readonly only?: string;
  /** The path can give more than one value. */
  readonly repeats: boolean;
}

/** Gives the function that takes the values of one ending; undefined: they are of no interest. */
export type Leaf<F extends PathFrame> = (ending: Ending) => PathWalk<F> | undefined;
