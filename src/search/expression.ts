/**
 * The part of FHIRPath that search parameters are written in, as a tree: paths, unions, `as`, `ofType`, `where`,
 * `exists`, `extension`, an index, comparison with a literal, `and` and `or`, `resolve() is Type`.
 * https://hl7.org/fhir/R4/searchparameter-definitions.html#SearchParameter.expression, http://hl7.org/fhirpath/N1/
 *
 * Anything else is a SyntaxError, which sends the whole expression to the complete engine (path.ts).
 */

export type Step =
  | { readonly is: 'property'; readonly name: string }
  | { readonly is: 'as'; readonly type: string }
  | { readonly is: 'where'; readonly condition: Condition }
  | { readonly is: 'index'; readonly at: number }
  | { readonly is: 'extension'; readonly url: string };

export interface Path {
  /** Where it starts: the focus, or the resource (`%resource`). */
  readonly from: 'focus' | 'resource';
  readonly steps: readonly Step[];
}

export type Condition =
  | { readonly is: 'and' | 'or'; readonly left: Condition; readonly right: Condition }
  | { readonly is: 'not'; readonly of: Condition }
  | { readonly is: 'equal'; readonly paths: readonly Path[]; readonly value: string | number | boolean }
  | { readonly is: 'exists'; readonly paths: readonly Path[] }
  /** The reference at the focus points at a resource of this type. */
  | { readonly is: 'resolves'; readonly type: string }
  /** The boolean that the paths lead to. */
  | { readonly is: 'true'; readonly paths: readonly Path[] };

/** The values of paths, or one boolean. */
export type Expression =
  | { readonly is: 'paths'; readonly paths: readonly Path[] }
  | { readonly is: 'condition'; readonly condition: Condition };

type Node =
  | Expression
  | { readonly is: 'literal'; readonly value: string | number | boolean }
  /** `resolve()` on the focus; only `is` can follow. */
  | { readonly is: 'resolved' };

const TOKEN = /\s*(?:('(?:[^'\\]|\\.)*')|(\d+(?:\.\d+)?)|([%$]?[A-Za-z_]\w*|`[^`]+`)|(!=|[.()[\]|=]))/y;

/** Throws SyntaxError for what lies outside the subset. */
export function parseExpression(text: string): Expression {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  const source = text.trimEnd();
  while (TOKEN.lastIndex < source.length) {
    const token = TOKEN.exec(source);
    if (!token) throw new SyntaxError('A character outside the subset of FHIRPath.');
    tokens.push(token[1] ?? token[2] ?? token[3] ?? token[4]!);
  }
  let at = 0;
  const accept = (token: string) => tokens[at] === token && ++at > 0;
  const expect = (token: string) => {
    if (!accept(token)) throw new SyntaxError(`Expected ${token}.`);
  };
  const take = () => tokens[at++] ?? fail('The expression ends too early.');

  const disjunction = (): Node => {
    let node = conjunction();
    while (accept('or')) node = junction('or', node, conjunction());
    return node;
  };
  const conjunction = (): Node => {
    let node = equality();
    while (accept('and')) node = junction('and', node, equality());
    return node;
  };
  const equality = (): Node => {
    const left = union();
    const operator = accept('=') ? '=' : accept('!=') ? '!=' : undefined;
    if (!operator) return left;
    const right = union();
    if (right.is !== 'literal') return fail('Only a literal can be compared with.');
    const equal: Condition = { is: 'equal', paths: pathsOf(left), value: right.value };
    return { is: 'condition', condition: operator === '=' ? equal : { is: 'not', of: equal } };
  };
  const union = (): Node => {
    let node = typed();
    while (accept('|')) node = { is: 'paths', paths: [...pathsOf(node), ...pathsOf(typed())] };
    return node;
  };
  const typed = (): Node => {
    const node = postfix();
    if (accept('as')) return follow(node, { is: 'as', type: take() });
    if (accept('is')) {
      if (node.is !== 'resolved') return fail('`is` is known after resolve() alone.');
      return { is: 'condition', condition: { is: 'resolves', type: take() } };
    }
    return node;
  };
  const postfix = (): Node => {
    let node = primary();
    for (;;) {
      if (accept('.')) node = member(node);
      else if (accept('[')) {
        node = follow(node, { is: 'index', at: Number(take()) });
        expect(']');
      } else return node;
    }
  };
  const primary = (): Node => {
    if (accept('(')) {
      const node = disjunction();
      expect(')');
      return node;
    }
    const token = tokens[at] ?? '';
    if (/^['\d]/.test(token) || token === 'true' || token === 'false') return { is: 'literal', value: literal(take()) };
    if (token === '%resource' || token === '%context' || token === '$this') {
      at++;
      return { is: 'paths', paths: [{ from: token === '%resource' ? 'resource' : 'focus', steps: [] }] };
    }
    return member({ is: 'paths', paths: [{ from: 'focus', steps: [] }] });
  };
  const member = (node: Node): Node => {
    const name = take();
    if (!/^[A-Za-z_`]/.test(name)) return fail('A name is expected.');
    if (!accept('(')) return follow(node, { is: 'property', name: name.replaceAll('`', '') });
    const result = invocation(node, name);
    expect(')');
    return result;
  };
  const invocation = (node: Node, name: string): Node => {
    switch (name) {
      case 'as':
      case 'ofType': {
        const type = take();
        return follow(node, { is: 'as', type: type === 'FHIR' && accept('.') ? take() : type });
      }
      case 'where':
        return follow(node, { is: 'where', condition: conditionOf(disjunction()) });
      case 'extension':
        return follow(node, { is: 'extension', url: String(literal(take())) });
      case 'exists': {
        const filtered =
          tokens[at] === ')' ? node : follow(node, { is: 'where', condition: conditionOf(disjunction()) });
        return { is: 'condition', condition: { is: 'exists', paths: pathsOf(filtered) } };
      }
      case 'empty':
        return { is: 'condition', condition: { is: 'not', of: { is: 'exists', paths: pathsOf(node) } } };
      case 'not':
        return { is: 'condition', condition: { is: 'not', of: conditionOf(node) } };
      case 'resolve':
        return pathsOf(node).every(path => path.steps.length === 0)
          ? { is: 'resolved' }
          : fail('resolve() after a path.');
      default:
        return fail('A function outside the subset of FHIRPath.');
    }
  };

  const node = disjunction();
  if (at < tokens.length) return fail('Something follows the expression.');
  return node.is === 'paths' || node.is === 'condition' ? node : fail('A literal is no path.');
}

function fail(message: string): never {
  throw new SyntaxError(message);
}

const literal = (token: string): string | number | boolean => {
  if (token === 'true' || token === 'false') return token === 'true';
  if (!token.startsWith("'")) return Number(token);
  return token.slice(1, -1).replace(/\\(.)/g, '$1');
};

const pathsOf = (node: Node): readonly Path[] => (node.is === 'paths' ? node.paths : fail('A path is expected.'));

const conditionOf = (node: Node): Condition => {
  if (node.is === 'condition') return node.condition;
  return { is: 'true', paths: pathsOf(node) };
};

const follow = (node: Node, step: Step): Node => ({
  is: 'paths',
  paths: pathsOf(node).map(path => ({ from: path.from, steps: [...path.steps, step] })),
});

const junction = (is: 'and' | 'or', left: Node, right: Node): Node => ({
  is: 'condition',
  condition: { is, left: conditionOf(left), right: conditionOf(right) },
});
