/**
 * fhirclient in a real browser, launched by itself and by an EHR: redirects, cookies, content security policies and CORS as browsers hold them.
 * https://docs.smarthealthit.org/client-js/
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { CLIENT_LIBRARY } from '../demo/apps.js';
import { type SmartDemo, startSmartDemo } from '../demo/smart-demo.js';
import { type BrowserPilot, openPilot } from '../support/browser-pilot.js';
import { skipWithoutChromium } from '../support/chromium.js';

describe('SMART apps in a browser', () => {
  let demo: SmartDemo;
  let pilot: BrowserPilot;
  before(async function () {
    const path = skipWithoutChromium(this);
    if (!existsSync(CLIENT_LIBRARY)) {
      process.stderr.write('      skipped: fhirclient is not installed (npm ci)\n');
      return this.skip();
    }
    demo = await startSmartDemo();
    pilot = await openPilot(path);
  });
  after(async () => {
    await pilot?.stop();
    await demo?.stop();
  });

  const pictures = process.env['CHARTROOM_TEST_PICTURES'];
  const picture = async (name: string): Promise<void> => {
    if (pictures === undefined) return;
    mkdirSync(pictures, { recursive: true });
    await pilot.picture(join(pictures, `${name}.png`));
  };
  const signIn = async (user: string, password?: string): Promise<void> => {
    await pilot.fill('input[name=name]', user);
    await pilot.fill('input[name=password]', password ?? demo.users.find(({ name }) => name === user)!.password);
    await pilot.click('button[value=sign-in]');
  };
  const isTitled = (title: string): Promise<void> =>
    pilot.until(`document.querySelector('h1')?.textContent === ${JSON.stringify(title)}`);
  const shown = async (): Promise<Record<string, unknown>> => {
    await pilot.until(`['ready', 'failed'].includes(document.title)`);
    return JSON.parse(await pilot.ask<string>(`document.getElementById('shown').textContent`)) as Record<
      string,
      unknown
    >;
  };

  it('are launched by themselves: sign-in, patient, visit, consent, token, data, refresh', async () => {
    await pilot.open(demo.page);
    await pilot.click('#standalone');
    await isTitled('Sign in');
    await picture('sign-in');
    await signIn('doctor', 'not the password 1');
    await pilot.until(`document.querySelector('[role=alert]')`);
    await picture('sign-in-refused');
    await signIn('doctor');
    await isTitled('Give access');
    await picture('patient');
    await pilot.click('button[value=consent]');
    await pilot.until(`document.querySelector('[role=alert]')?.textContent === 'Choose a patient.'`);
    await pilot.click('input[name=patient][value=demo-2]');
    await pilot.click('details summary');
    await picture('consent');
    await pilot.click('button[value=consent]');
    await pilot.until(`document.querySelector('input[name=encounter]')`);
    await picture('visit');
    await pilot.click('input[name=encounter][value=visit-of-demo-2]');
    await pilot.click('button[value=consent]');
    const { patient, observations, encounter, fhirUser, scope, refreshed, error } = await shown();
    assert.deepEqual(
      [error, patient, observations, encounter, fhirUser],
      [undefined, 'demo-2', 1, 'visit-of-demo-2', 'Practitioner/doctor'],
    );
    assert.match(String(scope), /launch\/encounter/);
    assert.equal(refreshed, scope);
  });

  it('are launched by an EHR, with its patient and visit, and the session that is there', async () => {
    await pilot.open(demo.page);
    await pilot.until(`document.querySelector('select[name=patient]')`);
    await pilot.ask(`document.querySelector('select[name=patient]').value = 'demo-3'`);
    await pilot.click('#ehr');
    await isTitled('Give access');
    await picture('ehr');
    assert.match(await pilot.ask<string>('document.body.textContent'), /Patient: Mei Tanaka/);
    await pilot.click('button[value=consent]');
    const { patient, encounter, error } = await shown();
    assert.deepEqual([error, patient, encounter], [undefined, 'demo-3', 'visit-of-demo-3']);
  });

  it('are refused by a user, and are told so', async () => {
    await pilot.open(demo.page);
    await pilot.click('#standalone');
    await isTitled('Give access');
    await pilot.click('button[value=abort]');
    assert.match(String((await shown())['error']), /access_denied|refused by the user/);
  });

  it('stand on the page of the user, who ends the session there', async () => {
    await pilot.open(`${demo.base.replace(/\/fhir$/, '/auth')}/account`);
    await isTitled('Your account');
    await picture('account');
    assert.match(
      await pilot.ask<string>('document.body.textContent'),
      /Growth chart.*Risk calculator|Risk calculator.*Growth chart/s,
    );
    await pilot.click('button[value=sign-out]');
    await isTitled('Signed out');
  });

  it('give a patient their own record, without a choice', async () => {
    await pilot.open(demo.page);
    await pilot.click('#standalone');
    await isTitled('Sign in');
    await signIn('amara');
    await isTitled('Give access');
    assert.equal(await pilot.ask<number>(`document.querySelectorAll('input[type=radio][name=patient]').length`), 0);
    await pilot.click('input[name=encounter][value=""]');
    await pilot.click('button[value=consent]');
    const { patient, encounter, error } = await shown();
    assert.deepEqual([error, patient, encounter], [undefined, 'demo-1', null]);
  });

  it('have pages that everybody can use: labels, no scripts, nothing from elsewhere', async () => {
    await pilot.open(`${demo.base.replace(/\/fhir$/, '/auth')}/account`);
    await pilot.until(`document.querySelector('h1')`);
    const unnamed = `[...document.querySelectorAll('input:not([type=hidden]),select,button')].filter(each => each.tagName === 'BUTTON' ? each.textContent.trim() === '' : !each.labels?.length).length`;
    assert.equal(await pilot.ask<number>(unnamed), 0);
    assert.equal(await pilot.ask<string>('document.documentElement.lang'), 'en');
    assert.equal(await pilot.ask<number>(`document.querySelectorAll('script,[src],link').length`), 0);
  });
});
