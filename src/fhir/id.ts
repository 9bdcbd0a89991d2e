/**
 * Ids of resources: https://hl7.org/fhir/R4/datatypes.html#id. The pattern allows `.` and `..`, but in an address they are steps of the
 * path, which clients take before they ask (https://www.rfc-editor.org/rfc/rfc3986#section-5.2.4): nobody could name such a resource.
 */
export const isId = (text: string): boolean => /^(?!\.{1,2}$)[A-Za-z0-9\-.]{1,64}$/.test(text);

/** The pattern itself, `.` and `..` included: for ids that are compared and never named in an address. */
export const ID_PATTERN = /^[A-Za-z0-9\-.]{1,64}$/;

/** Whether an address ends in such a step instead of an id. */
export const endsInStep = (address: string): boolean => /(?:^|\/)\.{1,2}$/.test(address);
