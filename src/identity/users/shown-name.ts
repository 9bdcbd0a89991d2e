/**
 * Names, as somebody types them and as pages and terminals show them.
 *
 * A user name is prepared and enforced by the profile UsernameCaseMapped of PRECIS (https://www.rfc-editor.org/rfc/rfc8265#section-3.3), narrowed to ASCII: wide
 * characters are mapped to narrow ones, what the class of identifiers does not have is left as it is (and no user has such a name), capital letters become small ones.
 * So nothing that is not seen, or looks like something else (ZWJ, ZWNJ, a Kelvin sign, а of Cyrillic), leads to a user.
 *
 * A name that is shown (https://www.rfc-editor.org/rfc/rfc8266) has no controls, nothing that is not seen or turns the direction of a text, but for ZWJ and ZWNJ where
 * the writing needs them (https://www.rfc-editor.org/rfc/rfc5892#appendix-A.1), no piles of marks, and no word in letters of scripts that look alike
 * (https://www.unicode.org/reports/tr39/#Restriction_Level_Detection).
 */
const WIDE = /[\uFF01-\uFF5E]/g;
const WIDE_TO_ASCII = 0xfee0;
const ASCII = /^[\x20-\x7E]*$/;

/** A name of a user, as somebody may have typed it; of what can be none, itself. */
export function nameTyped(text: string): string {
  const mapped = text
    .replaceAll(WIDE, wide => String.fromCharCode(wide.charCodeAt(0) - WIDE_TO_ASCII))
    .replaceAll(/^ +| +$/g, '');
  return ASCII.test(mapped) ? mapped.toLowerCase() : mapped;
}

const LONGEST_SHOWN_NAME = 200;

/** Joiners within words of scripts in which they change what is read. */
const JOINERS_IN_PLACE =
  /(?<=[\p{Script=Arabic}\p{Script=Syriac}\p{Script=Mongolian}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Gurmukhi}\p{Script=Gujarati}\p{Script=Oriya}\p{Script=Tamil}\p{Script=Telugu}\p{Script=Kannada}\p{Script=Malayalam}\p{Script=Sinhala}\p{Script=Khmer}\p{Script=Myanmar}])[\u200C\u200D](?=[\p{L}\p{M}])/gu;
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/u;
const PILE_OF_MARKS = /\p{M}{5}/u;
const LIKE_LATIN = /[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Cherokee}\p{Script=Lisu}]/u;

/** What is wrong with a name that is shown; undefined: nothing. */
export function faultOfShownName(name: string): string | undefined {
  if (name.trim() === '' || name.length > LONGEST_SHOWN_NAME)
    return `A name that is shown has ${LONGEST_SHOWN_NAME} characters at most, and one that is seen.`;
  const seen = name.normalize('NFC').replaceAll(JOINERS_IN_PLACE, '');
  if (UNSEEN.test(seen))
    return 'A name that is shown has no characters that are not seen, or turn the direction of a text.';
  if (PILE_OF_MARKS.test(seen)) return 'A name that is shown has four marks above or below a letter at most.';
  const isMixed = seen.split(/[^\p{L}\p{M}]+/u).some(word => /\p{Script=Latin}/u.test(word) && LIKE_LATIN.test(word));
  return isMixed
    ? 'A word of a name that is shown is in one script: Latin letters do not stand beside others that look alike.'
    : undefined;
}
