/** `chartroom user`: who may sign in where the server is its own authorization server. On the embedded store stop the server first. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { NewUser, Users } from '../identity/users/users.js';
import { ConfigError } from '../platform/config.js';
import type { Invocation } from './invocation.js';
import { runSignInAction, sayLine, type SignInActions, type SignInAsked } from './sign-in-action.js';

const ACTIONS: SignInActions = {
  add,
  list,
  disable: asked => setDisabled(asked, true),
  enable: asked => setDisabled(asked, false),
  password,
  role: setRole,
  totp,
};

export const user = (invocation: Invocation): Promise<number> => runSignInAction('user', ACTIONS, invocation);

function nameIn({ words: [name, ...more] }: SignInAsked, allowed = 0): string {
  if (name === undefined) throw new ConfigError('chartroom user needs the name of a user.');
  if (more.length > allowed) throw new ConfigError('chartroom user takes no further words.');
  return name;
}

const textOption = (options: Invocation['options'], name: string): string | undefined =>
  typeof options[name] === 'string' ? options[name] : undefined;

function checkRole(role: string | undefined, roles: readonly string[]): string {
  if (role !== undefined && roles.includes(role)) return role;
  throw new ConfigError(`A user needs a role: one of ${roles.join(', ')}.`);
}

/** From a file, or standard input for -; else one is made up, and shown. */
function givenPassword(options: Invocation['options']): { readonly password: string; readonly made: boolean } {
  const file = textOption(options, 'password-file');
  if (file === undefined) return { password: randomBytes(15).toString('base64url'), made: true };
  return { password: readFileSync(file === '-' ? 0 : file, 'utf8').replace(/\r?\n$/, ''), made: false };
}

async function add(asked: SignInAsked): Promise<void> {
  const { users, roles, options } = asked;
  const name = nameIn(asked);
  const { password: secret, made } = givenPassword(options);
  const [display, fhirUser, patient] = ['display', 'fhir-user', 'patient'].map(each => textOption(options, each));
  const given: NewUser = {
    name,
    role: checkRole(textOption(options, 'role'), roles),
    password: secret,
    ...(display === undefined ? {} : { display }),
    ...(fhirUser === undefined ? {} : { fhirUser }),
    ...(patient === undefined ? {} : { patient }),
  };
  await users.add(given);
  await asked.tell({ what: 'user-changed', name, change: 'added' });
  sayLine(`Added ${name}.`);
  if (made) sayLine(`Password, shown once: ${secret}`);
  if (options['totp'] === true) await tellSecondFactor(users, name);
}

async function list({ users, words }: SignInAsked): Promise<void> {
  if (words.length > 0) throw new ConfigError('chartroom user list takes no further words.');
  let none = true;
  for await (const { name, role: has, display, fhirUser, disabled, totp: code } of users.all()) {
    none = false;
    const more = [display, fhirUser, code === undefined ? 'without one-time codes' : undefined, disabled && 'disabled'];
    sayLine([name, has, ...more.filter(each => each)].join('  '));
  }
  if (none) sayLine('No users. Add one: chartroom user add anna --role reader');
}

async function setDisabled(asked: SignInAsked, off: boolean): Promise<void> {
  const name = nameIn(asked);
  await asked.users.change(name, ({ disabled: _was, ...there }) => (off ? { ...there, disabled: true } : there));
  await asked.revocations.disable('user', name, off);
  if (off) await asked.endAllOf(name);
  await asked.tell({ what: 'user-changed', name, change: off ? 'disabled' : 'enabled' });
  sayLine(off ? `Disabled ${name}.` : `Enabled ${name}.`);
}

async function password(asked: SignInAsked): Promise<void> {
  const name = nameIn(asked);
  const { password: secret, made } = givenPassword(asked.options);
  await asked.users.setPassword(name, secret);
  await asked.endAllOf(name);
  await asked.tell({ what: 'user-changed', name, change: 'password' });
  sayLine(made ? `Password of ${name}, shown once: ${secret}` : `The password of ${name} is another one.`);
}

async function setRole(asked: SignInAsked): Promise<void> {
  const name = nameIn(asked, 1);
  const given = checkRole(asked.words[1] ?? textOption(asked.options, 'role'), asked.roles);
  await asked.users.change(name, there => ({ ...there, role: given }));
  await asked.endAllOf(name);
  await asked.tell({ what: 'user-changed', name, change: 'role' });
  sayLine(`${name} has the role ${given}.`);
}

async function totp(asked: SignInAsked): Promise<void> {
  const name = nameIn(asked);
  await tellSecondFactor(asked.users, name);
  await asked.endAllOf(name);
  await asked.tell({ what: 'user-changed', name, change: 'second-factor' });
}

async function tellSecondFactor(users: Users, name: string): Promise<void> {
  const { uri, codes } = await users.setSecondFactor(name);
  sayLine(`For an authenticator, shown once: ${uri}`);
  sayLine(`Recovery codes, each for one time: ${codes.join(' ')}`);
}
