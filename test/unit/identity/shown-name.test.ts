/** Names of users and applications: https://www.rfc-editor.org/rfc/rfc8265, https://www.rfc-editor.org/rfc/rfc8266 */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { faultOfShownName, nameTyped } from '../../../src/identity/users/shown-name.js';

describe('a user name that somebody types', () => {
  const rows: [what: string, typed: string, name: string][] = [
    ['as it is', 'anna', 'anna'],
    ['in capitals', ' Anna.B@x ', 'anna.b@x'],
    ['in wide letters', 'ＡＮＮＡ．１', 'anna.1'],
    ['with ZWJ', 'an\u200Dna', 'an\u200Dna'],
    ['with ZWNJ at its end', 'anna\u200C', 'anna\u200C'],
    ['with a byte order mark', '\uFEFFanna', '\uFEFFanna'],
    ['behind a space of another width', '\u3000anna', '\u3000anna'],
    ['with a soft hyphen', 'an\u00ADna', 'an\u00ADna'],
    ['with a Kelvin sign, which is no k', '\u212Aeith', '\u212Aeith'],
    ['with а of Cyrillic', 'аnna', 'аnna'],
    ['with a dotted capital I', '\u0130da', '\u0130da'],
    ['with a long s', 'an\u017F', 'an\u017F'],
  ];
  for (const [what, typed, name] of rows)
    it(`${what}: ${/^[ -~]*$/.test(name) ? 'is mapped' : 'is nobody’s'}`, () => assert.equal(nameTyped(typed), name));
});

describe('a name that is shown', () => {
  const good = [
    'Anna Åberg-O’Neill, MD',
    'Growth <chart>',
    'Ελένη Παππά',
    'Анна Каренина (Anna Karenina)',
    '山田 太郎 ヤマダ',
    'می\u200Cخواهم',
    'क्\u200Dष',
    'Ngu\u0302\u0303yen',
    'मरीज़ सूची',
  ];
  for (const name of good)
    it(`${JSON.stringify(name)}: is taken`, () => assert.equal(faultOfShownName(name), undefined));
  const bad: [what: string, name: string, fault: RegExp][] = [
    ['nothing', ' \u00A0', /one that is seen/],
    ['too long', 'x'.repeat(201), /200/],
    ['ZWJ within Latin', 'An\u200Dna', /not seen/],
    ['ZWNJ at the end', 'می\u200C', /not seen/],
    ['a word turned around', 'Anna \u202Edecno', /direction/],
    ['an isolate', 'a\u2066b', /direction/],
    ['a filler of Hangul', '\u3164', /not seen/],
    ['a blank of Braille', 'a\u2800b', /not seen/],
    ['a variation selector', 'a\uFE0F', /not seen/],
    ['a line of a terminal', '\u001B[2Ja', /not seen/],
    ['two lines', 'a\u2028b', /not seen/],
    ['half a pair', 'a\uD800', /not seen/],
    ['a private character', '\uE000', /not seen/],
    ['a pile of marks', `a${'\u0301'.repeat(6)}`, /marks/],
    ['а of Cyrillic in a Latin word', 'Pаypal', /one script/],
    ['ο of Greek in a Latin word', 'Chartrοom', /one script/],
  ];
  for (const [what, name, fault] of bad)
    it(`${what}: is refused`, () => assert.match(faultOfShownName(name) ?? '', fault));
});
