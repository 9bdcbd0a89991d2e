/**
 * What people and applications may ask of the authorization server: pages by the minute, refusals by the second, and records that are left behind.
 * Whoever has signed in has pages of their own, so that many at one address can work, and what one of them asks is taken from none beside. https://www.rfc-editor.org/rfc/rfc9700, https://www.rfc-editor.org/rfc/rfc6585#section-4
 */
import type { ServerResponse } from 'node:http';
import type { Records } from '../../store/records.js';
import { createAddressLimit, createFailureLimit } from '../failures.js';
import { htmlEscaped, sendHtml, signInHtml } from './pages.js';
import { createSharedLimit, type SharedLimitOptions } from './shared-limit.js';

/** Of an address, for all who have not signed in. */
const MOST_PAGES = 60;
/** Of somebody who has. The console asks for three whenever it is opened anew. */
const MOST_OF_PERSON = 300;
const MINUTE = 60_000;
/** Requests for these are shown to a person in the end. */
const PAGES = /^\/(?:authorize\/?$|ask\/|setup$|account)/i;
const TOO_MANY = 429;

export interface BoundedRequest {
  readonly path: string;
  readonly address: string;
  /** Looks for whoever has signed in; absent where nobody can have. */
  readonly person?: (() => Promise<string | undefined>) | undefined;
}

export interface RequestBounds {
  /** Whether the request may go on; if not, it was answered. What becomes of one that may is noted when it is over. */
  admit(request: BoundedRequest, response: ServerResponse): Promise<boolean>;
}

/** Pages are counted for all processes together, refusals for each. `now`: ms of the machine's clock. `home`: address that somebody is led back to who must wait. */
export function createRequestBounds(
  records: SharedLimitOptions['records'],
  now?: () => number,
  home = '/',
): RequestBounds {
  const pagesBy = (kind: string, most: number): ((whose: string) => Promise<number>) => {
    const own = createAddressLimit({ most, within: MINUTE, now });
    const shared = createSharedLimit({ records, kind, most, within: MINUTE, now });
    return async whose => {
      const wait = own.wait(whose);
      if (wait > 0) return wait;
      own.note(whose);
      return shared.count(whose);
    };
  };
  const [ofAddress, ofPerson] = [pagesBy('pages-of-address', MOST_PAGES), pagesBy('pages-of-person', MOST_OF_PERSON)];
  const failures = createFailureLimit(now);
  const waitFor = async ({ address, person }: BoundedRequest, isPage: boolean): Promise<number> => {
    const wait = failures.wait(address);
    if (wait > 0 || !isPage) return wait;
    const name = await person?.();
    if (name !== undefined) return ofPerson(name);
    // A cookie that is nobody's has cost a look into the store.
    if (person) failures.note(address);
    return ofAddress(address);
  };
  return {
    async admit(request, response) {
      const isPage = PAGES.test(request.path);
      const wait = await waitFor(request, isPage);
      if (wait > 0) {
        sendTooMany(response, Math.ceil(wait / 1000), isPage ? home : undefined);
        return false;
      }
      response.once('finish', () => {
        const { statusCode: status } = response;
        if (status >= 400 && status < 500 && status !== TOO_MANY) failures.note(request.address);
      });
      return true;
    },
  };
}

/** `home`: of a page. */
function sendTooMany(response: ServerResponse, seconds: number, home: string | undefined): void {
  response.setHeader('Retry-After', String(seconds));
  const text = `Too many requests came from this address. Try again in ${seconds} ${seconds === 1 ? 'second' : 'seconds'}.`;
  if (home !== undefined) return sendHtml(response, TOO_MANY, signInHtml('Please wait', waitingHtml(text, home)));
  response.statusCode = TOO_MANY;
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify({ error: 'temporarily_unavailable', error_description: text }));
}

/** The empty address is that of the page itself, with all that was asked for. */
const waitingHtml = (text: string, home: string): string =>
  `<p role="alert">${text}</p><p><a href="">Try again</a> · <a href="${htmlEscaped(home)}">Back to the beginning</a></p>`;

/** A request for authorization has 16 KB at most. */
const MOST_ANONYMOUS = 5000;

/** Records of this process that belong to nobody yet. Where there are too many, the oldest goes. */
export interface AnonymousRecords {
  note(kind: string, id: string): Promise<void>;
  /** It belongs to somebody now, or is gone. */
  forget(kind: string, id: string): void;
}

export function createAnonymousRecords(records: Pick<Records, 'take'>, most = MOST_ANONYMOUS): AnonymousRecords {
  const noted = new Map<string, readonly [kind: string, id: string]>();
  return {
    async note(kind, id) {
      noted.set(`${kind}/${id}`, [kind, id]);
      if (noted.size <= most) return;
      const [name, oldest] = noted.entries().next().value!;
      noted.delete(name);
      await records.take(...oldest);
    },
    forget: (kind, id) => void noted.delete(`${kind}/${id}`),
  };
}
