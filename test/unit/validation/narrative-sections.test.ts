/** Sections of narratives for languages: https://hl7.org/fhir/extensions/StructureDefinition-narrative-language-control.html */
import assert from 'node:assert/strict';
import { before, describe, it } from 'mocha';
import { brief, checkerOf, issuesOf, PROFILE, profileOf, readCore } from '../../support/profiles.js';
import { skipWithout } from '../../support/shared.js';

const CONTROL = 'http://hl7.org/fhir/StructureDefinition/narrative-language-control';
const NONE = 'a';
const ENGLISH = '<div lang="en" xml:lang="en"><p>a</p></div>';
const BOTH = `${ENGLISH}<p lang="fr">b</p><div xml:lang="de"><div lang="it">c</div></div>`;

describe('the sections of a narrative', () => {
  before(function () {
    skipWithout(this, 'data', 'r4-packages', 'hl7.fhir.r4.core-4.0.1.tgz');
  });

  const FAULT = ['error narrative-language Patient.text'];
  const rows: [wanted: string[], content: string, language: string | undefined, issues: string[]][] = [
    [['_no'], NONE, 'en', []],
    [['_no'], ENGLISH, 'en', FAULT],
    [['_yes'], ENGLISH, 'en', []],
    [['_yes'], NONE, 'en', FAULT],
    [['_yes'], '<p lang="en">a</p>', 'en', FAULT],
    [['_resource'], BOTH, 'de', []],
    [['_resource'], BOTH, 'fr', FAULT],
    [['_resource'], BOTH, 'it', FAULT],
    [['_resource'], NONE, undefined, []],
    [['en', 'de'], BOTH, undefined, []],
    [['en', 'de'], ENGLISH, undefined, FAULT],
  ];
  for (const [wanted, content, language, issues] of rows)
    it(`are as ${wanted.join(' and ')} asks: ${content} in ${language}`, async () => {
      const extension = wanted.map(valueCode => ({ url: CONTROL, valueCode }));
      const profile = profileOf('Patient', [{ path: 'Patient.text', min: 0, max: '1', extension }]);
      const checker = checkerOf([{ origin: 'g', resources: [profile] }, readCore()!]);
      const patient = {
        ...{ resourceType: 'Patient', active: true, ...(language === undefined ? {} : { language }) },
        text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">${content}</div>` },
      };
      assert.deepEqual(brief(await issuesOf(checker, patient, [PROFILE])), issues);
    });
});
