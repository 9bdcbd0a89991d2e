/** `chartroom client`: which applications may ask for tokens. On the embedded store stop the server first. */
import { readFileSync } from 'node:fs';
import { newSecret, readApplication } from '../identity/server/applications.js';
import { isObject, type Json } from '../fhir/resource.js';
import { AllowList } from '../outgoing/allowed.js';
import { ConfigError, namesListed } from '../platform/config.js';
import type { Invocation } from './invocation.js';
import { runSignInAction, sayLine, type SignInActions, type SignInAsked } from './sign-in-action.js';

const CLIENT_ACTIONS: SignInActions = {
  add: addClient,
  list: listClients,
  disable: asked => setClientDisabled(asked, true),
  enable: asked => setClientDisabled(asked, false),
};

export const clients = (invocation: Invocation): Promise<number> =>
  runSignInAction('client', CLIENT_ACTIONS, invocation);

function wordIn({ words: [word, ...more] }: SignInAsked, what: string): string {
  if (word === undefined) throw new ConfigError(`chartroom client needs ${what}.`);
  if (more.length > 0) throw new ConfigError('chartroom client takes no further words.');
  return word;
}

async function addClient(asked: SignInAsked): Promise<void> {
  const { applications, roles, options } = asked;
  const file = wordIn(asked, 'a file of JSON that says what the application is; - is standard input');
  const given = parsedFile(readFileSync(file === '-' ? 0 : file, 'utf8'));
  const secret = options['with-secret'] === true ? newSecret() : undefined;
  const record = readApplication(
    isObject(given) && secret !== undefined ? { ...given, client_secret: secret } : given,
    roles,
  );
  await applications.add(record);
  await asked.tell({ what: 'application-changed', name: record.id, change: 'added' });
  sayLine(`Added ${record.id} (${record.kind}).`);
  if (record.jwksUri !== undefined) warnOfKeys(record.jwksUri, namesListed(asked.config.clientKeyHosts));
  if (secret !== undefined) sayLine(`Secret, shown once: ${secret}`);
}

/** The server may have other settings than this command, so that it is no fault. */
function warnOfKeys(place: string, hosts: readonly string[]): void {
  try {
    new AllowList({ hosts }).target(place);
  } catch {
    const text =
      'CHARTROOM_CLIENT_KEY_HOSTS does not list the host of jwks_uri here: a server with these settings refuses the application.';
    process.stderr.write(`${text}\n`);
  }
}

function parsedFile(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    throw new ConfigError('The file of an application must hold one JSON object.');
  }
}

async function listClients({ applications, revocations, words }: SignInAsked): Promise<void> {
  if (words.length > 0) throw new ConfigError('chartroom client list takes no further words.');
  await revocations.look();
  const all = await applications.all();
  for (const { id, kind, name, redirectUris, systemScopes, isStranger = false } of all) {
    const more = [
      kind,
      name === id ? '' : name,
      ...redirectUris,
      systemScopes,
      isStranger ? 'registered itself' : '',
      revocations.hasClient(id) ? 'disabled' : '',
    ];
    sayLine([id, ...more.filter(each => each !== '')].join('  '));
  }
  if (all.length === 0) sayLine('No applications. Add one: chartroom client add app.json');
}

async function setClientDisabled(asked: SignInAsked, off: boolean): Promise<void> {
  const id = wordIn(asked, 'the client_id of an application');
  if (!(await asked.applications.all()).some(each => each.id === id))
    throw new ConfigError('There is no application of this client_id.');
  await asked.revocations.disable('client', id, off);
  await asked.tell({ what: 'application-changed', name: id, change: off ? 'disabled' : 'enabled' });
  sayLine(off ? `Disabled ${id}.` : `Enabled ${id}.`);
}
