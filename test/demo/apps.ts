/** Two SMART apps and the page that launches them, as HTML: fhirclient does what an app has to. */
import { readFileSync } from 'node:fs';

/** https://docs.smarthealthit.org/client-js/ */
export const CLIENT_LIBRARY = new URL('../../../node_modules/fhirclient/build/fhir-client.min.js', import.meta.url);

export const clientLibrary = (): Buffer => readFileSync(CLIENT_LIBRARY);

export const escaped = (text: string): string =>
  text.replaceAll(/[&<>"]/g, letter => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[letter]!);

const htmlPage = (title: string, body: string): string =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escaped(title)}</title><style>body{font:1rem/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}code{background:#eef}td,th{text-align:left;padding:.2rem .8rem .2rem 0}pre{white-space:pre-wrap}</style></head><body><h1>${escaped(title)}</h1>${body}</body></html>`;

export interface DemoApp {
  readonly name: string;
  readonly client: string;
  readonly scope: string;
  /** The FHIR base; absent: the EHR says it. */
  readonly iss?: string;
}

/** Where an app begins: it goes to the server from here. */
export const launchPage = ({ name, client, scope, iss }: DemoApp): string =>
  htmlPage(
    name,
    `<p>Going to the server …</p><script src="/fhir-client.js"></script><script>FHIR.oauth2.authorize(${JSON.stringify({
      ...{ clientId: client, scope, redirectUri: './', pkceMode: 'required' },
      ...(iss === undefined ? {} : { iss }),
    })}).catch(error => { document.title = 'failed'; document.body.append(error.message); })</script>`,
  );

/** Where it is led back to: it shows the patient. */
export const appPage = ({ name }: DemoApp): string =>
  htmlPage(
    name,
    `<pre id="shown">…</pre><p><a href="/">Back to the demo</a></p><script src="/fhir-client.js"></script><script>
const show = value => document.getElementById('shown').textContent = JSON.stringify(value, null, 2);
FHIR.oauth2.ready().then(async client => {
  const patient = await client.patient.read();
  const found = await client.request('Observation?_count=5&patient=' + client.patient.id);
  const refreshed = client.state.tokenResponse.refresh_token ? (await client.refresh()).tokenResponse.scope : undefined;
  show({ patient: patient.id, name: patient.name, observations: (found.entry ?? []).length, encounter: client.encounter.id,
    fhirUser: client.user.fhirUser, scope: client.state.tokenResponse.scope, refreshed });
  document.title = 'ready';
}).catch(error => { show({ error: error.message }); document.title = 'failed'; });
</script>`,
  );

export interface DemoUser {
  readonly name: string;
  readonly password: string;
  readonly about: string;
}

export const demoPage = (
  users: readonly DemoUser[],
  patients: readonly { readonly id: string; readonly text: string }[],
): string =>
  htmlPage(
    'SMART apps on Chartroom',
    `<h2>Users, until this demo ends</h2><table><tr><th>name<th>password<th></tr>${users
      .map(
        ({ name, password, about }) =>
          `<tr><td><code>${escaped(name)}</code><td><code>${escaped(password)}</code><td>${escaped(about)}</tr>`,
      )
      .join(
        '',
      )}</table><h2>Standalone</h2><p><a id="standalone" href="/standalone/launch.html">Launch the app</a>: it asks for the patient.</p><h2>From an EHR</h2><form action="/ehr"><label>Patient <select name="patient">${patients
      .map(({ id, text }) => `<option value="${escaped(id)}">${escaped(text)}</option>`)
      .join('')}</select></label> <button id="ehr">Launch the app</button></form>`,
  );
