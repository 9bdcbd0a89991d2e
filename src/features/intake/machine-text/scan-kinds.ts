/** Which documents are pictures of text, by what their first content is. */
import { isObject, itemsOf, type JsonObject, type Resource } from '../../../fhir/resource.js';

const ENDINGS: Readonly<Record<string, string>> = {
  'application/pdf': 'pdf',
  'image/tiff': 'tiff',
  'image/jpeg': 'jpg',
  'image/png': 'png',
};

export function firstAttachment({ content }: Resource): JsonObject {
  const [first] = itemsOf(content);
  return isObject(first) && isObject(first['attachment']) ? first['attachment'] : {};
}

/** As the name of its file would end; undefined: it is no picture. */
export function endingOf(document: Resource): string | undefined {
  const { contentType } = firstAttachment(document);
  const type = typeof contentType === 'string' ? contentType.split(';')[0]!.trim().toLowerCase() : '';
  return Object.hasOwn(ENDINGS, type) ? ENDINGS[type] : undefined;
}
