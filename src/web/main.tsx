/** Where the console begins: whoever comes back from signing in goes on where they were. */
import { render } from 'preact';
import { App } from './app/app.js';
import { session } from './session/session.js';
import { beginTimeOut } from './session/time-out.js';
import { SERVER } from './session/server.js';

type SignInFault = 'refused' | 'failed' | undefined;

async function begin(): Promise<SignInFault> {
  if (SERVER.authentication !== 'smart') return undefined;
  const { comeBack, comesBack } = await import('./session/smart.js');
  if (!comesBack()) return undefined;
  try {
    const { session: begun, back } = await comeBack();
    if (!begun) return 'refused';
    session.set(begun);
    beginTimeOut();
    history.replaceState(null, '', back);
    return undefined;
  } catch {
    return 'failed';
  }
}

const fault = await begin();
const root = document.getElementById('console')!;
root.replaceChildren();
render(<App fault={fault} />, root);
