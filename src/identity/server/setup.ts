/** The first administrator: whoever has the code that the server printed when it started on an empty store. */
import { hash } from 'node:crypto';
import { FhirError } from '../../fhir/error.js';
import type { TellHappening } from '../happening.js';
import { nameTyped } from '../users/shown-name.js';
import type { AskedPage } from './asked.js';
import { htmlEscaped, sendHtml, signInHtml } from './pages.js';
import type { ProviderGround } from './provider.js';

/** `place`: where the hash of the code is. It counts once. */
export async function answerSetup(
  { records, users, tell }: Pick<ProviderGround, 'records' | 'users'> & { readonly tell: TellHappening },
  place: { readonly kind: string; readonly id: string },
  { response, form, address }: Pick<AskedPage, 'response' | 'form' | 'address'>,
): Promise<void> {
  const record = await records.get(place.kind, place.id);
  if (!record || !(await users.isEmpty()))
    return sendHtml(
      response,
      410,
      signInHtml(
        'Nothing to set up',
        '<p>Somebody may sign in already, or the code is over: start the server again.</p>',
      ),
    );
  if (!form) return sendHtml(response, 200, setupPage());
  if (hash('sha256', (form.get('code') ?? '').trim(), 'base64url') !== record.value)
    return sendHtml(response, 403, setupPage('This is not the code that the server printed.'));
  const name = nameTyped(form.get('name') ?? '');
  // Of two forms with the code one has it.
  if (!(await records.take(place.kind, place.id)))
    return sendHtml(response, 403, setupPage('This code is being used: send the form again if nothing comes of it.'));
  try {
    await users.add({ name, role: 'admin', password: form.get('password') ?? '' });
  } catch (error) {
    const { revision: _was, ...code } = record;
    await records.put(code, null);
    if (!(error instanceof FhirError) || error.kind === 'unavailable') throw error;
    return sendHtml(response, 422, setupPage(error.message));
  }
  await tell({ what: 'user-changed', name, change: 'added' }, address);
  const { secret, uri, codes } = await users.setSecondFactor(name);
  return sendHtml(
    response,
    200,
    signInHtml(
      'Keep these',
      `<p>Give your authenticator this key, which is shown once:</p><p><code>${htmlEscaped(secret)}</code></p><p><a href="${htmlEscaped(uri)}">Open an authenticator</a></p><p>Each of these codes stands in for it once:</p><p><code>${codes.map(htmlEscaped).join('<br>')}</code></p><p>${htmlEscaped(name)} may sign in from now on, with the role admin.</p>`,
    ),
  );
}

const setupPage = (fault?: string): string =>
  signInHtml(
    'The first administrator',
    `${fault === undefined ? '' : `<p class="fault" role="alert">${htmlEscaped(fault)}</p>`}<form method="post"><label>Code that the server printed (behind the # of its link) <input type="text" name="code" required maxlength="40" autocomplete="off"></label><label>Name <input type="text" name="name" required maxlength="64" autocapitalize="none" autocomplete="username"></label><label>Password <input type="password" name="password" required minlength="12" maxlength="256" autocomplete="new-password"></label><button>Set up</button></form>`,
  );
