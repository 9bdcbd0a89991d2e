/** The hierarchy of a code system as a graph over integers: edges are collected, then linked in both directions. */
import type { Pieces } from '../platform/pieces.js';

export interface Edges {
  readonly parents: number[];
  readonly children: number[];
  add(parent: number, child: number): void;
}

export function edges(): Edges {
  const parents: number[] = [];
  const children: number[] = [];
  return {
    parents,
    children,
    add(parent, child) {
      parents.push(parent);
      children.push(child);
    },
  };
}

type Neighbours = (concept: number) => readonly number[];

export interface Graph {
  /** Edges. */
  readonly count: number;
  readonly children: Neighbours;
  readonly parents: Neighbours;
}

/** Both directions as look-ups: the neighbours of every concept in one array, one after the other. */
export function* link(size: number, all: readonly Edges[]): Pieces<Graph> {
  const parents = all.flatMap(each => each.parents);
  const children = all.flatMap(each => each.children);
  yield;
  const down = adjacency(size, parents, children);
  yield;
  return { count: parents.length, children: down, parents: adjacency(size, children, parents) };
}

function adjacency(size: number, from: readonly number[], to: readonly number[]): Neighbours {
  const start = new Int32Array(size + 1);
  for (const concept of from) start[concept + 1]! += 1;
  for (let concept = 0; concept < size; concept++) start[concept + 1]! += start[concept]!;
  const place = start.slice();
  const found = new Int32Array(from.length);
  from.forEach((concept, index) => {
    found[place[concept]!++] = to[index]!;
  });
  return concept => {
    const all = found.subarray(start[concept], start[concept + 1]);
    return all.length < 2 ? [...all] : [...new Set(all)];
  };
}

/** Cycles do no harm: every concept is visited once. */
export function closure(first: number, next: (concept: number) => readonly number[]): ReadonlySet<number> {
  const reached = new Set([first]);
  for (const concept of reached) for (const other of next(concept)) reached.add(other);
  return reached;
}
