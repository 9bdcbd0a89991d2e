/** The base part of a media type: https://hl7.org/fhir/R4/search.html#mimetype, https://www.rfc-editor.org/rfc/rfc2045#section-5.1 */

/** `text/xml` of `Text/XML; charset=utf-8`; `image` of `image`, `image/` and `image/*`. Empty where there is no type. */
export const baseOfMediaType = (text: string): string =>
  text
    .split(';', 1)[0]!
    .trim()
    .toLowerCase()
    .replace(/\/\*?$/, '');
