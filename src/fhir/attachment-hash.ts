/**
 * How clients write the hash of an attachment. R4 wants base64 of the 20 bytes of SHA-1 (https://hl7.org/fhir/R4/datatypes.html#Attachment);
 * in the field stand its 40 hexadecimal digits, too, and base64 of these digits (all examples of IHE MHD 4.2.3). MHD-11
 */

const HEX = /^[0-9a-fA-F]{40}$/;

/** The hash as R4 writes it; undefined: the text is no SHA-1 in any of the three writings. Blanks do not count. */
export function hashWritten(text: string): string | undefined {
  const bare = text.replaceAll(/\s+/g, '');
  if (HEX.test(bare)) return Buffer.from(bare, 'hex').toString('base64');
  const bytes = Buffer.from(bare, 'base64');
  if (bytes.length === 20) return bytes.toString('base64');
  const digits = bytes.toString('latin1');
  return HEX.test(digits) ? Buffer.from(digits, 'hex').toString('base64') : undefined;
}
