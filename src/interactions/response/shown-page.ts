/**
 * The page around what is shown to a person (a document, an answer), and the policy under which a browser may show it: no script, no form, nothing
 * from anywhere, in a sandbox, so that also what should slip through could do nothing. https://www.w3.org/TR/CSP3/
 */
import { createHash } from 'node:crypto';
import { htmlText } from '../../platform/html.js';

const STYLE = `body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1b1b1b;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin:1.6rem 0 .4rem}
table{border-collapse:collapse;margin:.4rem 0}th,td{border:1px solid #c8c8c8;padding:.2rem .5rem;text-align:left;vertical-align:top}
thead th{background:#f2f2f2}caption,.caption{font-weight:600;text-align:left}
.paragraph{margin:.4rem 0}.bold{font-weight:700}.italics{font-style:italic}.underline{text-decoration:underline}.alert{color:#a40000}
.left{text-align:left}.right{text-align:right}.center{text-align:center}
img{max-width:100%}pre{white-space:pre-wrap;overflow-wrap:anywhere}
@media (prefers-color-scheme:dark){body{color:#e4e4e4;background:#1b1b1b}thead th{background:#333}a{color:#8ab4f8}}`;

/** The style sheet by its hash: no other one applies. */
export const PAGE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  'img-src data:',
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'self'",
  'sandbox',
].join('; ');

/** `body`: HTML that is safe. `language`: BCP 47. */
export const htmlPage = (title: string, body: string, language?: string): string =>
  `${pageOpening(title, language)}${body}${PAGE_CLOSING}`;

/** What comes before the body, for a page that is written piece by piece. */
export const pageOpening = (title: string, language?: string): string =>
  `<!DOCTYPE html>
<html${language === undefined ? '' : ` lang="${htmlText(language)}"`}><head><meta charset="utf-8"/><title>${htmlText(title)}</title>` +
  `<meta name="viewport" content="width=device-width"/><style>${STYLE}</style></head><body>`;

export const PAGE_CLOSING = '</body></html>';
