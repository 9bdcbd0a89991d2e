/** The session of whoever asks for a page, by its cookie, as the library signs it. https://www.rfc-editor.org/rfc/rfc6265#section-5.4 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AskedPage, AskingGround } from './asked.js';
import { cookiesOf } from './provider.js';

export type Session = InstanceType<AskedPage['provider']['Session']>;

export interface Jar {
  get(name: string, options: object): string | undefined;
  set(name: string, value: string, options: object): unknown;
}

type Asked = Pick<AskedPage, 'provider' | 'request' | 'response'>;
type CookieGround = Pick<AskingGround, 'issuer' | 'cookieKey'>;

export function jarOf({ provider, request, response }: Asked): Jar {
  const app = provider as unknown as {
    createContext(request: IncomingMessage, response: ServerResponse): { readonly cookies: Jar };
  };
  return app.createContext(request, response).cookies;
}

/** Undefined: there is no cookie, it was not made here, or its session is over. Nobody may have signed in to one that is there. */
export async function sessionOf(ground: CookieGround, page: Asked): Promise<Session | undefined> {
  const { names, long } = cookiesOf(ground);
  const cookie = jarOf(page).get(names!.session!, long!);
  return cookie === undefined ? undefined : page.provider.Session.find<Session>(cookie);
}

/** Whether there is a cookie by which one may look for a session. */
export const mayHaveSession = (ground: CookieGround, { headers }: IncomingMessage): boolean =>
  headers.cookie?.includes(`${cookiesOf(ground).names!.session!}=`) === true;
