/**
 * For which patient and encounter, and what an application may do: what it asks for, without what the user takes away, or with parts in place of whole
 * types. https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
 */
import { FhirError } from '../../fhir/error.js';
import type { User } from '../users/users.js';
import { actionOf, type PersonAsked, finishAsked, givenText } from './asked.js';
import type { LaunchContext } from './launches.js';
import { type Choice, consentPage, type ConsentPage, sendHtml, signInHtml } from './pages.js';
import { OTHER_SCOPES } from './provider.js';
import { FIXED_SCOPES, partsOfScope, scopeInWords } from './scope-words.js';
import { endSession, keepGrant } from './sessions.js';
import { tellSignedOut } from './telling.js';

/** What an application asks for, and the context of its launch. */
interface Wish {
  readonly user: User;
  readonly scopes: readonly string[];
  readonly context: LaunchContext;
  readonly needsPatient: boolean;
  /** The user chooses one, or says that there is none. */
  readonly needsEncounter: boolean;
}

/** Undefined: there is nobody any more; an answer was given. */
async function wishOf(asked: PersonAsked): Promise<Wish | undefined> {
  const { ground, interaction } = asked;
  const name = interaction.session?.accountId;
  const found = name === undefined ? undefined : await ground.users.find(name);
  const user = found?.disabled ? undefined : found;
  const scopes = [...new Set(givenText(interaction.params['scope']).split(' '))];
  const launch = interaction.params['launch'];
  const context = typeof launch === 'string' ? await ground.launches.look(launch) : undefined;
  if (!user || (launch !== undefined && !context) || (launch === undefined && scopes.includes('launch'))) {
    const what = user ? 'the launch is over, or was used' : 'nobody is signed in';
    await finishAsked(asked, { error: user ? 'invalid_request' : 'access_denied', error_description: what });
    return undefined;
  }
  const own = user.patient === undefined ? {} : { patient: user.patient };
  const needsEncounter = scopes.includes('launch/encounter') && context?.encounter === undefined;
  const needsPatient = needsEncounter || scopes.some(each => each === 'launch/patient' || each.startsWith('patient/'));
  return { user, scopes, context: { ...own, ...context }, needsPatient, needsEncounter };
}

interface AskAgain {
  /** As it was sent: what was taken away stays away. */
  readonly form?: URLSearchParams | undefined;
  readonly fault?: string;
  /** Whom the user has chosen, and may see. */
  readonly patient?: string | undefined;
}

export async function askConsent(asked: PersonAsked, again: AskAgain): Promise<void> {
  const wish = await wishOf(asked);
  if (!wish) return;
  const { response, csrf, application } = asked;
  const { form, fault } = again;
  const { user, scopes } = wish;
  const isKept = (name: string, text: string, first: boolean): boolean =>
    form === undefined ? first : form.getAll(name).includes(text);
  const html = consentPage({
    ...{ action: actionOf(asked), csrf, fault, application: application.name, user: user.display ?? user.name },
    ...(application.isStranger ? { stranger: application.origin } : {}),
    scopes: scopes.map(text => ({
      ...{ text, words: scopeInWords(text), fixed: FIXED_SCOPES.has(text), checked: isKept('scope', text, true) },
      parts: partsOfScope(text).map(part => ({ ...part, checked: isKept('only', part.text, false) })),
    })),
    ...(await choicesOf(asked, wish, again)),
  });
  sendHtml(response, fault === undefined ? 200 : 422, html, application.origin);
}

/** What there is to choose from. */
async function choicesOf(
  { ground, address }: PersonAsked,
  { user, context, needsPatient, needsEncounter }: Wish,
  { form, patient }: AskAgain,
): Promise<Pick<ConsentPage, 'patients' | 'encounters'>> {
  const id = context.patient ?? patient;
  if (id === undefined) {
    if (!needsPatient) return {};
    const sought = form?.get('sought') ?? '';
    const found = await ground.findPatients(user, { name: sought }, address).catch(noneToSee);
    return { patients: { found, sought } };
  }
  const [given = { id, text: 'not to be seen by you' }] = await ground
    .findPatients(user, { id }, address)
    .catch(noneToSee);
  const isFree = context.patient === undefined;
  const encounters = needsEncounter
    ? await ground.findEncounters(user, { patient: id }, address).catch(noneToSee)
    : undefined;
  return { patients: { given, isFree, found: [], sought: '' }, ...(encounters ? { encounters } : {}) };
}

