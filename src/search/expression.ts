/**
 * The part of FHIRPath that search parameters are written in, as a tree: paths, unions, `as`, `ofType`, `where`,
 * `exists`, `extension`, an index, comparison with a literal, `and` and `or`, `resolve() is Type`.
 * https://hl7.org/fhir/R4/searchparameter-definitions.html#SearchParameter.expression, http://hl7.org/fhirpath/N1/
 *
 * Anything else is a SyntaxError, which sends the whole expression to the complete engine (path.ts).
 */

export type PathStep =
  | { readonly is: 'property'; readonly name: string }
  | { readonly is: 'as'; readonly type: string }
  | { readonly is: 'where'; readonly condition: Condition }
  | { readonly is: 'index'; readonly at: number }
  | { readonly is: 'extension'; readonly url: string };

export interface Path {
  /** Where it starts: the focus, or the resource (`%resource`). */
  readonly from: 'focus' | 'resource';
  readonly steps: readonly PathStep[];
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
export type PathExpression =
  | { readonly is: 'paths'; readonly paths: readonly Path[] }
  | { readonly is: 'condition'; readonly condition: Condition };

type ParsedNode =
  | PathExpression
  | { readonly is: 'literal'; readonly value: string | number | boolean }
  /** `resolve()` on the focus; only `is` can follow. */
  | { readonly is: 'resolved' };

const EXPRESSION_TOKEN = /\s*(?:('(?:[^'\\]|\\.)*')|(\d+(?:\.\d+)?)|([%$]?[A-Za-z_]\w*|`[^`]+`)|(!=|[.()[\]|=]))/y;

/** Throws SyntaxError for what lies outside the subset. */
export function parseExpression(text: string): PathExpression {
  const tokens: string[] = [];
  EXPRESSION_TOKEN.lastIndex = 0;
  const source = text.trimEnd();
  while (EXPRESSION_TOKEN.lastIndex < source.length) {
    const token = EXPRESSION_TOKEN.exec(source);
    if (!token) throw new SyntaxError('A character outside the subset of FHIRPath.');
    tokens.push(token[1] ?? token[2] ?? token[3] ?? token[4]!);
  }
  let at = 0;
  const accept = (token: string) => tokens[at] === token && ++at > 0;
  const expect = (token: string) => {
    if (!accept(token)) throw new SyntaxError(`Expected ${token}.`);
  };
  const take = () => tokens[at++] ?? syntaxError('The expression ends too early.');

  const disjunction = (): ParsedNode => {
    let node = conjunction();
    while (accept('or')) node = junction('or', node, conjunction());
    return node;
  };
  const conjunction = (): ParsedNode => {
    let node = equality();
    while (accept('and')) node = junction('and', node, equality());
    return node;
  };
  const equality = (): ParsedNode => {
    const left = union();
    const operator = accept('=') ? '=' : accept('!=') ? '!=' : undefined;
    if (!operator) return left;
    const right = union();
    if (right.is !== 'literal') return syntaxError('Only a literal can be compared with.');
    const equal: Condition = { is: 'equal', paths: needPaths(left), value: right.value };
    return { is: 'condition', condition: operator === '=' ? equal : { is: 'not', of: equal } };
  };
  const union = (): ParsedNode => {
    let node = typed();
    while (accept('|')) node = { is: 'paths', paths: [...needPaths(node), ...needPaths(typed())] };
    return node;
  };
  const typed = (): ParsedNode => {
    const node = postfix();
    if (accept('as')) return withStep(node, { is: 'as', type: take() });
    if (accept('is')) {
      if (node.is !== 'resolved') return syntaxError('`is` is known after resolve() alone.');
      return { is: 'condition', condition: { is: 'resolves', type: take() } };
    }
    return node;
  };
  const postfix = (): ParsedNode => {
    let node = primary();
    for (;;) {
      if (accept('.')) node = member(node);
      else if (accept('[')) {
        node = withStep(node, { is: 'index', at: Number(take()) });
        expect(']');
      } else return node;
    }
  };
  const primary = (): ParsedNode => {
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
  const member = (node: ParsedNode): ParsedNode => {
    const name = take();
    if (!/^[A-Za-z_`]/.test(name)) return syntaxError('A name is expected.');
    if (!accept('(')) return withStep(node, { is: 'property', name: name.replaceAll('`', '') });
    const result = invocation(node, name);
    expect(')');
    return result;
  };
  const invocation = (node: ParsedNode, name: string): ParsedNode => {
    switch (name) {
      case 'as':
      case 'ofType': {
        const type = take();
        return withStep(node, { is: 'as', type: type === 'FHIR' && accept('.') ? take() : type });
      }
      case 'where':
        return withStep(node, { is: 'where', condition: needCondition(disjunction()) });
      case 'extension':
        return withStep(node, { is: 'extension', url: String(literal(take())) });
      case 'exists': {
        const filtered =
          tokens[at] === ')' ? node : withStep(node, { is: 'where', condition: needCondition(disjunction()) });
        return { is: 'condition', condition: { is: 'exists', paths: needPaths(filtered) } };
      }
      case 'empty':
        return { is: 'condition', condition: { is: 'not', of: { is: 'exists', paths: needPaths(node) } } };
      case 'not':
        return { is: 'condition', condition: { is: 'not', of: needCondition(node) } };
      case 'resolve':
        return needPaths(node).every(path => path.steps.length === 0)
          ? { is: 'resolved' }
          : syntaxError('resolve() after a path.');
      default:
        return syntaxError('A function outside the subset of FHIRPath.');
    }
  };

  const node = disjunction();
  if (at < tokens.length) return syntaxError('Something follows the expression.');
  return node.is === 'paths' || node.is === 'condition' ? node : syntaxError('A literal is no path.');
}

function syntaxError(message: string): never {
  throw new SyntaxError(message);
}

const literal = (token: string): string | number | boolean => {
  if (token === 'true' || token === 'false') return token === 'true';
  if (!token.startsWith("'")) return Number(token);
  return token.slice(1, -1).replace(/\\(.)/g, '$1');
};

const needPaths = (node: ParsedNode): readonly Path[] =>
  node.is === 'paths' ? node.paths : syntaxError('A path is expected.');

const needCondition = (node: ParsedNode): Condition => {
  if (node.is === 'condition') return node.condition;
  return { is: 'true', paths: needPaths(node) };
};

const withStep = (node: ParsedNode, step: PathStep): ParsedNode => ({
  is: 'paths',
  paths: needPaths(node).map(path => ({ from: path.from, steps: [...path.steps, step] })),
});

const junction = (is: 'and' | 'or', left: ParsedNode, right: ParsedNode): ParsedNode => ({
  is: 'condition',
  condition: { is, left: needCondition(left), right: needCondition(right) },
});
