/** The pages of the authorization server: HTML without scripts, one style, and nothing of anybody else's. */
import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';

const STYLE = [
  ':root{color-scheme:light}*{box-sizing:border-box}',
  'body{font:1rem/1.5 system-ui,sans-serif;margin:0;background:#eef1f4;color:#1b2530}',
  'header{background:#123c55;color:#fff;padding:.7rem 1rem;font-weight:600;letter-spacing:.02em}',
  'main{max-width:36rem;margin:2rem auto;padding:1.5rem 2rem 2rem;background:#fff;border:1px solid #d5dce2;border-radius:.5rem}',
  'h1{font-size:1.5rem;line-height:1.25;margin:0 0 1rem}h2{font-size:1.1rem;margin:1.6rem 0 .4rem}',
  'label{display:block;margin:.7rem 0}label.box{display:flex;gap:.6rem;align-items:baseline;margin:.45rem 0}',
  'input[type=text],input[type=password]{display:block;width:100%;font:inherit;padding:.5rem .6rem;margin-top:.2rem;border:1px solid #77838e;border-radius:.3rem}',
  'fieldset{border:1px solid #d5dce2;border-radius:.4rem;margin:1rem 0;padding:.4rem 1rem .9rem}legend{font-weight:600;padding:0 .4rem}',
  'details{margin:0 0 .6rem 1.7rem}summary{color:#0b5c8a;cursor:pointer}small{color:#44505b}',
  'button{font:inherit;padding:.5rem 1.2rem;margin:1rem .6rem 0 0;border:1px solid #0b5c8a;border-radius:.3rem;background:#0b5c8a;color:#fff;cursor:pointer}',
  'button.second{background:#fff;color:#0b5c8a}:focus-visible{outline:3px solid #e08a00;outline-offset:2px}',
  '.fault,.warning{border-left:.3rem solid #a30000;background:#fdf0f0;padding:.6rem .8rem;margin:0 0 1rem}.warning{border-color:#b36b00;background:#fff6e5}',
  '.rows{list-style:none;padding:0;margin:0}.rows li{display:flex;gap:1rem;justify-content:space-between;align-items:center;border-top:1px solid #d5dce2;padding:.5rem 0}.rows button{margin:0;white-space:nowrap}code{overflow-wrap:anywhere}',
].join('');
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

