/**
 * The path of a discriminator: a FHIRPath of few forms. https://hl7.org/fhir/R4/profiling.html#discriminator
 */

export type DiscriminatorStep =
  | { readonly kind: 'child'; readonly name: string }
  | { readonly kind: 'resolve' }
  /** `ofType(Quantity)`, and `as(Quantity)`. */
  | { readonly kind: 'type'; readonly type: string }
  | { readonly kind: 'extension'; readonly url: string };

const STEP =
  /(?:^|\.)(?:(?<this>\$this)|(?<resolve>resolve\(\))|(?:ofType|as)\((?:FHIR\.)?(?<type>\w{1,64})\)|extension\(['"](?<url>[^'"]{1,512})['"]\)|(?<name>[A-Za-z_]\w{0,63})(?:\[x\])?)(?=\.|$)/y;

/** The steps; `$this` is none. Undefined: the path is of another form. */
export function readDiscriminatorPath(path: string): readonly DiscriminatorStep[] | undefined {
  const steps: DiscriminatorStep[] = [];
  STEP.lastIndex = 0;
  while (STEP.lastIndex < path.length) {
    const found = STEP.exec(path)?.groups;
    if (!found) return undefined;
    const { resolve, type, url, name } = found;
    if (resolve !== undefined) steps.push({ kind: 'resolve' });
    else if (type !== undefined) steps.push({ kind: 'type', type });
    else if (url !== undefined) steps.push({ kind: 'extension', url });
    else if (name !== undefined) steps.push({ kind: 'child', name });
  }
  return path === '' ? undefined : steps;
}
