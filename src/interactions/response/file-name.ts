/**
 * The name under which bytes are saved: the title that a document gives to them, where whoever asks may see it, else their id; with the
 * ending of their type, so that no title makes a program of a document. https://www.rfc-editor.org/rfc/rfc6266,
 * https://www.rfc-editor.org/rfc/rfc8187, https://hl7.org/fhir/R4/datatypes-definitions.html#Attachment.title
 */
import { ATTACHMENT } from '../../access/binaries.js';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import { fileEnding, hasEnding } from '../../fhir/media-type.js';
import { parseReference } from '../../fhir/reference.js';
import { isObject, itemsOf } from '../../fhir/resource.js';
import { refersTo } from '../../search/separate.js';
import type { Version } from '../../store/store.js';
import type { Context } from '../engine.js';

const TYPE = 'DocumentReference';
/** Documents that name the same bytes and are looked at; the one that was changed last has the first word. */
const LOOKED_AT = 5;
const LONGEST = 120;

/** The name of the bytes of a Binary, as a person would see it. */
export async function fileNameOf(context: Context, id: string, contentType: string): Promise<string> {
  return fileNamed((await titleOf(context, id)) ?? '', contentType) ?? fileNamed(id, contentType)!;
}

async function titleOf({ view, engine }: Context, id: string): Promise<string | undefined> {
  if (!view.shows(TYPE)) return undefined;
  const { rows } = await view.find({
    types: [TYPE],
    where: refersTo(ATTACHMENT, [{ type: 'Binary', id }]),
    sort: [],
    limit: LOOKED_AT,
  });
  for (const row of rows.toSorted((one, other) => other.updated - one.updated)) {
    const title = titleIn(row, id, engine.settings.bases);
    if (title !== undefined) return title;
  }
  return undefined;
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
