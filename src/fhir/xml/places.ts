/** Where elements stand in the XML text of a resource: https://hl7.org/fhir/R4/xml.html */
import { SaxesParser } from 'saxes';
import { type SoughtElement, soughtByName } from '../places.js';

interface OpenTag {
  readonly sought: SoughtElement | undefined;
  /** How many children of each name there were. */
  readonly counts: Map<string, number>;
}

/** Notes where the elements stand that are sought. `text`: XML that was read as a resource already. */
export function placeInXml(text: string, root: SoughtElement): void {
  const open: OpenTag[] = [];
  const parser = new SaxesParser({ xmlns: false });
  parser.on('opentagstart', ({ name }) => {
    const offset = text.lastIndexOf('<', parser.position - 1);
    const parent = open.at(-1);
    open.push({ sought: parent ? soughtIn(parent, name, offset) : root, counts: new Map() });
    if (!parent) root.offset = offset;
  });
  parser.on('closetag', () => void open.pop());
  parser.on('error', () => undefined);
  parser.write(text).close();
}

/** What of the sought an element is. A resource inside another one fills the element around it. */
function soughtIn({ sought, counts }: OpenTag, name: string, offset: number): SoughtElement | undefined {
  if (!sought) return undefined;
  if (/^[A-Z]/.test(name)) return sought;
  const child = soughtByName(sought, name);
  if (!child) return undefined;
  const index = counts.get(name) ?? 0;
  counts.set(name, index + 1);
  child.offset ??= offset;
  const item = child.children.get(String(index));
  // What does not repeat has no index.
  if (!item) return index === 0 ? child : undefined;
  item.offset ??= offset;
  return item;
}