export const htmlEscaped = (text: string): string =>
  text.replaceAll(
    /[&<>"']/g,
    letter => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[letter]!,
  );

/** `target`: the origin that a form of the page may lead to in the end; browsers hold redirects against `form-action`, too. */
const pageHeaders = (target?: string): Readonly<Record<string, string>> => ({
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; form-action 'self'${target === undefined ? '' : ` ${target}`}; frame-ancestors 'none'; base-uri 'none'`,
  'X-Frame-Options': 'DENY',
  // With `no-referrer` browsers would call the origin of our own forms null.
  'Referrer-Policy': 'same-origin',
  'Cache-Control': 'no-store',
});

/** `target`: as above. */
export function sendHtml(response: ServerResponse, status: number, html: string, target?: string): void {
  for (const [name, value] of Object.entries(pageHeaders(target))) response.setHeader(name, value);
  response.statusCode = status;
  response.end(html);
}

/** `body`: HTML. */
export const signInHtml = (title: string, body: string): string =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${htmlEscaped(title)} · Chartroom</title><style>${STYLE}</style></head><body><header>Chartroom</header><main><h1>${htmlEscaped(title)}</h1>${body}</main></body></html>`;

export interface FormPage {
  readonly action: string;
  /** Against forms of others. */
  readonly csrf: string;
  /** What is wrong, in words. */
  readonly fault?: string | undefined;
}

/** `body`: HTML. */
export const csrfForm = ({ action, csrf, fault }: FormPage, body: string): string =>
  `${fault === undefined ? '' : `<p class="fault" role="alert">${htmlEscaped(fault)}</p>`}<form method="post" action="${htmlEscaped(action)}"><input type="hidden" name="csrf" value="${htmlEscaped(csrf)}">${body}</form>`;

/** `why`: a sentence. `cancels`: there is an application to go back to. */
export const signInPage = (page: FormPage, why: string, cancels = true): string =>
  signInHtml(
    'Sign in',
    csrfForm(
      page,
      `<p>${htmlEscaped(why)}</p><label>Name <input type="text" name="name" autocomplete="username" autocapitalize="none" spellcheck="false" required maxlength="64"></label><label>Password <input type="password" name="password" autocomplete="current-password" required maxlength="256"></label><label>One-time code, if you have an authenticator <input type="text" name="code" autocomplete="one-time-code" maxlength="40"></label><button name="do" value="sign-in">Sign in</button>${cancels ? '<button name="do" value="abort" class="second" formnovalidate>Cancel</button>' : ''}`,
    ),
  );

/** Something that a user may choose. */
export interface Choice {
  readonly id: string;
  /** For people. */
  readonly text: string;
}

interface ConsentBox {
  readonly text: string;
  readonly words: string;
  readonly checked: boolean;
}

export interface ConsentPage extends FormPage {
  readonly application: string;
  readonly user: string;
  /** Where an application that has registered itself is; absent: it is known here. */
  readonly stranger?: string;
  /** `parts`: what may be given in place of the whole. */
  readonly scopes: readonly (ConsentBox & { readonly fixed: boolean; readonly parts: readonly ConsentBox[] })[];
  /** Absent: no patient is asked for. */
  readonly patients?: {
    readonly given?: Choice | undefined;
    /** Another one may be chosen in place of the given one. */
    readonly isFree?: boolean;
    readonly found: readonly Choice[];
    readonly sought: string;
  };
  /** Absent: none is asked for. */
  readonly encounters?: readonly Choice[];
}

export const consentPage = (page: ConsentPage): string => {
  const { application, user, stranger, scopes, patients, encounters } = page;
  const warning =
    stranger === undefined
      ? ''
      : `<p class="warning">Nobody here knows this application: it has registered itself. It leads to <strong>${htmlEscaped(stranger)}</strong>.</p>`;
  const rows = scopes.map(each => (each.fixed ? hiddenBox(each.text) : scopeBox(each)));
  return signInHtml(
    'Give access',
    `${warning}<p><strong>${htmlEscaped(application)}</strong> asks for access to records. You are signed in as <strong>${htmlEscaped(user)}</strong>.</p>${csrfForm(
      page,
      `${patients ? patientPart(patients) : ''}${encounters ? encounterPart(encounters) : ''}<fieldset><legend>It may</legend>${rows.join('')}</fieldset><button name="do" value="consent">Give access</button><button name="do" value="abort" class="second">Refuse</button><button name="do" value="sign-out" class="second">Sign out</button>`,
    )}`,
  );
};

const hiddenBox = (text: string): string => `<input type="hidden" name="scope" value="${htmlEscaped(text)}">`;

const checkBox = (name: string, { text, words, checked }: ConsentBox): string =>
  `<label class="box"><input type="checkbox" name="${name}" value="${htmlEscaped(text)}"${checked ? ' checked' : ''}> <span>${htmlEscaped(words)}</span></label>`;

function scopeBox({ parts, ...box }: ConsentPage['scopes'][number]): string {
  if (parts.length === 0) return checkBox('scope', box);
  const isOpen = parts.some(({ checked }) => checked);
  return `${checkBox('scope', box)}<details${isOpen ? ' open' : ''}><summary>Or only some of it</summary>${parts.map(part => checkBox('only', part)).join('')}</details>`;
}

const radio = (name: string, { id, text }: Choice, checked = false): string =>
  `<label class="box"><input type="radio" name="${name}" value="${htmlEscaped(id)}"${checked ? ' checked' : ''}> <span>${htmlEscaped(text)}</span></label>`;

function patientPart({ given, isFree = false, found, sought }: NonNullable<ConsentPage['patients']>): string {
  if (given)
    return `<p>Patient: <strong>${htmlEscaped(given.text)}</strong></p><input type="hidden" name="patient" value="${htmlEscaped(given.id)}">${isFree ? '<button name="do" value="seek" class="second" formnovalidate>Another patient</button>' : ''}`;
  const none = found.length === 0 && sought !== '' ? '<p role="status">Nobody of this name was found.</p>' : '';
  return `<fieldset><legend>For which patient?</legend>${none}${found.map(each => radio('patient', each)).join('')}<label>Name <input type="text" name="sought" value="${htmlEscaped(sought)}" maxlength="100"></label><button name="do" value="seek" class="second">Search</button></fieldset>`;
}

function encounterPart(encounters: readonly Choice[]): string {
  const none = { id: '', text: encounters.length === 0 ? 'None: there are none that you may see' : 'None of them' };
  return `<fieldset><legend>For which visit?</legend>${encounters.map(each => radio('encounter', each)).join('')}${radio('encounter', none, encounters.length === 0)}</fieldset>`;
}
