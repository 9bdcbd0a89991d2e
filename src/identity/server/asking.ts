/**
 * What a person is asked on the way to a token: who they are, for which patient, what an application may do. Each answer is a form with a token of
 * its own page; what it may say is what was asked.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Grant, Provider } from 'oidc-provider';
import { FhirError } from '../../fhir/error.js';
import type { SignIn } from '../users/sign-in.js';
import type { User, Users } from '../users/users.js';
import { endGrant } from './adapter.js';
import type { LaunchContext } from './launches.js';
import { consentPage, sendHtml, signInHtml, type PatientChoice, signInPage } from './pages.js';
import { OTHER_SCOPES, type ProviderGround } from './provider.js';

export interface AskingGround extends ProviderGround {
  readonly signIn: SignIn;
  /**
   * Patients whom a user may see: of a name, or the one of an id. Recorded like every search. Throws FhirError.
   */
  readonly findPatients: (
    user: User,
    asked: { readonly name: string } | { readonly id: string },
    address: string,
  ) => Promise<readonly PatientChoice[]>;
}

/** One request for a page or with a form. */
export interface AskedPage {
  readonly provider: Provider;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly address: string;
  /** Absent: the page is asked for. */
  readonly form?: URLSearchParams | undefined;
}

type AskedInteraction = Awaited<ReturnType<Provider['interactionDetails']>>;

interface Asked extends AskedPage {
  readonly ground: AskingGround;
  readonly interaction: AskedInteraction;
  readonly application: { readonly name: string; readonly origin: string; readonly isStranger: boolean };
  readonly csrf: string;
}

export async function answerAsked(ground: AskingGround, page: AskedPage): Promise<void> {
  const { provider, request, response, form } = page;
  const interaction = await provider.interactionDetails(request, response).catch(() => undefined);
  if (!interaction)
    return sendHtml(
      response,
      400,
      signInHtml('This page is over', '<p>Go back to the application and begin again.</p>'),
    );
  const { params, uid } = interaction;
  const found = await ground.applications.find(givenText(params['client_id']));
  const csrf = createHmac('sha256', ground.cookieKey).update(`csrf ${uid}`).digest('base64url');
  const asked: Asked = {
    ...{ ...page, ground, interaction, csrf },
    application: {
      name: found?.record.name ?? '',
      origin: new URL(givenText(params['redirect_uri'])).origin,
      isStranger: found?.record.isStranger === true,
    },
  };
  if (form && !isSameToken(form.get('csrf') ?? '', csrf))
    return sendHtml(
      response,
      403,
      signInHtml('This form is not ours', '<p>Go back to the application and begin again.</p>'),
    );
  const act = form?.get('do');
  if (act === 'abort') return finish(asked, { error: 'access_denied', error_description: 'refused by the user' });
  if (interaction.prompt.name === 'login') return form ? signedIn(asked, form) : askWho(asked);
  if (interaction.prompt.name !== 'consent') return finish(asked, { error: 'interaction_required' });
  if (act === 'sign-out') return signOut(asked);
  return act === 'consent' ? consented(asked, form!) : askConsent(asked, { sought: form?.get('sought') ?? '' });
}

const givenText = (given: unknown): string => (typeof given === 'string' ? given : '');

function isSameToken(given: string, right: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}

const finish = (
  { provider, request, response }: Asked,
  result: Parameters<Provider['interactionFinished']>[2],
): Promise<void> => provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });

const actionOf = ({ request }: Asked): string =>
  new URL((request as { originalUrl?: string }).originalUrl ?? '/', 'http://x').pathname;

function askWho(asked: Asked, status = 200, fault?: string): void {
  const { response, csrf, application } = asked;
  sendHtml(
    response,
    status,
    signInPage({ action: actionOf(asked), csrf, fault }, application.name),
    application.origin,
  );
}

