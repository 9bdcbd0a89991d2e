/** Values that kinds of documents write alike, in the words of FHIR: times and languages. */
import { parseDateTime } from '../../../fhir/datetime.js';

const COMPACT_TIME = /^(\d{4})(\d\d)?(\d\d)?(?:(\d\d)(\d\d)(\d\d)?(?:\.\d{1,6})?([+-]\d{4})?|\d\d)?(?:[+-]\d{4})?$/;

/**
 * A time as HL7 v3, DICOM and PDF write it (`20141020132741.5-0500`) → dateTime, as exact as it is; undefined where it is none, or names no
 * day of the calendar. Without an offset it is cut to its day: FHIR asks for one beside an hour, and nobody here knows it.
 */
export function dateTimeOf(value: string | undefined): string | undefined {
  const found = COMPACT_TIME.exec(value?.trim() ?? '');
  if (!found) return undefined;
  const [, year, month, day, hour, minute, second = '00', offset] = found;
  const date = [year, month, day].filter(part => part !== undefined).join('-');
  const zone = offset && `${offset.slice(0, 3)}:${offset.slice(3)}`;
  const exact = hour !== undefined && zone !== undefined ? `${date}T${hour}:${minute}:${second}${zone}` : date;
  if (parseDateTime(exact)) return exact;
  return parseDateTime(date) ? date : undefined;
}

/** BCP 47 in its canonical form (`eng` is `en`); undefined where it is no language. */
export function languageTag(text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : Intl.getCanonicalLocales(text)[0];
  } catch {
    return undefined;
  }
}
