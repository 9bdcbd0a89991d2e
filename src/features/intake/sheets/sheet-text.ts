/**
 * What the QR code of a separator sheet says: whose the pages after it are, of which encounter, what kind of document, and how many; and which server has printed it, since ids are its own. Anybody can print one: it says
 * no more than whoever sends a file could, and a document is indexed by people and two identifiers all the same.
 */
import { createHash } from 'node:crypto';

const PREFIX = 'urn:chartroom:separator-sheet?';

export interface SeparatorSheet {
  /** The mark of the server that has printed it; undefined: it says none. */
  readonly server?: string;
  /** Ids of resources of this server. */
  readonly patient: string;
  readonly encounter?: string;
  /** system|code. */
  readonly type?: string;
  readonly pages?: number;
}

/** Hexadecimal digits of a mark. */
const MARK_DIGITS = 12;
const MARK = /^[0-9a-f]{12}$/;

/** What tells the server with this base from others: short, so that its code stays coarse. */
export const serverMark = (base: string): string =>
  createHash('sha256').update(base).digest('hex').slice(0, MARK_DIGITS);

export function sheetText({ server, patient, encounter, type, pages }: SeparatorSheet): string {
  const said = Object.entries({ server, patient, encounter, type, pages });
  const parts = said.flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)] as [string, string]],
  );
  return PREFIX + new URLSearchParams(parts).toString();
}

const ID = /^[A-Za-z0-9.-]{1,64}$/;
/** Pages that a sheet may announce. */
export const MOST_ANNOUNCED = 500;

export const isSheetText = (text: string): boolean => text.startsWith(PREFIX);

/** Characters of a type. */
const LONGEST_TYPE = 100;
/** system|code. */
export const isSheetType = (text: string): boolean =>
  text.length <= LONGEST_TYPE && /^[^|\s\p{C}]+\|[^|\s\p{C}]+$/u.test(text);

/** Undefined: it says nothing that a sheet of this server would. */
export function parseSheet(text: string): SeparatorSheet | undefined {
  const said = new URLSearchParams(text.slice(PREFIX.length));
  const [server, patient, encounter, type, pages] = ['server', 'patient', 'encounter', 'type', 'pages'].map(name =>
    said.get(name),
  );
  const count = pages ? Number(pages) : undefined;
  const isCount = count === undefined || (Number.isInteger(count) && count >= 1 && count <= MOST_ANNOUNCED);
  const isWhose = patient && ID.test(patient) && (!encounter || ID.test(encounter)) && (!server || MARK.test(server));
  if (!isSheetText(text) || !isWhose || (type && !isSheetType(type)) || !isCount) return undefined;
  return {
    ...(server ? { server } : {}),
    patient,
    ...(encounter ? { encounter } : {}),
    ...(type ? { type } : {}),
    ...(count === undefined ? {} : { pages: count }),
  };
}