async function signedIn(asked: Asked, form: URLSearchParams): Promise<void> {
  const [name = '', password = '', code = ''] = ['name', 'password', 'code'].map(each => form.get(each) ?? '');
  const result = await asked.ground.signIn({ name, password, code, address: asked.address });
  if ('user' in result)
    return finish(asked, {
      login: { accountId: result.user.name, amr: result.user.totp === undefined ? ['pwd'] : ['pwd', 'otp'] },
    });
  if (result.wait === 0) return askWho(asked, 401, 'Name, password or code are not right.');
  asked.response.setHeader('Retry-After', String(result.wait));
  askWho(asked, 429, `Too many attempts. Try again in ${result.wait} seconds.`);
}

/** What an application asks for, and the context of its launch. */
interface Wish {
  readonly user: User;
  readonly scopes: readonly string[];
  readonly context: LaunchContext;
  readonly needsPatient: boolean;
}

/** Undefined: there is nobody any more; an answer was given. */
async function wishOf(asked: Asked): Promise<Wish | undefined> {
  const { ground, interaction } = asked;
  const user = await findUser(ground.users, interaction.session?.accountId);
  const scopes = givenText(interaction.params['scope']).split(' ');
  const launch = interaction.params['launch'];
  const context = typeof launch === 'string' ? await ground.launches.look(launch) : undefined;
  if (!user || (launch !== undefined && !context) || (launch === undefined && scopes.includes('launch'))) {
    const what = user ? 'the launch is over, or was used' : 'nobody is signed in';
    await finish(asked, { error: user ? 'invalid_request' : 'access_denied', error_description: what });
    return undefined;
  }
  const own = user.patient === undefined ? {} : { patient: user.patient };
  const needsPatient = scopes.some(each => each === 'launch/patient' || each.startsWith('patient/'));
  return { user, scopes, context: { ...own, ...context }, needsPatient };
}

async function findUser(users: Users, name: string | undefined): Promise<User | undefined> {
  const user = name === undefined ? undefined : await users.find(name);
  return user?.disabled ? undefined : user;
}

async function askConsent(asked: Asked, { sought = '', fault }: { sought?: string; fault?: string }): Promise<void> {
  const wish = await wishOf(asked);
  if (!wish) return;
  const { response, csrf, application, address, ground } = asked;
  const { user, scopes, context, needsPatient } = wish;
  const find = (what: Parameters<AskingGround['findPatients']>[1]) =>
    ground.findPatients(user, what, address).catch((error: unknown) => {
      if (error instanceof FhirError) return [];
      throw error;
    });
  const given = context.patient === undefined ? undefined : await find({ id: context.patient });
  const isChosen = given !== undefined;
  const patients =
    needsPatient || isChosen
      ? {
          given: isChosen ? (given[0] ?? { id: context.patient!, text: 'not to be seen by you' }) : undefined,
          found: isChosen ? [] : await find({ name: sought }),
          sought,
        }
      : undefined;
  const html = consentPage({
    ...{ action: actionOf(asked), csrf, fault, application: application.name, user: user.display ?? user.name },
    ...(application.isStranger ? { stranger: application.origin } : {}),
    scopes: scopes.map(text => ({ text, words: scopeInWords(text), fixed: FIXED.has(text) })),
    ...(patients ? { patients } : {}),
  });
  sendHtml(response, fault === undefined ? 200 : 422, html, application.origin);
}

/** They say how a launch is, not what may be seen. */
const FIXED: ReadonlySet<string> = new Set(['openid', 'launch', 'launch/patient']);

const WORDS: ReadonlyMap<string, string> = new Map([
  ['fhirUser', 'know who you are'],
  ['profile', 'know who you are'],
  ['offline_access', 'go on while you are away, for 30 days'],
  ['online_access', 'go on as long as you use it, for 12 hours'],
]);
const LETTER_WORDS: readonly (readonly [letter: string, word: string])[] = [
  ['c', 'create'],
  ['r', 'read'],
  ['u', 'change'],
  ['d', 'delete'],
  ['s', 'search'],
];

