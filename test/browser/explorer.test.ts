/** The explorer: requests that one writes oneself, their answers, plans and verdicts. */
import assert from 'node:assert/strict';
import { it } from 'mocha';
import { endsWell, inConsoleWays, onConsole } from '../support/console.js';

inConsoleWays('the explorer of the console', way => {
  const stage = onConsole(way);
  const send = (): Promise<void> => stage().page.click('button[type=submit]');

  it('completes what is typed by what the server says of itself', async () => {
    const { open, page, titled, isAccessible } = stage();
    await open('explorer');
    await titled('Explorer');
    await isAccessible('explorer-empty');
    const offered = (): Promise<string[]> =>
      page.evaluate<string[]>(`[...document.querySelectorAll('#path-list option')].map(each => each.value)`);
    for (const [typed, one] of [
      ['Docu', 'DocumentReference'],
      ['$hor', '$horizon'],
      ['Patient?fam', 'Patient?family='],
      ['Patient?family=x&_la', 'Patient?family=x&_lastUpdated='],
      ['Patient/1/$every', 'Patient/1/$everything'],
    ] as const) {
      await page.fill('#path', typed);
      await page.locator(`#path-list option[value="${one}"]`).waitFor({ state: 'attached' });
      assert.ok(
        (await offered()).every(each => each.toLowerCase().startsWith(typed.toLowerCase())),
        typed,
      );
    }
  });

  it('sends a request once and shows the answer as it came, with its digits, and follows a reference', async () => {
    const { page, server, asked, isAccessible } = stage();
    const body =
      '{"resourceType":"Observation","id":"digits","status":"final","code":{"text":"<img src=x onerror=alert(1)>"},"subject":{"reference":"Patient/demo-ada-lindqvist"},"valueQuantity":{"value":78.00}}';
    await server.request
      .put('/fhir/Observation/digits')
      .set('Content-Type', 'application/fhir+json')
      .send(body)
      .expect(201);
    await page.fill('#path', 'Observation/digits');
    await send();
    await page.locator('pre.body', { hasText: '"value": 78.00' }).waitFor();
    assert.match(await page.innerText('.result'), /200[\s\S]*application\/fhir\+json/);
    assert.equal(asked.filter(({ url }) => url === '/fhir/Observation/digits').length, 1);
    await isAccessible('explorer-answer');
    await page.click('pre.body button');
    await page.locator('pre.body', { hasText: '"resourceType": "Patient"' }).waitFor();
  });

  it('shows an answer that refuses, too, and what was sent', async () => {
    const { page, isAccessible } = stage();
    await page.fill('#path', 'Patient/of-nobody');
    await send();
    await page.locator('.result .tag', { hasText: '404' }).waitFor();
    await isAccessible('explorer-refused');
    await page.getByRole('button', { name: 'GET Observation/digits, answered with 200' }).click();
    assert.equal(await page.inputValue('#path'), 'Observation/digits');
  });

  it('says which field is wrong before anything is sent', async () => {
    const { page, asked, isAccessible } = stage();
    const before = asked.length;
    await page.fill('#path', 'https://elsewhere.example/fhir');
    await page.click('summary:has-text("Further headers")');
    await page.fill('#headers', 'no header');
    await send();
    await page.locator('.fault-summary:focus').waitFor();
    assert.equal(await page.locator('.field.has-fault').count(), 2);
    assert.equal(asked.length, before);
    await isAccessible('explorer-fault');
    await page.fill('#headers', '');
  });

  it('has a body validated, and leads to the line of an issue', async () => {
    const { page, isAccessible } = stage();
    await page.selectOption('#method', 'POST');
    await page.fill('#path', 'Patient');
    await page.fill('#body', '{\n  "resourceType": "Patient",\n  "gender": "x"\n}');
    await page.click('text=Validate the body');
    await page.locator('code', { hasText: 'binding-required' }).waitFor();
    await isAccessible('explorer-issues');
    await page.getByRole('button', { name: 'Go to line 3 of the body' }).click();
    const marked = `(({ value, selectionStart, selectionEnd }) => value.slice(selectionStart, selectionEnd))(document.getElementById('body'))`;
    assert.equal(await page.evaluate(marked), '  "gender": "x"');
  });

  it('explains a search', async () => {
    const { page, isAccessible } = stage();
    await page.selectOption('#method', 'GET');
    await page.fill('#path', 'Patient?family=lindqvist');
    await page.click('text=Explain the search');
    await page.locator('.result', { hasText: way.store === 'mongo' ? 'IXSCAN' : 'SELECT' }).waitFor();
    await isAccessible('explorer-plan');
  });

  it('asks before it deletes', async () => {
    const { page, server } = stage();
    await page.selectOption('#method', 'DELETE');
    await page.fill('#path', 'Observation/digits');
    await send();
    await page.getByRole('alertdialog').getByText('Cancel').click();
    await server.request.get('/fhir/Observation/digits').expect(200);
    await send();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await page.locator('.result .tag').waitFor();
    await server.request.get('/fhir/Observation/digits').expect(410);
  });

  it('has requests of the docs to begin with', async () => {
    const { page } = stage();
    await page.click('summary:text-is("Search")');
    await page.click('text=By part of a name');
    assert.equal(await page.inputValue('#path'), 'Patient?name:contains=omhna');
    await send();
    await page.locator('pre.body', { hasText: '"total": 3' }).waitFor();
    await endsWell(stage());
  });
});
