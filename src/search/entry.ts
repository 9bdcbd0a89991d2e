/**
 * An index entry: what one search parameter finds at one place of one resource. `extract` makes them, `match` tests
 * them, stores encode them. `parameter` is its code (not `code`, which tokens and quantities have themselves). A
 * multi-valued element gives one entry per value. https://hl7.org/fhir/R4/search.html#ptypes
 */
import type { JsonObject } from '../fhir/resource.js';
import type { BaseAmount } from './units.js';

export type IndexEntry = { readonly parameter: string } & EntryValue;

export type EntryValue =
  /** `raw` as it stands (for :exact), `norm` lower case, without accents, single blanks (normalise.ts). */
  | { readonly kind: 'string'; readonly raw: string; readonly norm: string }
  /** `system` '' where the element has none. `code` '' where a Coding or Identifier has a system alone. */
  | { readonly kind: 'token'; readonly system: string; readonly code: string }
  /** A text beside a code, for `:text`: CodeableConcept.text, Coding.display, Identifier.type.text; normalised. */
  | { readonly kind: 'text'; readonly norm: string }
  /** Beside the token of a media type, its base part in lower case (media-type.ts), for `:below`. */
  | { readonly kind: 'media-type'; readonly type: string }
  /** Type and value of an identifier, for `:of-type`. */
  | { readonly kind: 'of-type'; readonly system: string; readonly code: string; readonly value: string }
  /** Degrees of WGS 84. */
  | { readonly kind: 'position'; readonly latitude: number; readonly longitude: number }
  /** Milliseconds since 1970, inclusive; an open end is ∓OPEN (datetime.ts). */
  | { readonly kind: 'date'; readonly low: number; readonly high: number }
  | { readonly kind: 'number'; readonly low: number; readonly high: number }
  /**
   * Without `system` and `unit` where the element has none: ''. `low`, `high` differ only for a Range. `base`: the same
   * in base units, where the code is one of UCUM (units.ts).
   */
  | {
      readonly kind: 'quantity';
      readonly low: number;
      readonly high: number;
      readonly system: string;
      /** Quantity.code. */
      readonly code: string;
      /** Quantity.unit (the printed unit). */
      readonly unit: string;
      readonly base?: BaseAmount;
    }
  /** A reference to a resource of this server (relative, or absolute under our own base). */
  | { readonly kind: 'reference'; readonly type: string; readonly id: string; readonly version?: string }
  /** An absolute reference elsewhere, a urn:, or a canonical with its `|version` apart. */
  | { readonly kind: 'url'; readonly url: string; readonly version?: string }
  /** Reference.identifier, found by `:identifier` alone. */
  | { readonly kind: 'identifier'; readonly system: string; readonly value: string }
  /** A resource inside a Bundle: what `composition` and `message` search, in chains alone. It has no key but that it is there. */
  | { readonly kind: 'held'; readonly resource: JsonObject }
  /** `version`: of a canonical, what it names; of a definition's own url, the definition's. */
  | { readonly kind: 'uri'; readonly value: string; readonly version?: string }
  /** One element's parts, in the order of the parameter's components; each part may have several values. */
  | { readonly kind: 'composite'; readonly parts: readonly (readonly EntryValue[])[] };
