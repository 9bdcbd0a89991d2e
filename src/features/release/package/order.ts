/**
 * What a package is made of, and what is said of it afterwards. Everything that a package prints stands in its order: dates, identifiers and
 * the order of items come from nowhere else, so that the same order gives the same bytes.
 *
 * A package is `pdf` (one PDF: cover, index, the items page by page), `zip` (originals with a manifest), `both` (a ZIP that also holds the
 * PDF), or `document` (a Bundle of type document, https://hl7.org/fhir/R4/documents.html).
 */

export type PackageForm = 'pdf' | 'zip' | 'both' | 'document';

/** A part of a page as it is shown: fractions of its width and height from its upper left corner, 0 to 1. */
export interface RedactedArea {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Marks on one page, and what that page was when it was marked: on another page they would hide something else. */
export interface PageRedaction {
  /** From 1, as the item's own pages are counted. */
  readonly page: number;
  /** Points, of the page as it was marked. */
  readonly width: number;
  readonly height: number;
  /** That of ItemPages (item-pages.ts), where its pages have one. */
  readonly rendering?: string;
  /** `all`: the whole page is withheld. */
  readonly areas: readonly RedactedArea[] | 'all';
}

/** Bytes, as they come. */
export type ByteSource = AsyncIterable<Uint8Array>;

/** What stands in for an item that is a document of sections (C-CDA, FHIR): its page in HTML, or the file that it holds. */
export interface ShownItem {
  readonly contentType: string;
  readonly bytes: Uint8Array;
}

export interface PackageItem {
  /** What is released, in its version: `DocumentReference/a/_history/2`. Unique in a package. */
  readonly id: string;
  readonly title: string;
  /** As it is printed. */
  readonly date?: string;
  readonly type?: string;
  readonly author?: string;
  /** As the document says it. */
  readonly contentType: string;
  /** Bytes. */
  readonly size: number;
  /** Of the bytes, in hexadecimal: a package is refused when they are others. */
  readonly sha256: string;
  /** Printed on each of its pages and in the index: the statement of 42 CFR 2.32, for example. */
  readonly notices?: readonly string[];
  readonly redactions?: readonly PageRedaction[];
  /** Read once or more often. */
  open(): ByteSource | Promise<ByteSource>;
  /** For XML and JSON: what the server shows of it. Undefined where it can show nothing. */
  shown?(): Promise<ShownItem | undefined>;
}

/** What the cover and the index say beside what is in the order, in the language of the recipient. */
export interface PackageWords {
  readonly title: string;
  readonly trackingId: string;
  readonly recipient: string;
  readonly sender: string;
  readonly patient: string;
  readonly purpose: string;
  readonly date: string;
  readonly contents: string;
  readonly notices: string;
  /** Between the number of a page and the number of pages. */
  readonly of: string;
  readonly page: string;
  readonly attached: string;
  readonly withheld: string;
  readonly redacted: string;
  readonly reasons: Readonly<Record<UnmergedReason, string>>;
}

/** Why an item is not among the pages, or not as a whole. */
export type UnmergedReason =
  | 'encrypted'
  | 'damaged'
  | 'too-large'
  | 'too-costly'
  | 'no-pages'
  | 'not-printable'
  | 'partly-printable'
  | 'partly-drawn'
  | 'cannot-redact'
  | 'other-pages';

export const ENGLISH: PackageWords = {
  title: 'Release of information',
  trackingId: 'Tracking ID',
  recipient: 'To',
  sender: 'From',
  patient: 'Patient',
  purpose: 'Purpose',
  date: 'Released',
  contents: 'Contents',
  notices: 'Notices',
  of: 'of',
  page: 'Page',
  attached: 'attached',
  withheld: 'withheld',
  redacted: 'redacted',
  reasons: {
    encrypted: 'the file is protected by a password',
    damaged: 'the file is damaged and cannot be printed',
    'too-large': 'the file is too large to be printed',
    'too-costly': 'the file could not be printed within the limits of time and memory',
    'no-pages': 'the file has no pages',
    'not-printable': 'files of this type cannot be printed',
    'partly-printable': 'not everything in the file can be printed: the file is attached as well',
    'partly-drawn': 'not everything in the file can be printed',
    'cannot-redact': 'what must be withheld could not be removed from the file',
    'other-pages': 'what must be withheld was marked on other pages than the file has now',
  },
};

export interface PackageOrder {
  readonly form: PackageForm;
  /** Names no patient: it is in the QR code and on every page. */
  readonly trackingId: string;
  /** Where the QR code leads; without it the code says the tracking id. */
  readonly link?: string;
  /** Lines of an address, each. */
  readonly recipient: readonly string[];
  readonly sender: readonly string[];
  /** Name and identifiers, a line each. */
  readonly patient: readonly string[];
  readonly purpose: string;
  /** instant: https://hl7.org/fhir/R4/datatypes.html#instant */
  readonly released: string;
  /** Paragraphs of the cover. */
  readonly notices: readonly string[];
  /** The PDF opens with it alone (AES-256). It is told to the recipient by another way. For the form `pdf`: a ZIP would hold the originals without one. */
  readonly passphrase?: string;
  /** Default: letter. */
  readonly paper?: 'letter' | 'a4';
  /** Default: English. */
  readonly words?: PackageWords;
  readonly items: readonly PackageItem[];
}

/** What became of an item. Pages are those of the package. */
export interface ItemOutcome {
  readonly id: string;
  readonly title: string;
  readonly sha256: string;
  readonly size: number;
  readonly contentType: string;
  /** `merged`: its pages are in the PDF; `attached`: the file is, as it is; `withheld`: neither. */
  readonly state: 'merged' | 'attached' | 'withheld';
  /** Of the PDF, from 1. */
  readonly firstPage?: number;
  readonly pages?: number;
  readonly reason?: UnmergedReason;
  /** Numbers of its own pages that were redacted. */
  readonly redacted?: readonly number[];
  /** Its name among the attachments, or in the ZIP. */
  readonly file?: string;
}

/** What a package was made of: `pages` of its PDF. */
export interface MadeForm {
  readonly pages?: number;
  /** Boxes stand for characters of cover, index or notices that no font has; whoever copies them has the characters. */
  readonly missingGlyphs?: true;
  readonly items: readonly ItemOutcome[];
}

/** What a package holds, for a List that freezes it. */
export interface PackageManifest extends MadeForm {
  readonly trackingId: string;
  readonly form: PackageForm;
  readonly contentType: string;
  readonly sha256: string;
  readonly size: number;
  readonly encrypted: boolean;
}

/**
 * `changed`: the bytes of an item are not those of its hash. `no-such-page`: a redaction is of a page that the item has not got. `unsteady`:
 * pages that were drawn once could not be drawn again, as may be where a machine has too much to do.
 */
export type PackageFault = 'changed' | 'no-such-page' | 'bad-order' | 'unsteady';

/** A package that is not made. Its message names the item by its id, and nothing of its content. */
export class PackageRefused extends Error {
  override readonly name = 'PackageRefused';
  readonly fault: PackageFault;
  readonly item: string | undefined;
  constructor(fault: PackageFault, message: string, item?: string) {
    super(message);
    this.fault = fault;
    this.item = item;
  }
}
