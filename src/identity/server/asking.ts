/**
 * What a person is asked on the way to a token: who they are, and then (consent.ts) for which patient, and what an application may do. Each answer
 * is a form with a token of its own page; what it may say is what was asked.
 */
import {
  actionOf,
  type PersonAsked,
  type AskedPage,
  type AskingGround,
  csrfOf,
  finishAsked,
  givenText,
  isOurForm,
} from './asked.js';
import { askConsent, consented, signOut } from './consent.js';
import { sendHtml, signInHtml, signInPage } from './pages.js';

export async function answerAsked(ground: AskingGround, page: AskedPage): Promise<void> {
  const { provider, request, response, form } = page;
  const interaction = await provider.interactionDetails(request, response).catch(() => undefined);
  if (!interaction) return sendOver(page, 400, 'This page is over');
  const { params, uid } = interaction;
  const found = await ground.applications.find(givenText(params['client_id']));
  const csrf = csrfOf(ground, uid);
  const asked: PersonAsked = {
    ...{ ...page, ground, interaction, csrf },
    application: {
      name: found?.record.name ?? '',
      origin: new URL(givenText(params['redirect_uri'])).origin,
      isStranger: found?.record.isStranger === true,
    },
  };
  if (form && !isOurForm(form, csrf)) return sendOver(page, 403, 'This form is not ours');
  const act = form?.get('do');
  if (act === 'abort') return finishAsked(asked, { error: 'access_denied', error_description: 'refused by the user' });
  if (interaction.prompt.name === 'login') return form ? signedIn(asked, form) : askWho(asked);
  if (interaction.prompt.name !== 'consent') return finishAsked(asked, { error: 'interaction_required' });
  if (act === 'sign-out') return signOut(asked);
  return act === 'consent' ? consented(asked, form!) : askConsent(asked, { form });
}

const sendOver = ({ response }: AskedPage, status: number, title: string): void =>
  sendHtml(response, status, signInHtml(title, '<p>Go back to the application and begin again.</p>'));

function askWho(asked: PersonAsked, status = 200, fault?: string): void {
  const { response, csrf, application } = asked;
  const html = signInPage({ action: actionOf(asked), csrf, fault }, `${application.name} asks for access to records.`);
  sendHtml(response, status, html, application.origin);
}

async function signedIn(asked: PersonAsked, form: URLSearchParams): Promise<void> {
  const result = await signInBy(asked.ground, form, asked.address);
  if ('user' in result) {
    const { name, totp } = result.user;
    return finishAsked(asked, { login: { accountId: name, amr: amrOf(totp) } });
  }
  if (result.status === 429) asked.response.setHeader('Retry-After', String(result.wait));
  askWho(asked, result.status, result.fault);
}

/** How somebody has proved who they are: https://www.rfc-editor.org/rfc/rfc8176 */
export const amrOf = (totp: string | undefined): string[] => (totp === undefined ? ['pwd'] : ['pwd', 'otp']);

/** What a form of sign-in leads to: a user, or the words of the refusal. */
export async function signInBy({ signIn }: Pick<AskingGround, 'signIn'>, form: URLSearchParams, address: string) {
  const [name = '', password = '', code = ''] = ['name', 'password', 'code'].map(each => form.get(each) ?? '');
  const result = await signIn({ name, password, code, address });
  if ('user' in result) return result;
  const { wait } = result;
  return wait === 0
    ? { status: 401, wait, fault: 'Name, password or code are not right.' }
    : { status: 429, wait, fault: `Too many attempts. Try again in ${wait} seconds.` };
}
