/**
 * What a person sees who opens the server in a browser: what this is, where it is, and the first request. It holds no
 * data, runs no script, and its own Content-Security-Policy allows nothing but its style.
 */
import { createHash } from 'node:crypto';
import type { Engine, OutsideAnswer } from '../interactions/engine.js';

const STYLE = `
:root { color-scheme: light dark; --ink: #1c2733; --soft: #57657a; --line: #d5dce5; --ground: #fff; --panel: #f4f6f9; --link: #0b5cad }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6ebf2; --soft: #9fadbf; --line: #334155; --ground: #10161f; --panel: #18212e; --link: #7cb8ff }
}
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.6 system-ui, sans-serif }
main { max-width: 44rem; margin: 0 auto; padding: 4rem 1.5rem }
h1 { margin: 0; font-size: 2rem; line-height: 1.2 }
h1 small { color: var(--soft); font-size: 1rem; font-weight: 400 }
h2 { margin: 2.5rem 0 .5rem; font-size: 1.1rem }
p { margin: .5rem 0; color: var(--soft) }
a { color: var(--link) }
code, pre { font: .9rem/1.5 ui-monospace, monospace }
pre { margin: .5rem 0; padding: .9rem 1rem; overflow-x: auto; background: var(--panel); border: 1px solid var(--line); border-radius: 6px }
ul { margin: .5rem 0; padding-left: 1.2rem }
li { margin: .25rem 0 }
`;

const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The page of a server. */
export const pageAnswer = ({ settings, definitions }: Engine): OutsideAnswer => ({
  headers: { 'Content-Type': 'text/html; charset=utf-8', 'Content-Security-Policy': POLICY },
  body: Buffer.from(page(settings, definitions.version)),
});

function page({ base, software, authentication }: Engine['settings'], fhirVersion: string): string {
  const address = escapeHtml(base);
  const bearer = authentication !== 'none' ? ' -H "Authorization: Bearer $TOKEN"' : '';
  const about =
    authentication !== 'none'
      ? 'Every request but <code>/metadata</code> needs a bearer token.'
      : 'It runs without authentication, for this machine alone.';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(software.name)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escapeHtml(software.name)} <small>${escapeHtml(software.version)}</small></h1>
<p>A FHIR R4 (${escapeHtml(fhirVersion)}) server. ${about}</p>
<h2>Base address</h2>
<pre>${address}</pre>
<h2>First request</h2>
<pre>curl${bearer} '${address}/Patient?_count=3&amp;_pretty=true'</pre>
<h2>Where to look</h2>
<ul>
<li><a href="${address}/metadata?_pretty=true">What this server can do</a> (its CapabilityStatement)</li>
<li><a href="https://hl7.org/fhir/R4/http.html">The RESTful API of FHIR R4</a>, <a href="https://hl7.org/fhir/R4/search.html">its searches</a></li>
<li><code>docs/searching.md</code>, <code>docs/writing.md</code>, <code>docs/running.md</code> in the folder of the program</li>
</ul>
</main>
</body>
</html>
`;
}

const HTML_ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, char => HTML_ESCAPES[char]!);