/** A scope as a sentence. */
function scopeInWords(scope: string): string {
  const [, context, type = '', access = '', query] = /^(patient|user)\/([^.]+)\.([^?]+)(?:\?(.*))?$/.exec(scope) ?? [];
  if (context === undefined) return WORDS.get(scope) ?? scope;
  const letters = { read: 'rs', write: 'cud', '*': 'cruds' }[access] ?? access;
  const may = LETTER_WORDS.filter(([letter]) => letters.includes(letter))
    .map(([, word]) => word)
    .join(', ');
  const what = type === '*' ? 'everything' : type;
  const where = query === undefined ? '' : ` where ${query}`;
  return `${may}: ${what}${where} ${context === 'patient' ? 'of this patient' : 'that you may see'}`;
}

async function consented(asked: Asked, form: URLSearchParams): Promise<void> {
  const wish = await wishOf(asked);
  if (!wish) return;
  const { ground, address, interaction } = asked;
  const { user, scopes, context, needsPatient } = wish;
  const chosen = new Set(form.getAll('scope'));
  const granted = scopes.filter(each => chosen.has(each) || FIXED.has(each));
  if (!granted.some(each => !FIXED.has(each)))
    return askConsent(asked, { fault: 'Choose at least one thing, or refuse.' });
  const patient = context.patient ?? (needsPatient ? (form.get('patient') ?? undefined) : undefined);
  if (needsPatient && patient === undefined) return askConsent(asked, { fault: 'Choose a patient.' });
  // Whatever the scopes are: roles, too, may be within the patient of a token.
  if (patient !== undefined && (needsPatient || patient !== user.patient)) {
    const found = await ground.findPatients(user, { id: patient }, address).catch(() => []);
    if (!found.some(({ id }) => id === patient)) return askConsent(asked, { fault: 'You may not see this patient.' });
  }
  const launch = interaction.params['launch'];
  if (typeof launch === 'string' && !(await ground.launches.use(launch)))
    return finish(asked, { error: 'invalid_request', error_description: 'the launch was used' });
  const grantId = await grant(asked, user, { granted, refused: scopes.filter(each => !granted.includes(each)) });
  await ground.launches.keep(grantId, patient === undefined ? context : { ...context, patient });
  await ground.records.put({
    ...{ kind: GRANT_OF_SESSION, id: grantId, value: '' },
    ...{ group: sessionGroup(interaction), expires: interaction.exp * 1000 + LONGEST_SESSION },
  });
  await ground.applications.noteUse(givenText(interaction.params['client_id']));
  return finish(asked, { consent: { grantId } });
}

const GRANT_OF_SESSION = 'grant-of-session';
const LONGEST_SESSION = 12 * 60 * 60_000;
const sessionGroup = ({ session }: AskedInteraction): string => `session ${session?.uid ?? ''}`;

async function grant(
  { provider, ground, interaction }: Asked,
  user: User,
  { granted, refused }: { readonly granted: readonly string[]; readonly refused: readonly string[] },
): Promise<string> {
  const made: Grant = new provider.Grant({
    accountId: user.name,
    clientId: givenText(interaction.params['client_id']),
  });
  const isOther = (scope: string): boolean => OTHER_SCOPES.some(each => each === scope);
  made.addOIDCScope(granted.filter(isOther).join(' '));
  made.rejectOIDCScope(refused.filter(isOther).join(' '));
  made.addResourceScope(ground.base, granted.join(' '));
  made.rejectResourceScope(ground.base, refused.join(' '));
  return made.save();
}

/** Ends the session, and all that was granted in it. */
async function signOut(asked: Asked): Promise<void> {
  const { ground, interaction, provider } = asked;
  const grants = await ground.records.list(GRANT_OF_SESSION, 1000, { group: sessionGroup(interaction) });
  for (const { id } of grants) await endGrant(ground, id);
  await ground.records.remove(sessionGroup(interaction));
  const uid = interaction.session?.uid;
  const session = uid === undefined ? undefined : await provider.Session.findByUid(uid);
  await session?.destroy();
  sendHtml(asked.response, 200, signInHtml('Signed out', '<p>What was granted in this session is over.</p>'));
}
