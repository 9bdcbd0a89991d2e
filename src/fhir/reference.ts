/**
 * What a reference text points at. https://hl7.org/fhir/R4/references.html#literal
 *
 * A base is the server's own FHIR address without a trailing slash; a server may be known by several. An absolute
 * URL under one of them is the same reference as the relative one. Versions (`/_history/v`) are kept.
 */

export type ReferenceTarget =
  /** A resource of this server. */
  | { readonly kind: 'local'; readonly type: string; readonly id: string; readonly version?: string }
  /** An absolute URL elsewhere. `type` where it ends like a FHIR REST address. */
  | { readonly kind: 'url'; readonly url: string; readonly type?: string }
  /** `urn:uuid:…`, `urn:oid:…` and other URNs. */
  | { readonly kind: 'urn'; readonly url: string }
  | { readonly kind: 'contained'; readonly id: string };

const REST = /(?:^|\/)([A-Z][A-Za-z]+)\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/([A-Za-z0-9\-.]{1,64}))?$/;
const ABSOLUTE = /^[A-Za-z][A-Za-z0-9+.-]*:/;

/** Undefined: neither absolute nor of the form `Type/id`. Whether the type exists is not checked. */
export function parseReference(text: string, bases: readonly string[]): ReferenceTarget | undefined {
  if (text.startsWith('#')) return { kind: 'contained', id: text.slice(1) };
  if (ABSOLUTE.test(text)) {
    if (text.startsWith('urn:')) return { kind: 'urn', url: text };
    const rest = REST.exec(text);
    if (!rest) return { kind: 'url', url: text };
    const own = bases.some(base => rest.index === base.length && text.startsWith(base));
    return own ? local(rest) : { kind: 'url', url: text, type: rest[1]! };
  }
  const rest = REST.exec(text);
  return rest?.index === 0 && !text.startsWith('/') ? local(rest) : undefined;
}

const local = (rest: RegExpExecArray): ReferenceTarget => ({
  kind: 'local',
  type: rest[1]!,
  id: rest[2]!,
  ...(rest[3] === undefined ? {} : { version: rest[3] }),
});

/** A canonical as a URI, with the fragment that it may end with, and its version: for parameters of type uri. */
export function splitCanonical(text: string): { readonly value: string; readonly version?: string } {
  const bar = text.indexOf('|');
  if (bar < 0) return { value: text };
  const version = text.slice(bar + 1).split('#', 1)[0]!;
  return version === '' ? { value: text.slice(0, bar) } : { value: text.slice(0, bar), version };
}

/** A canonical without its fragment, and its version. https://hl7.org/fhir/R4/references.html#canonical */
export function parseCanonical(text: string): { readonly url: string; readonly version?: string } {
  const hash = text.indexOf('#');
  const whole = hash > 0 ? text.slice(0, hash) : text;
  const bar = whole.indexOf('|');
  if (bar < 0) return { url: whole };
  const version = whole.slice(bar + 1);
  return version === '' ? { url: whole.slice(0, bar) } : { url: whole.slice(0, bar), version };
}
