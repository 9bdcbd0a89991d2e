/** The page of a user as HTML. */
import { csrfForm, type FormPage, htmlEscaped, signInHtml } from './pages.js';

export interface AccountPage extends FormPage {
  readonly user: string;
  /** `since`: ms since 1970. */
  readonly sessions: readonly { readonly id: string; readonly since: number; readonly isThis: boolean }[];
  readonly grants: readonly {
    readonly id: string;
    readonly since: number;
    readonly application: string;
    readonly patient?: string | undefined;
    readonly words: readonly string[];
  }[];
}

export const accountPage = (page: AccountPage): string => {
  const { user, sessions, grants } = page;
  const sessionRows = sessions.map(
    ({ id, since, isThis }) =>
      `<li><span>Signed in ${timeOf(since)}${isThis ? ' <strong>(here)</strong>' : ''}</span>${buttonOf(page, 'end-session', id, isThis ? 'Sign out here' : 'End this session', `session of ${timeText(since)}`)}</li>`,
  );
  const grantRows = grants.map(
    ({ id, since, application, patient, words }) =>
      `<li><span><strong>${htmlEscaped(application)}</strong>${patient === undefined ? '' : `, for patient ${htmlEscaped(patient)}`}, since ${timeOf(since)}<br><small>${words.map(htmlEscaped).join('<br>')}</small></span>${buttonOf(page, 'end-grant', id, 'Take back', `access of ${application}`)}</li>`,
  );
  return signInHtml(
    'Your account',
    `<p>You are signed in as <strong>${htmlEscaped(user)}</strong>.</p><h2>Sessions</h2><ul class="rows">${sessionRows.join('')}</ul><h2>Applications with access</h2>${grants.length === 0 ? '<p>None.</p>' : `<ul class="rows">${grantRows.join('')}</ul>`}${csrfForm(page, '<button name="do" value="sign-out">Sign out</button>')}`,
  );
};

const timeText = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
const timeOf = (ms: number): string => `<time datetime="${new Date(ms).toISOString()}">${timeText(ms)}</time>`;

const buttonOf = (page: FormPage, act: string, id: string, text: string, about: string): string =>
  csrfForm(
    page,
    `<input type="hidden" name="id" value="${htmlEscaped(id)}"><button name="do" value="${act}" class="second" aria-label="${htmlEscaped(`${text}: ${about}`)}">${htmlEscaped(text)}</button>`,
  );
