/** JSON as text, with its digits as they were sent: it is indented, and never parsed. */

/** A reference in a text, or what stands between two of them. */
export interface TextPart {
  readonly text: string;
  /** Below the base: `Patient/p1`. */
  readonly reference?: string;
}

/** `text`: JSON. Two spaces for each level; empty lists and objects stay in their line. */
export function indentedJson(text: string): string {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s{}[\]:,"]+/gs) ?? [];
  let [level, shown] = [0, ''];
  const line = (): string => `\n${'  '.repeat(level)}`;
  tokens.forEach((token, at) => {
    const before = tokens[at - 1];
    const isFirst = before === '{' || before === '[';
    if (token === '}' || token === ']') {
      level--;
      shown += isFirst ? token : line() + token;
    } else if (token === ',' || token === ':') shown += token === ':' ? ': ' : ',';
    else {
      shown += (isFirst || before === ',' ? line() : '') + token;
      if (token === '{' || token === '[') level++;
    }
  });
  return shown;
}

const REFERENCE = /("reference": ")([A-Z][A-Za-z]+\/[A-Za-z0-9.-]{1,64}(?:\/_history\/[A-Za-z0-9.-]{1,64})?)(?=")/;

/** `text`: indented JSON. */
export const withReferences = (text: string): readonly TextPart[] =>
  text
    .split(new RegExp(REFERENCE, 'g'))
    .flatMap((part, at) => (part === '' ? [] : [at % 3 === 2 ? { text: part, reference: part } : { text: part }]));
