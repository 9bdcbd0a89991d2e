/**
 * The name under which bytes are saved: the title that a document gives to them, where whoever asks may see it, else their id; with the
 * ending of their type, so that no title makes a program of a document. https://www.rfc-editor.org/rfc/rfc6266,
 * https://www.rfc-editor.org/rfc/rfc8187, https://hl7.org/fhir/R4/datatypes-definitions.html#Attachment.title
 */
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import { fileEnding, hasEnding } from '../../fhir/media-type.js';
import { parseReference } from '../../fhir/reference.js';
import { isObject, itemsOf } from '../../fhir/resource.js';
import type { Version } from '../../store/store.js';
import { NAMED_BY } from './pointing-rows.js';

const LONGEST = 120;

/** The name of the bytes of a Binary, as a person would see it. `pointing`: what points at them, as far as whoever asks sees it. */
export function fileNameOf(
  pointing: readonly Version[],
  id: string,
  contentType: string,
  bases: readonly string[],
): string {
  // Of several documents the one that was changed last has the first word.
  const titles = pointing
    .filter(({ type, text }) => type === NAMED_BY && text)
    .toSorted((one, other) => other.updated - one.updated)
    .map(row => titleIn(row, id, bases));
  return fileNamed(titles.find(title => title !== undefined) ?? '', contentType) ?? fileNamed(id, contentType)!;
}

function titleIn({ text }: Version, id: string, bases: readonly string[]): string | undefined {
  for (const content of itemsOf(parseJson(text!, STORED_JSON).resource['content'])) {
    const attachment = isObject(content) ? content['attachment'] : undefined;
    if (!isObject(attachment)) continue;
    const { url, title } = attachment;
    if (typeof url !== 'string' || typeof title !== 'string') continue;
    const target = parseReference(url, bases);
    if (target?.kind === 'local' && target.type === 'Binary' && target.id === id) return title;
  }
  return undefined;
}

/** Characters that some file system takes for something else, and those that nobody sees. */
const UNFIT = /[\p{C}\p{Zl}\p{Zp}/\\:*?"<>|]+/gu;

/** Undefined: nothing is left of it. */
export function fileNamed(title: string, contentType: string): string | undefined {
  const fit = title
    .normalize('NFC')
    .replaceAll(UNFIT, ' ')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/^[. ]+|[. ]+$/g, '');
  const short = fit
    .slice(0, LONGEST)
    .replace(/[\ud800-\udbff]$/, '')
    .trimEnd();
  if (short === '') return undefined;
  return hasEnding(short, contentType) ? short : `${short}.${fileEnding(contentType)}`;
}
