/** The door: a token that is pasted, or the way to the authorization server. */
import { useState } from 'preact/hooks';
import { saySignIn } from '../messages/sign-in.js';
import { HOME, SERVER } from '../session/server.js';
import { session, type SignedOutReason, STILL_KNOWN } from '../session/session.js';
import { beginTimeOut } from '../session/time-out.js';
import { FaultSummary, type FieldFault } from '../ui/fault-summary.js';
import { TextField } from '../ui/fields.js';
import { Page } from '../ui/page.js';

/** `fault`: why it did not succeed the last time. */
export const SignIn = ({ fault }: { readonly fault?: 'refused' | 'failed' | undefined }) =>
  SERVER.authentication === 'smart' ? <ToAuthorizationServer fault={fault} /> : <PasteToken />;

function ToAuthorizationServer({ fault }: { readonly fault?: 'refused' | 'failed' | undefined }) {
  const [trouble, setTrouble] = useState(fault);
  const faults: readonly FieldFault[] =
    trouble === undefined ? [] : [{ field: undefined, text: saySignIn(`smart.${trouble}`) }];
  const go = async (): Promise<void> => {
    try {
      const { goToSignIn } = await import('../session/smart.js');
      await goToSignIn(isSignedOutPage() ? HOME : location.pathname);
    } catch {
      setTrouble('failed');
    }
  };
  return (
    <Page title={saySignIn('title')}>
      <FaultSummary faults={faults} />
      <p>{saySignIn('smart.text')}</p>
      <button type="button" onClick={() => void go()}>
        {saySignIn('smart.button')}
      </button>
    </Page>
  );
}

/** https://www.rfc-editor.org/rfc/rfc6750#section-2.1 */
const TOKEN = /^[\w.~+/-]+=*$/;

function PasteToken() {
  const [token, setToken] = useState('');
  const [faults, setFaults] = useState<readonly FieldFault[]>([]);
  const enter = (event: Event): void => {
    event.preventDefault();
    const given = token.trim();
    const wrong = given === '' ? 'token.missing' : TOKEN.test(given) ? undefined : 'token.wrong';
    if (wrong !== undefined) return setFaults([{ field: 'token', text: saySignIn(wrong) }]);
    session.set({ token: given, role: undefined, user: undefined });
    beginTimeOut();
  };
  return (
    <Page title={saySignIn('title')}>
      <FaultSummary faults={faults} />
      <form onSubmit={enter} noValidate>
        <TextField
          id="token"
          type="password"
          label={saySignIn('token.label')}
          hint={saySignIn('token.hint')}
          value={token}
          set={setToken}
          width={40}
          fault={faults[0]?.text}
        />
        <button type="submit">{saySignIn('continue')}</button>
      </form>
    </Page>
  );
}

const REASONS: readonly SignedOutReason[] = ['asked', 'idle', 'over', 'refused'];

export const isSignedOutPage = (): boolean => location.pathname === `${HOME}signed-out`;

export function SignedOut() {
  const why = new URLSearchParams(location.search).get('why');
  const reason = REASONS.find(each => each === why) ?? 'asked';
  return (
    <Page title={saySignIn('out.title')}>
      <p>{saySignIn(`out.${reason}`)}</p>
      {location.search.endsWith(STILL_KNOWN) && <p class="notice danger">{saySignIn('out.still-known')}</p>}
      <p>
        <a class="button" href={HOME} onClick={event => (event.preventDefault(), location.replace(HOME))}>
          {saySignIn('out.again')}
        </a>
      </p>
    </Page>
  );
}
