/**
 * Who works here, and until when. Tokens are kept in this module alone: not in storage, not in an address, not in the page. What ends a session
 * ends it in all windows of the browser, and loads the page anew, so that nothing of a patient is left in it.
 */
import { Cell } from './cell.js';
import { HOME, SERVER } from './server.js';

export interface ConsoleSession {
  /** Undefined: the server asks nobody who they are. */
  readonly token: string | undefined;
  /** Undefined: it cannot be known without asking. */
  readonly role: string | undefined;
  /** As the authorization server calls them. */
  readonly user: string | undefined;
  /** The resource that says who they are, as `Type/id`. */
  readonly fhirUser?: string | undefined;
  /** By which another token is got; for `smart` alone. */
  readonly renew?: (() => Promise<ConsoleSession>) | undefined;
  /** Makes the tokens worthless; false: the server has not said that they are. Never rejects. */
  readonly revoke?: (() => Promise<boolean>) | undefined;
}

export type SignedOutReason = 'asked' | 'idle' | 'over' | 'refused';

const ANYBODY: ConsoleSession = { token: undefined, role: 'admin', user: undefined };

export const session = new Cell<ConsoleSession | undefined>(SERVER.authentication === 'none' ? ANYBODY : undefined);

/** Whether a screen is of use to whoever works here. Where the role is not known, all are. */
export function mayUse(screen: string): boolean {
  const role = session.value?.role;
  const allowed = role === undefined ? undefined : SERVER.screens[role];
  return allowed?.includes(screen) ?? true;
}

const channel = new BroadcastChannel('chartroom-console');
channel.addEventListener('message', ({ data, origin }: MessageEvent<unknown>) => {
  if (origin !== location.origin) return;
  if (data === 'touched') touchedElsewhere.set(Date.now());
  if (data === 'signed-out') void end('asked');
});

/** When somebody was last there in another window of the browser, in ms since 1970. */
export const touchedElsewhere = new Cell(0);

/** Tells the other windows of the browser that somebody is here. */
export function tellTouched(): void {
  // A channel reaches this origin alone.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  channel.postMessage('touched');
}

/** Ends the session, here and in other windows. */
export async function signOut(reason: SignedOutReason): Promise<void> {
  // A channel reaches this origin alone.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  channel.postMessage('signed-out');
  await end(reason);
}

/** Each window has tokens of its own, and makes them worthless itself. */
async function end(reason: SignedOutReason): Promise<void> {
  const { revoke } = session.value ?? {};
  session.set(SERVER.authentication === 'none' ? session.value : undefined);
  leave(reason, (await revoke?.()) ?? true);
}

/** In the address of the page at the end: at the server the session goes on. */
export const STILL_KNOWN = '&still=known';

/** A new page, which knows nothing of this one. */
function leave(reason: SignedOutReason, isRevoked: boolean): void {
  document.body.replaceChildren();
  document.title = 'Chartroom';
  location.replace(`${HOME}signed-out?why=${reason}${isRevoked ? '' : STILL_KNOWN}`);
}

let renewing: Promise<ConsoleSession> | undefined;

/** Another token for the session, once for all who ask at the same time. Undefined: there is none to be had. */
export async function renewed(): Promise<ConsoleSession | undefined> {
  const { renew } = session.value ?? {};
  if (!renew) return undefined;
  renewing ??= renew().finally(() => (renewing = undefined));
  try {
    const next = await renewing;
    if (session.value !== undefined) session.set(next);
    return next;
  } catch {
    return undefined;
  }
}
