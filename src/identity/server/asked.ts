/** What the pages of the authorization server stand on, and how they end. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Provider } from 'oidc-provider';
import type { TellHappening } from '../happening.js';
import type { SignIn } from '../users/sign-in.js';
import type { User } from '../users/users.js';
import type { Choice } from './pages.js';
import type { ProviderGround } from './provider.js';

export interface AskingGround extends ProviderGround {
  readonly signIn: SignIn;
  /** The audit trail. */
  readonly tell: TellHappening;
  /**
   * Patients whom a user may see: of a name, or the one of an id. Recorded like every search. Throws FhirError.
   */
  readonly findPatients: (
    user: User,
    asked: { readonly name: string } | { readonly id: string },
    address: string,
  ) => Promise<readonly Choice[]>;
  /** Encounters of a patient that a user may see, the latest first, or the one of an id. The same. */
  readonly findEncounters: (
    user: User,
    asked: { readonly patient: string; readonly id?: string },
    address: string,
  ) => Promise<readonly Choice[]>;
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

export type AskedInteraction = Awaited<ReturnType<Provider['interactionDetails']>>;

export interface PersonAsked extends AskedPage {
  readonly ground: AskingGround;
  readonly interaction: AskedInteraction;
  readonly application: { readonly name: string; readonly origin: string; readonly isStranger: boolean };
  readonly csrf: string;
}

/** Goes on to where the application is told what came of it. */
export const finishAsked = (
  { provider, request, response }: PersonAsked,
  result: Parameters<Provider['interactionFinished']>[2],
): Promise<void> => provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });

/** Where the form of a page is sent. */
export const actionOf = ({ request }: Pick<AskedPage, 'request'>): string =>
  new URL((request as { originalUrl?: string }).originalUrl ?? '/', 'http://x').pathname;

/**
 * Of the forms of one page. Where its name has a secret of the browser or session in it, whoever does not see the page cannot know it; before a sign-in
 * it is one for all, and says only that a form is of here.
 */
export const csrfOf = ({ cookieKey }: Pick<ProviderGround, 'cookieKey'>, page: string): string =>
  createHmac('sha256', cookieKey).update(`csrf ${page}`).digest('base64url');

export function isOurForm(form: URLSearchParams, csrf: string): boolean {
  const [a, b] = [Buffer.from(form.get('csrf') ?? ''), Buffer.from(csrf)];
  return a.length === b.length && timingSafeEqual(a, b);
}

export const givenText = (given: unknown): string => (typeof given === 'string' ? given : '');
