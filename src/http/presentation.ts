/**
 * How an answer is to look, understood before its address, so that errors about the address obey it, too:
 * https://hl7.org/fhir/R4/http.html#mime-type, #parameters
 */
import type { IncomingHttpHeaders } from 'node:http';
import { asFhirError, FhirError } from '../fhir/error.js';
import type { Parameters } from '../interactions/interaction.js';
import { type Format, notAcceptable, responseFormat } from './media.js';
import { readQuery, single } from './query.js';

export interface Presentation {
  readonly format: Format;
  readonly pretty: boolean;
  /** Prefer: return= of a write. */
  readonly prefer?: string;
  readonly gzip: boolean;
}

export interface Head {
  readonly query: Parameters;
  readonly presentation: Presentation;
  /** What is wrong with the query, the formats or `_pretty`: `presentation` has what could be understood of them. */
  readonly fault?: FhirError;
}

/** `search`: from the question mark. Never throws: whoever asks wrongly is told in the format that was asked for. */
export function readHead(headers: IncomingHttpHeaders, search: string): Head {
  try {
    return headFrom(headers, readQuery(search));
  } catch (error) {
    return faulty(headers, [], /[?&]_format=([\w/+%-]+)/.exec(search)?.[1], error);
  }
}

/** The same of parameters that are decoded: a search by POST may have them in its form. Never throws. */
export function headFrom(headers: IncomingHttpHeaders, query: Parameters): Head {
  const asked = single(query, '_format');
  try {
    const format = responseFormat(headers.accept, asked);
    if (!format) return faulty(headers, query, asked, notAcceptable(asked));
    const pretty = single(query, '_pretty');
    if (pretty !== undefined && pretty !== 'true' && pretty !== 'false')
      throw new FhirError('invalid', '_pretty must be true or false.', { expression: 'http._pretty' });
    const gzip = takesCoding(headers['accept-encoding'], 'gzip');
    return { query, presentation: { format, pretty: pretty === 'true', gzip } };
  } catch (error) {
    return faulty(headers, query, asked, error);
  }
}

function faulty(headers: IncomingHttpHeaders, query: Parameters, asked: string | undefined, error: unknown): Head {
  const format = understood(headers.accept, asked) ?? understood(headers.accept, undefined) ?? 'json';
  const gzip = takesCoding(headers['accept-encoding'], 'gzip');
  return { query, presentation: { format, pretty: false, gzip }, fault: asFhirError(error) };
}

/** `format`: as it stands in the address, where it could not be read as a query. */
function understood(accept: string | undefined, format: string | undefined): Format | undefined {
  try {
    return responseFormat(accept, format && decodeURIComponent(format));
  } catch {
    return undefined;
  }
}

/** Whether a content coding is named in an Accept-Encoding, and not to be avoided. https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3 */
export const takesCoding = (header: string | string[] | undefined, coding: string): boolean =>
  String(header ?? '')
    .toLowerCase()
    .split(',')
    .some(each => each.split(';')[0]!.trim() === coding && !/;\s*q=0(?:\.0*)?\s*$/.test(each));
