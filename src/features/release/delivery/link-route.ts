/**
 * Where links to what was released lead: a page that asks for the passcode, and what it sends. The token stands behind a `#`, which browsers keep to themselves,
 * and goes in the body, so that no address, log or event has it. Every use is an audit event, whether it gets anything or not, before any byte is sent.
 */
import { createHash } from 'node:crypto';
import { FhirError } from '../../../fhir/error.js';
import type { Caller, OutsideAnswer, OutsideCall, OutsideRoute } from '../../../interactions/engine.js';
import { bytesHandedOut, createUseLimit, linkedNow, linkRecords } from '../../../interactions/handing-out.js';
import { recordRefusal } from '../../../interactions/perform.js';
import { recordDone } from '../../../interactions/recording.js';
import { type LinkUse, type ReleaseLink, tryLink } from './links.js';

export const LINK_PATH = '/released-records';
const MOST_BODY = 4096;

const STYLE =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:3rem auto;padding:0 1rem}label,input,button{display:block;font:inherit;margin:.5rem 0}input{padding:.4rem;width:100%;box-sizing:border-box}';
const SCRIPT =
  'document.getElementById("link").value=location.hash.slice(1);history.replaceState(null,"",location.pathname);';
const sha256 = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
const PAGE = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"/><title>Released records</title><meta name="viewport" content="width=device-width"/><meta name="referrer" content="no-referrer"/><style>${STYLE}</style></head>
<body><h1>Released records</h1><p>Type the passcode that you were given another way. / Escriba el código que recibió por otro medio.</p>
<form method="post" action="${LINK_PATH}"><input type="hidden" id="link" name="link"/><label for="passcode">Passcode / Código</label><input type="password" id="passcode" name="passcode" autocomplete="off" required=""/><button>Get the records / Obtener los registros</button></form><script>${SCRIPT}</script></body></html>`;
const PAGE_HEADERS = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': `default-src 'none'; style-src ${sha256(STYLE)}; script-src ${sha256(SCRIPT)}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
};

/** One answer for what is unknown, over, used up, revoked, or has another passcode. */
export const nothingThere = (): FhirError =>
  new FhirError('not-found', 'This link leads nowhere any more, or its passcode is another one.', {
    detail: 'unknown-link',
  });

export const releasedRecordsRoute: OutsideRoute = {
  path: LINK_PATH,
  ...({ methods: ['GET', 'POST'], who: 'anybody', recorded: 'as-performed', maxBody: MOST_BODY } as const),
  patience: 60_000,
  headers: { 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' },
  answer: call => (call.method === 'GET' ? { headers: PAGE_HEADERS, body: PAGE } : handOut(call)),
};

/** More than people need, and fewer than wait for a passcode at once: an address keeps no other one from its records. */
const MOST_USES = 40;
/** Throws `throttled`. */
export const countUse = createUseLimit({ kind: 'links-of-address', most: MOST_USES });

/** A document that was taken back, or is gone, is given to nobody any more. */
export const isStillThere = async (engine: Caller['engine'], { document }: ReleaseLink): Promise<boolean> =>
  (await linkedNow(engine, 'DocumentReference', document))?.['status'] === 'current';

async function handOut(call: OutsideCall): Promise<OutsideAnswer> {
  await countUse(call.caller);
  const given = new URLSearchParams((await call.body()).toString('utf8'));
  const [token, passcode] = [given.get('link') ?? '', given.get('passcode') ?? ''];
  const { engine } = call.caller;
  const used = await tryLink(linkRecords(engine), { form: 'page', token, passcode, now: engine.clock.now() });
  const caller = asRecipient(call.caller, used.link);
  if (!used.may) return refuseUse(caller, used);
  const { link } = used;
  if (!(await isStillThere(engine, link))) return refuseUse(caller, { may: false, why: 'unknown', link });
  const bytes = await bytesHandedOut(engine, link);
  const target = { kind: 'read', type: 'DocumentReference', id: link.document } as const;
  await recordDone(caller, target, { result: { status: 200, patients: [link.patient] } });
  return {
    headers: {
      'Content-Type': link.contentType,
      'Content-Disposition': `attachment; filename="${link.fileName}"`,
      'Content-Security-Policy': "default-src 'none'; sandbox",
    },
    stream: { bytes, size: link.size },
  };
}

/** Whoever has the link of a delivery: nobody else is known of them. */
export const asRecipient = (caller: Caller, link: ReleaseLink | undefined): Caller =>
  link ? { ...caller, principal: { name: `recipient-of-${link.delivery}`, role: '' } } : caller;

function refuseUse(caller: Caller, used: Extract<LinkUse, { may: false }>): Promise<never> {
  const { link, why } = used;
  const target = link
    ? ({ kind: 'read', type: 'DocumentReference', id: link.document } as const)
    : ({ kind: 'operation', operation: LINK_PATH } as const);
  const error =
    why === 'no-tries'
      ? new FhirError('throttled', 'Too many wrong passcodes: ask the records desk for another link.', {
          detail: 'no-tries',
        })
      : nothingThere();
  return recordRefusal(caller, target, error);
}
