/**
 * The page of a user: which sessions they have and what they have granted to applications, with a button each that ends it. SMART calls it
 * `management_endpoint`: https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html#metadata
 */
import { realNow } from '../../platform/real-time.js';
import { type AccountPage, accountPage } from './account-page.js';
import { actionOf, type AskedPage, type AskingGround, csrfOf, isOurForm } from './asked.js';
import { amrOf, signInBy } from './asking.js';
import { sendHtml, signInHtml, signInPage } from './pages.js';
import { cookiesOf, sessionLife } from './provider.js';
import { scopeInWords } from './scope-words.js';
import { type Jar, jarOf, type Session, sessionOf } from './session-cookie.js';
import { endGrantOf, endSession, grantsOf, sessionsOf } from './sessions.js';
import { shownRequest, tellSignedOut } from './telling.js';

export async function answerAccount(ground: AskingGround, page: AskedPage): Promise<void> {
  const { provider, response, form } = page;
  const { names, long } = cookiesOf(ground);
  const jar = jarOf(page);
  const session = await sessionOf(ground, page);
  const name = session?.accountId;
  if (session === undefined || name === undefined) return form ? enter(ground, page, jar, form) : askName(ground, page);
  await stay(ground, session, jar);
  if (!form) return show(ground, page, session, name);
  if (!isOurForm(form, csrfOf(ground, `account ${session.uid}`)))
    return sendHtml(response, 403, signInHtml('This form is not ours', '<p>Open the page again.</p>'));
  const [act = '', id = ''] = ['do', 'id'].map(each => form.get(each) ?? '');
  if (act === 'sign-out' || (act === 'end-session' && id === session.uid)) {
    await tellSignedOut(ground, await endSession(ground, provider, session.uid), page.address);
    jar.set(names!.session!, '', { ...long, maxAge: 0 });
    return sendHtml(response, 200, signInHtml('Signed out', '<p>What was granted in this session is over.</p>'));
  }
  if (act === 'end-session' && (await sessionsOf(ground, name)).some(({ uid }) => uid === id))
    await tellSignedOut(ground, await endSession(ground, provider, id), page.address);
  const ended = act === 'end-grant' ? await endGrantOf(ground, name, id) : undefined;
  if (ended) {
    const about = { client: ended.client, user: name, request: shownRequest(actionOf(page), {}) };
    await ground.tell({ what: 'token-revoked', ...about }, page.address);
  }
  // So that nobody sends the form again by loading the page again.
  response.writeHead(303, { Location: actionOf(page), 'Cache-Control': 'no-store' });
  response.end();
}

function askName(ground: AskingGround, page: AskedPage, status = 200, fault?: string): void {
  const form = { action: actionOf(page), csrf: csrfOf(ground, 'account'), fault };
  sendHtml(page.response, status, signInPage(form, 'See your sessions, and what you have given access to.', false));
}

async function enter(ground: AskingGround, page: AskedPage, jar: Jar, form: URLSearchParams): Promise<void> {
  const { provider, response, address } = page;
  if (!isOurForm(form, csrfOf(ground, 'account')))
    return sendHtml(response, 403, signInHtml('This form is not ours', '<p>Open the page again.</p>'));
  const result = await signInBy(ground, form, address);
  if (!('user' in result)) {
    if (result.status === 429) response.setHeader('Retry-After', String(result.wait));
    return askName(ground, page, result.status, result.fault);
  }
  const { name, totp } = result.user;
  const session = new (provider.Session as unknown as new () => Session)();
  session.loginAccount({ accountId: name, amr: amrOf(totp), loginTs: Math.floor(realNow() / 1000) });
  await stay(ground, session, jar);
  return show(ground, page, session, name);
}

/** For another while. */
async function stay(ground: AskingGround, session: Session, jar: Jar): Promise<void> {
  const { names, long } = cookiesOf(ground);
  await session.save(sessionLife(session));
  jar.set(names!.session!, session.jti, { ...long, expires: new Date(session.exp * 1000) });
}

async function show(ground: AskingGround, page: AskedPage, session: Session, name: string): Promise<void> {
  const [user, sessions, grants] = await Promise.all([
    ground.users.find(name),
    sessionsOf(ground, name),
    grantsOf(ground, page.provider, name),
  ]);
  const applications = await Promise.all(grants.map(({ client }) => ground.applications.find(client)));
  const shown: AccountPage = {
    ...{ action: actionOf(page), csrf: csrfOf(ground, `account ${session.uid}`), user: user?.display ?? name },
    sessions: sessions.map(({ uid, loginTs }) => ({ id: uid, since: loginTs * 1000, isThis: uid === session.uid })),
    grants: grants.map(({ id, client, since, scopes, patient }, i) => ({
      ...{ id, since, patient, application: applications[i]?.record.name ?? client },
      words: scopes.filter(each => each.includes('/') && !each.startsWith('launch')).map(scopeInWords),
    })),
  };
  sendHtml(page.response, 200, accountPage(shown));
}
