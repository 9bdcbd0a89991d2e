/**
 * What people and applications may ask of the authorization server before they have said who they are: pages by the minute, refusals by the
 * second, and records that are left behind. https://www.rfc-editor.org/rfc/rfc9700, https://www.rfc-editor.org/rfc/rfc6585#section-4
 */
import type { ServerResponse } from 'node:http';
import type { Records } from '../../store/records.js';
import { createAddressLimit, createFailureLimit } from '../failures.js';
import { sendHtml, signInHtml } from './pages.js';
import { createSharedLimit, type SharedLimitOptions } from './shared-limit.js';

const MOST_PAGES = 60;
const MINUTE = 60_000;
/** Requests for these are shown to a person in the end. */
const PAGES = /^\/(?:authorize\/?$|ask\/|setup$|account)/i;
const TOO_MANY = 429;

export interface RequestBounds {
  /** Whether the request may go on; if not, it was answered. What becomes of one that may is noted when it is over. */
  admit(request: { readonly path: string; readonly address: string }, response: ServerResponse): Promise<boolean>;
}

/** Pages are counted for all processes together, refusals for each. `now`: ms of the machine's clock. */
export function createRequestBounds(records: SharedLimitOptions['records'], now?: () => number): RequestBounds {
  const pages = createAddressLimit({ most: MOST_PAGES, within: MINUTE, now });
  const shared = createSharedLimit({ records, kind: 'pages-of-address', most: MOST_PAGES, within: MINUTE, now });
  const failures = createFailureLimit(now);
  const waitFor = async (address: string, isPage: boolean): Promise<number> => {
    const wait = Math.max(failures.wait(address), isPage ? pages.wait(address) : 0);
    if (wait > 0 || !isPage) return wait;
    pages.note(address);
    return shared.count(address);
  };
  return {
    async admit({ path, address }, response) {
      const isPage = PAGES.test(path);
      const wait = await waitFor(address, isPage);
      if (wait > 0) {
        sendTooMany(response, Math.ceil(wait / 1000), isPage);
        return false;
      }
      response.once('finish', () => {
        const { statusCode: status } = response;
        if (status >= 400 && status < 500 && status !== TOO_MANY) failures.note(address);
      });
      return true;
    },
  };
}

function sendTooMany(response: ServerResponse, seconds: number, isPage: boolean): void {
  response.setHeader('Retry-After', String(seconds));
  const text = `Too many requests came from this address. Try again in ${seconds} ${seconds === 1 ? 'second' : 'seconds'}.`;
  if (isPage) return sendHtml(response, TOO_MANY, signInHtml('Please wait', `<p role="alert">${text}</p>`));
  response.statusCode = TOO_MANY;
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify({ error: 'temporarily_unavailable', error_description: text }));
}

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
