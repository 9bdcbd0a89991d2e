/** What was given out, in a few words for the patient: as it was recorded, else by what the resources are that it names, as far as whoever asks may read them. */
import { isObject, itemsOf, type Json } from '../../fhir/resource.js';
import { parseReference } from '../../fhir/reference.js';
import type { Context } from '../../interactions/engine.js';
import type { Disclosure } from '../../interactions/tell.js';
import { conceptInWords, lineOfText, textGiven } from './told-event.js';

/** Resources that are read for one answer. */
const MOST_READ = 500;
/** Different things that are named of one disclosure. */
const MOST_NAMED = 10;

export type Describe = (disclosure: Disclosure) => Promise<string>;

/** For one answer. */
export function describer({ engine, view }: Pick<Context, 'engine' | 'view'>): Describe {
  const known = new Map<string, string>();
  const nameOf = async (reference: string): Promise<string> => {
    const target = parseReference(reference, engine.settings.bases);
    if (target?.kind !== 'local') return lineOfText(reference);
    const before = known.get(reference);
    if (before !== undefined) return before;
    const row =
      known.size < MOST_READ ? await view.read(target.type, target.id, Number(target.version) || undefined) : undefined;
    const resource = row?.text && (JSON.parse(row.text.toString()) as Json);
    const name = (resource && !isLabelled(resource) && nameIn(resource)) || inWords(target.type);
    known.set(reference, name);
    return name;
  };
  return async ({ description = '', data }) => {
    if (description !== '') return lineOfText(description);
    const counts = new Map<string, number>();
    for (const reference of data) {
      const name = await nameOf(reference);
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    const named = [...counts].slice(0, MOST_NAMED).map(([name, count]) => (count === 1 ? name : `${count} × ${name}`));
    const more = counts.size - named.length;
    return [...named, ...(more > 0 ? [`and ${more} more`] : [])].join(', ');
  };
}

/** What is labelled is not named: others read the copy of an accounting than those who may see what is behind the label. */
const isLabelled = (resource: Json): boolean =>
  isObject(resource) &&
  [isObject(resource['meta']) ? resource['meta']['security'] : undefined, resource['securityLabel']].some(
    labels => itemsOf(labels).length > 0,
  );

/** `DiagnosticReport` → Diagnostic report. */
const inWords = (type: string): string => type.replaceAll(/(?!^)[A-Z]/g, letter => ` ${letter.toLowerCase()}`);

/** What it is and of when. */
function nameIn(resource: Json): string {
  if (!isObject(resource)) return '';
  const { type, code, description, date, effectiveDateTime, created } = resource;
  const what = [conceptInWords(type), conceptInWords(code), textGiven(description)].find(each => each !== '');
  const title =
    what ??
    itemsOf(resource['category'])
      .map(conceptInWords)
      .find(each => each !== '');
  if (title === undefined) return '';
  const when = [date, effectiveDateTime, created].map(textGiven).find(each => each !== '');
  return lineOfText(when === undefined ? title : `${title} of ${when.slice(0, 10)}`);
}
