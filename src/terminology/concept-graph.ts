/** The hierarchy of a code system as a graph over integers: edges are collected, then linked in both directions. */

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

/** Both directions as look-ups: the neighbours of every concept in one array, one after the other. */
export function link(size: number, all: readonly Edges[]) {
  const parents = all.flatMap(each => each.parents);
  const children = all.flatMap(each => each.children);
  return {
    count: parents.length,
    children: adjacency(size, parents, children),
    parents: adjacency(size, children, parents),
  };
}

function adjacency(size: number, from: readonly number[], to: readonly number[]): (concept: number) => number[] {
  const start = new Int32Array(size + 1);
  for (const concept of from) start[concept + 1]! += 1;
  for (let concept = 0; concept < size; concept++) start[concept + 1]! += start[concept]!;
  const place = start.slice();
  const found = new Int32Array(from.length);
  from.forEach((concept, index) => {
    found[place[concept]!++] = to[index]!;
  });
  return concept => [...new Set(found.subarray(start[concept], start[concept + 1]))];
}

/** Cycles do no harm: every concept is visited once. */
export function closure(first: number, next: (concept: number) => readonly number[]): ReadonlySet<number> {
  const reached = new Set([first]);
  for (const concept of reached) for (const other of next(concept)) reached.add(other);
  return reached;
}
