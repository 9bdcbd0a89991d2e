/** The pages of the authorization server: HTML without scripts, one style, and nothing of anybody else's. */
import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';

const STYLE =
  'body{font:1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem;color:#1b1b1b}label{display:block;margin:.6rem 0}input[type=text],input[type=password]{display:block;width:100%;font:inherit;padding:.4rem}button{font:inherit;padding:.5rem 1.2rem;margin:.8rem .6rem 0 0}.fault{color:#a30000}';
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
  'Referrer-Policy': 'no-referrer',
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
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${htmlEscaped(title)} · Chartroom</title><style>${STYLE}</style></head><body><h1>${htmlEscaped(title)}</h1>${body}</body></html>`;

export interface FormPage {
  readonly action: string;
  /** Against forms of others. */
  readonly csrf: string;
  /** What is wrong, in words. */
  readonly fault?: string | undefined;
}

const form = ({ action, csrf, fault }: FormPage, body: string): string =>
  `${fault === undefined ? '' : `<p class="fault" role="alert">${htmlEscaped(fault)}</p>`}<form method="post" action="${htmlEscaped(action)}"><input type="hidden" name="csrf" value="${htmlEscaped(csrf)}">${body}</form>`;

export const signInPage = (page: FormPage, application: string): string =>
  signInHtml(
    'Sign in',
    form(
      page,
      `<p>${htmlEscaped(application)} asks for access to records.</p><label>Name <input type="text" name="name" autocomplete="username" autocapitalize="none" required maxlength="64"></label><label>Password <input type="password" name="password" autocomplete="current-password" required maxlength="256"></label><label>One-time code, if you have an authenticator <input type="text" name="code" autocomplete="one-time-code" maxlength="40"></label><button name="do" value="sign-in">Sign in</button><button name="do" value="abort" formnovalidate>Cancel</button>`,
    ),
  );

export interface PatientChoice {
  readonly id: string;
  /** Name and birth date, for people. */
  readonly text: string;
}

export interface ConsentPage extends FormPage {
  readonly application: string;
  readonly user: string;
  /** Where an application that has registered itself is; absent: it is known here. */
  readonly stranger?: string;
  readonly scopes: readonly { readonly text: string; readonly words: string; readonly fixed: boolean }[];
  /** Absent: no patient is asked for. One that is given cannot be changed. */
  readonly patients?: {
    readonly given?: PatientChoice | undefined;
    readonly found: readonly PatientChoice[];
    readonly sought: string;
  };
}

export const consentPage = (page: ConsentPage): string => {
  const { application, user, stranger, scopes, patients } = page;
  const rows = scopes.map(({ text, words, fixed }) =>
    fixed
      ? `<input type="hidden" name="scope" value="${htmlEscaped(text)}">`
      : `<label><input type="checkbox" name="scope" value="${htmlEscaped(text)}" checked> ${htmlEscaped(words)}</label>`,
  );
  const warning =
    stranger === undefined
      ? ''
      : `<p class="warning">Nobody here knows this application: it has registered itself. It leads to <strong>${htmlEscaped(stranger)}</strong>.</p>`;
  return signInHtml(
    'Give access',
    `${warning}<p>You are signed in as ${htmlEscaped(user)}.</p>${form(
      page,
      `${patients ? patientPart(patients) : ''}<p>${htmlEscaped(application)} may:</p>${rows.join('')}<button name="do" value="consent">Give access</button><button name="do" value="abort">Refuse</button><button name="do" value="sign-out">Sign out</button>`,
    )}`,
  );
};

function patientPart({ given, found, sought }: NonNullable<ConsentPage['patients']>): string {
  if (given)
    return `<p>Patient: <strong>${htmlEscaped(given.text)}</strong></p><input type="hidden" name="patient" value="${htmlEscaped(given.id)}">`;
  const rows = found.map(
    ({ id, text }) =>
      `<label><input type="radio" name="patient" value="${htmlEscaped(id)}"> ${htmlEscaped(text)}</label>`,
  );
  const none = found.length === 0 && sought !== '' ? '<p role="status">Nobody of this name was found.</p>' : '';
  return `<fieldset><legend>For which patient?</legend>${none}${rows.join('')}<label>Name <input type="text" name="sought" value="${htmlEscaped(sought)}" maxlength="100"></label><button name="do" value="seek">Search</button></fieldset>`;
}
