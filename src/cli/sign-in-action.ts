/** What `chartroom user` and `chartroom client` have in common: an action by its name, on a store that is open for it alone. */
import type { Happening } from '../identity/happening.js';
import { SYSTEM } from '../identity/principal.js';
import { tellHappening } from '../interactions/tell.js';
import { newId } from '../platform/ids.js';
import { ConfigError } from '../platform/config.js';
import type { Invocation, OpenUsers } from './invocation.js';

export interface SignInAsked extends OpenUsers {
  /** Behind the name of the action. */
  readonly words: readonly string[];
  readonly options: Invocation['options'];
  readonly config: Invocation['config'];
  /** Tells the audit trail what was changed. */
  readonly tell: (happening: Happening) => Promise<void>;
}

export type SignInActions = Readonly<Record<string, (asked: SignInAsked) => Promise<void>>>;

/** Gives the exit status. Throws ConfigError where there is no such action. */
export async function runSignInAction(
  command: string,
  actions: SignInActions,
  { words: [action = '', ...words], config, options, open, openUsers }: Invocation,
): Promise<number> {
  const run = Object.hasOwn(actions, action) ? actions[action] : undefined;
  if (!run) throw new ConfigError(`chartroom ${command} needs one of ${Object.keys(actions).join(', ')}.`);
  const engine = await open();
  try {
    const told = { engine, principal: SYSTEM, address: 'local', requestId: newId(engine.clock.now()) };
    await run({ ...openUsers(engine), words, config, options, tell: happening => tellHappening(told, happening) });
    return 0;
  } finally {
    await engine.store.close();
  }
}

export const sayLine = (text: string): void => void process.stdout.write(`${text}\n`);
