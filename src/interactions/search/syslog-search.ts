/**
 * ITI-82, Retrieve Syslog Event: the audit trail as the syslog messages that its events are (audit/syslog/). What is asked is a search of
 * AuditEvents by date, with the rights of whoever asks, recorded like any other; the other parameters are about the heads of the messages,
 * which are the same for all of a server but for their times. https://profiles.ihe.net/ITI/TF/Volume2/ITI-82.html
 *
 * Choices: the answer is an array of messages, by the names of the parameters, and the next page stands in the header `Link` (RFC 8288).
 * `msg` is a part of the text, and looked for in the messages of a page, which may have fewer then.
 */
import type { EventToSend } from '../../audit/syslog/audit-message.js';
import { type SyslogMessage, syslogHead, syslogMessage } from '../../audit/syslog/syslog-message.js';
import { FhirError } from '../../fhir/error.js';
import { breathe } from '../../platform/pieces.js';
import type { Caller, OutsideAnswer } from '../engine.js';
import type { Parameters } from '../interaction.js';
import { perform } from '../perform.js';
import { PAGE_PARAMETER } from '../response/paging.js';
import { sortOut } from '../unknown-parameters.js';
import { TRAIL } from './types-named.js';

const HEAD = [
  'pri',
  'version',
  'hostname',
  'appname',
  'procid',
  'msgid',
] as const satisfies readonly (keyof SyslogMessage)[];
const OF_SEARCH: ReadonlySet<string> = new Set(['date', '_count', PAGE_PARAMETER]);
const NAMES = [...OF_SEARCH, ...HEAD, 'msg'];
const MOST = 200;
/** An id that nothing has: what cannot match is asked for all the same, and recorded. */
const NOTHING = ['_id', '-'] as const;

export const SYSLOG_SEARCH = 'syslogsearch';

/** Throws FhirError `invalid` for parameters that are not known and where no date is given, and what a search throws. */
export async function searchSyslog(caller: Caller, given: Parameters): Promise<OutsideAnswer> {
  const { known: asked } = sortOut(given, NAMES, false, 'A search of syslog messages');
  if (!asked.some(([name]) => name === 'date' || name === PAGE_PARAMETER))
    throw new FhirError(
      'invalid',
      'A search of syslog messages needs a time: add one, as in date=ge2030-01-01&date=le2030-01-31.',
      { expression: 'http.date', detail: 'date-interval' },
    );
  const empty = asked.find(([name, value]) => value === '' && !OF_SEARCH.has(name))?.[0];
  if (empty !== undefined)
    throw new FhirError('invalid', `The parameter ${empty} has no value. Give it one, or leave it out.`, {
      ...{ expression: `http.${empty}`, detail: 'invalid-value' },
    });
  const { base } = caller.engine.settings;
  const ofSearch = asked.filter(([name]) => OF_SEARCH.has(name)).map(bounded);
  const isPossible = isOfHead(syslogHead(base), asked);
  const parameters = isPossible ? ofSearch : [...ofSearch.filter(([name]) => name !== PAGE_PARAMETER), NOTHING];
  const found = await perform(
    { ...caller, agent: undefined },
    { kind: 'search', type: TRAIL, parameters, lenient: false },
  );
  const { entry = [], link = [] } = JSON.parse(String(found.text)) as SearchSet;
  const wanted = asked.flatMap(([name, value]) => (name === 'msg' ? [value] : []));
  const messages: (SyslogMessage & { readonly 'structured-data': string })[] = [];
  for (const { resource } of entry) {
    await breathe();
    const message = syslogMessage(resource, base);
    if (wanted.every(part => message.msg.includes(part))) messages.push({ ...message, 'structured-data': '-' });
  }
  const next = link.find(({ relation }) => relation === 'next');
  return {
    headers: {
      'Content-Type': 'application/json; charset=utf-8',
      ...(next ? { Link: `<${nextAddress(next.url, base, asked)}>; rel="next"` } : {}),
    },
    body: JSON.stringify(messages),
  };
}

interface SearchSet {
  readonly entry?: readonly { readonly resource: EventToSend }[];
  readonly link?: readonly { readonly relation: string; readonly url: string }[];
}

const bounded = ([name, value]: Parameters[number]): Parameters[number] =>
  name === '_count' && /^\d+$/.test(value) ? [name, String(Math.min(Number(value), MOST))] : [name, value];

/** Whether messages with this head are meant: values with commas between are alternatives; names of hosts have no case. */
const isOfHead = (head: Omit<SyslogMessage, 'timestamp' | 'msg'>, asked: Parameters): boolean =>
  HEAD.every(part =>
    asked
      .filter(([name]) => name === part)
      .every(([, value]) => value.split(',').some(each => each.toLowerCase() === head[part].toLowerCase())),
  );

function nextAddress(url: string, base: string, asked: Parameters): string {
  const page = new URL(url).searchParams.get(PAGE_PARAMETER) ?? '';
  const kept = asked.filter(([name]) => !OF_SEARCH.has(name)).map(([name, value]) => [name, value]);
  return `${base}/${SYSLOG_SEARCH}?${new URLSearchParams([[PAGE_PARAMETER, page], ...kept] as [string, string][]).toString()}`;
}
