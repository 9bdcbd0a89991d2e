/**
 * What the QR code of a separator sheet says: whose the pages after it are, of which encounter, what kind of document, and how many. Anybody can print one: it says
 * no more than whoever sends a file could, and a document is indexed by people and two identifiers all the same.
 */
const PREFIX = 'urn:chartroom:separator-sheet?';

export interface SeparatorSheet {
  /** Ids of resources of this server. */
  readonly patient: string;
  readonly encounter?: string;
  /** system|code. */
  readonly type?: string;
  readonly pages?: number;
}

export function sheetText({ patient, encounter, type, pages }: SeparatorSheet): string {
  const said = Object.entries({ patient, encounter, type, pages });
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
  const [patient, encounter, type, pages] = ['patient', 'encounter', 'type', 'pages'].map(name => said.get(name));
  const count = pages ? Number(pages) : undefined;
  const isCount = count === undefined || (Number.isInteger(count) && count >= 1 && count <= MOST_ANNOUNCED);
  const isWhose = patient && ID.test(patient) && (!encounter || ID.test(encounter));
  if (!isSheetText(text) || !isWhose || (type && !isSheetType(type)) || !isCount) return undefined;
  return {
    patient,
    ...(encounter ? { encounter } : {}),
    ...(type ? { type } : {}),
    ...(count === undefined ? {} : { pages: count }),
  };
}
