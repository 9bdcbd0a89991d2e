/** Cases that are not answered as HL7 expects, by suite and name, and why. */
const OTHER_DISPLAY =
  'the case expects the display of version 1.0.0 for a code of version 2.0.0, other cases of the suite do not';

export const OTHER_ANSWERS: ReadonlyMap<string, string> = new Map([
  ['language/language-xform-en-multi-de-hard', 'languages are repeated as they were asked for, without a blank more'],
  ['overload/expand-enum-good', OTHER_DISPLAY],
  ['overload/expand-enum-bad', OTHER_DISPLAY],
  ['overload/expand-exclude-versioned', OTHER_DISPLAY],
]);
