/** Requests of an attorney in the console: with an authorization that has expired, and under 42 CFR Part 2. In a full run alone. */
import assert from 'node:assert/strict';
import { it } from 'mocha';
import { endsWell, inConsoleWays, onConsole } from '../support/console.js';
import { FULL } from '../support/depth.js';
import { releaseDesk } from '../support/release-desk.js';
import { storyConsent, storyDocument, storyPatient } from '../support/release-story.js';
import type { RunningServer } from '../support/server.js';

const PART_2 = { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: '42CFRPart2' };

/** Who was a patient, with a paper that may go out and one of a treatment for substance use, and what they have signed. */
async function setPatient(
  { request }: RunningServer,
  patient: string,
  end: string,
  securityLabel: readonly object[] = [],
): Promise<void> {
  const consent = storyConsent(patient);
  const resources = [
    storyPatient(patient),
    storyDocument(patient, 'plain', 'Patient: Ada Lindqvist\nMRN: MRN-1\nAll is well.'),
    storyDocument(patient, 'use', 'Treated for use.', { meta: { security: [PART_2] } }),
    {
      ...{ ...consent, dateTime: '2020-02-01' },
      provision: { ...consent.provision, period: { end }, ...(securityLabel.length > 0 ? { securityLabel } : {}) },
    },
  ];
  const entry = resources.map(resource => ({
    resource,
    request: { method: 'PUT', url: `${resource.resourceType}/${resource.id!}` },
  }));
  await request.post('/fhir').send({ resourceType: 'Bundle', type: 'transaction', entry }).expect(200);
}

if (FULL)
  inConsoleWays('requests of an attorney in the console', way => {
    const stage = onConsole({ ...way, demo: false });
    const { post, lead, taskOf, at, press } = releaseDesk(stage);
    /** A request of their attorney, whose identity is proved. */
    const asked = async (patient: string): Promise<string> => {
      const { id } = await post('Task/$request-records', [
        { name: 'requester-class', valueCode: 'attorney' },
        { name: 'requester', valueString: 'Doe & Partners' },
        { name: 'requester-reference', valueReference: { reference: 'Organization/law' } },
        { name: 'patient', valueReference: { reference: `Patient/${patient}` } },
        { name: 'authorization', valueReference: { reference: `Consent/consent-${patient}` } },
        { name: 'purpose', valueCode: 'HLEGAL' },
        { name: 'delivery', valueCode: 'mail' },
        { name: 'address', valueString: '1 Court Street' },
      ]);
      await lead(id, 'log');
      await lead(id, 'identify', 'Two papers.');
      return id;
    };
    /** What the server asks of a person about the authorization is said to be so; then the request is accepted. */
    const accept = async (id: string): Promise<void> => {
      const { open, page } = stage();
      await open(`release/${id}`);
      await at('Authorization');
      await press('Check the authorization');
      await page
        .locator('input[id^=right-]')
        .or(page.locator('main .notice', { hasText: 'Sufficient' }))
        .first()
        .waitFor();
      for (const box of await page.locator('input[id^=right-]').all()) await box.check();
      if ((await page.locator('input[id^=right-]').count()) > 0)
        await press('Check again with what you have looked at');
      await page.locator('main .notice', { hasText: 'Sufficient' }).waitFor();
      await press('Accept');
      await at('Records');
    };

    it('is sent back with a letter where the authorization has expired, and gives nothing out (story)', async () => {
      const { open, page, server, isAccessible } = stage();
      await setPatient(server, 'expired', '2021-01-01');
      const id = await asked('expired');
      await open(`release/${id}`);
      await at('Authorization');
      await press('Check the authorization');
      await page.locator('.notice.danger', { hasText: 'Deficient' }).waitFor();
      const end = page.locator('tr', { hasText: 'day or event on which it ends' }).first();
      await end.waitFor();
      assert.doesNotMatch(await end.innerText(), /There/);
      await page.locator('caption', { hasText: '1 letter' }).waitFor();
      assert.equal(await taskOf(id), 'deficient-authorization');
      await isAccessible('release-expired');
      const buttons = page.locator('main').getByRole('button');
      await buttons.first().waitFor();
      assert.doesNotMatch((await buttons.allInnerTexts()).join(), /Accept|Release the records|Choose these documents/);
      await page.locator('table', { hasText: '1 letter' }).locator('tbody a').click();
      await page.locator('.document').waitFor();
      assert.match(await page.locator('.document').innerText(), /on which it ends/);
    });

    it('keeps records of a treatment for substance use from whoever is not named for them, and says why (story)', async () => {
      const { page, server, isAccessible } = stage();
      await setPatient(server, 'plain', '2099-12-31');
      await accept(await asked('plain'));
      await press('Show what would go out');
      await page.locator('caption', { hasText: '1 would go out, 1 would not' }).waitFor();
      assert.match(await page.locator('tr', { hasText: 'Document use' }).innerText(), /Out.*42 CFR 2\.31/s);
      await isAccessible('release-part-2');
    });

    it('gives them out by a consent that names them, with the notice that belongs to them (story)', async () => {
      const { page, server } = stage();
      await setPatient(server, 'named', '2099-12-31', [PART_2]);
      await accept(await asked('named'));
      await press('Show what would go out');
      // The consent is about these alone.
      await page.locator('caption', { hasText: '1 would go out, 1 would not' }).waitFor();
      await page.locator('tr', { hasText: 'Document use' }).getByText('In', { exact: true }).waitFor();
      await page.selectOption('#letter-kind', 'part-2-notice');
      await press('Write a letter');
      await page.locator('caption', { hasText: '1 letter' }).waitFor();
      await page.locator('table', { hasText: '1 letter' }).locator('tbody a').click();
      await page.locator('.document').waitFor();
      assert.match(
        await page.locator('.document').innerText(),
        /42 CFR part 2 prohibits unauthorized use or disclosure/,
      );
    });

    it('breaks no rule of the policy, and leaves its audit events', () => endsWell(stage()));
  });