/** Where the user may see none, or what was typed is no search, there is none; that the store is away is no answer to that. */
function noneToSee(error: unknown): readonly Choice[] {
  if (error instanceof FhirError && NONE_TO_SEE.has(error.kind)) return [];
  throw error;
}

const NONE_TO_SEE: ReadonlySet<string> = new Set(['forbidden', 'not-found', 'invalid']);

export async function consented(asked: PersonAsked, form: URLSearchParams): Promise<void> {
  const wish = await wishOf(asked);
  if (!wish) return;
  const { ground, interaction } = asked;
  const { user, scopes, context, needsPatient } = wish;
  const encounter = wish.needsEncounter ? form.get('encounter') : undefined;
  const granted = grantedOf(scopes, form).filter(each => each !== 'launch/encounter' || encounter !== '');
  if (!granted.some(each => !FIXED_SCOPES.has(each)))
    return askConsent(asked, { form, fault: 'Choose at least one thing, or refuse.' });
  const patient = context.patient ?? (needsPatient ? (form.get('patient') ?? undefined) : undefined);
  if (needsPatient && patient === undefined) return askConsent(asked, { form, fault: 'Choose a patient.' });
  const named = encounter === undefined ? context.encounter : encounter;
  const fault = await faultOfChoice(asked, wish, { patient, encounter: named });
  if (fault !== undefined) return askConsent(asked, { form, fault });
  // Now that it is known whose they are.
  if (encounter === null) return askConsent(asked, { form, patient });
  const launch = interaction.params['launch'];
  if (typeof launch === 'string' && !(await ground.launches.use(launch)))
    return finishAsked(asked, { error: 'invalid_request', error_description: 'the launch was used' });
  const client = givenText(interaction.params['client_id']);
  const grantId = await grant(asked, user, granted);
  await ground.launches.keep(grantId, {
    ...context,
    ...(patient === undefined ? {} : { patient }),
    ...(encounter ? { encounter } : {}),
  });
  await keepGrant(ground, interaction, { id: grantId, user: user.name, client, scopes: granted, patient });
  await ground.applications.noteUse(client);
  return finishAsked(asked, { consent: { grantId } });
}

/** Whoever names them: the user, or an EHR. Undefined: the user may see them, and the visit is of the patient. */
async function faultOfChoice(
  { ground, address }: PersonAsked,
  { user, needsPatient }: Wish,
  { patient, encounter }: { readonly patient: string | undefined; readonly encounter: string | null | undefined },
): Promise<string | undefined> {
  if (patient === undefined) return undefined;
  // Whatever the scopes are: roles, too, may be within the patient of a token.
  if (needsPatient || patient !== user.patient) {
    const found = await ground.findPatients(user, { id: patient }, address).catch(noneToSee);
    if (!found.some(({ id }) => id === patient)) return 'You may not see this patient.';
  }
  if (!encounter) return undefined;
  const found = await ground.findEncounters(user, { patient, id: encounter }, address).catch(noneToSee);
  return found.some(({ id }) => id === encounter)
    ? undefined
    : 'You may not see this visit, or it is of another patient.';
}

/** Of those that were asked for; parts that were chosen in place of the whole. */
function grantedOf(scopes: readonly string[], form: URLSearchParams): readonly string[] {
  const [chosen, only] = [new Set(form.getAll('scope')), new Set(form.getAll('only'))];
  return scopes.flatMap(each => {
    if (FIXED_SCOPES.has(each)) return [each];
    const parts = partsOfScope(each).filter(({ text }) => only.has(text));
    if (parts.length > 0) return parts.map(({ text }) => text);
    return chosen.has(each) ? [each] : [];
  });
}

/** From now on the application has asked for what it was given: parts of a scope would be passed over as not asked for. */
async function grant(
  { provider, ground, interaction }: PersonAsked,
  user: User,
  granted: readonly string[],
): Promise<string> {
  interaction.params['scope'] = granted.join(' ');
  await interaction.persist();
  const made = new provider.Grant({ accountId: user.name, clientId: givenText(interaction.params['client_id']) });
  made.addOIDCScope(granted.filter(each => OTHER_SCOPES.some(other => other === each)).join(' '));
  made.addResourceScope(ground.base, granted.join(' '));
  return made.save();
}

/** Ends the session, and all that was granted in it. */
export async function signOut({ ground, interaction, provider, response, address }: PersonAsked): Promise<void> {
  const user = await endSession(ground, provider, interaction.session?.uid ?? '');
  await tellSignedOut(ground, user, address);
  sendHtml(response, 200, signInHtml('Signed out', '<p>What was granted in this session is over.</p>'));
}
