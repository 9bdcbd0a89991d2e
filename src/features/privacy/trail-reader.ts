/** Events of the audit trail, as far as whoever asks may read it, the newest first: read in lots, so that any number of them takes little memory. */
import { filledTextOf } from '../../fhir/filled.js';
import { parseReference } from '../../fhir/reference.js';
import type { Resource } from '../../fhir/resource.js';
import type { Context, Engine } from '../../interactions/engine.js';
import { breathe, paced } from '../../platform/pieces.js';
import { all, type Where } from '../../search/query.js';
import { tellEvent, type ToldEvent } from './told-event.js';
import { tellFilled } from './told-form.js';

const AUDIT_EVENT = 'AuditEvent';
/** Events of a lot: 2 KB each. The first is small, because a page may need no more. */
const FIRST_LOT = 128;
const MOST_OF_LOT = 1024;
/** Events that are told before a look at how long it took. */
const EVENTS_A_LOOK = 16;

/** ms since 1970, inclusive. */
export interface TimeSpan {
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

export interface SpanOfTrail extends TimeSpan {
  /** What was recorded or received later is left out. */
  readonly known?: number;
}

export interface TrailReading {
  readonly engine: Engine;
  readonly view: Pick<Context['view'], 'find'>;
}

export async function* eventsOfTrail(
  { engine, view }: TrailReading,
  where: Where,
  { known = Infinity, ...span }: SpanOfTrail,
): AsyncGenerator<ToldEvent> {
  const { bases } = engine.settings;
  const isTurn = paced(EVENTS_A_LOOK);
  const query = {
    types: [AUDIT_EVENT],
    where: all(...dateWithin(span), where),
    sort: [{ code: 'date', descending: true }],
  };
  let after: Awaited<ReturnType<typeof view.find>>['cursors'][number] | undefined;
  for (let limit = FIRST_LOT; ; limit = Math.min(2 * limit, MOST_OF_LOT)) {
    const page = await view.find({ ...query, limit, ...(after ? { after } : {}) });
    for (const row of page.rows) {
      if (isTurn()) await breathe();
      const { updated } = row;
      if (updated > known) continue;
      const filled = filledTextOf(row);
      const told = filled && tellFilled(filled, updated, bases);
      if (told) yield told;
      // The digits of numbers do not matter here, and thousands are read for one answer.
      else if (row.text) yield tellEvent(JSON.parse(row.text.toString()) as Resource, updated, bases);
    }
    after = page.cursors.at(-1);
    if (!page.more || !after) return;
  }
}

const dateWithin = ({ from, to }: TimeSpan): Where[] =>
  from === undefined && to === undefined
    ? []
    : [
        {
          kind: 'param',
          code: 'date',
          test: {
            kind: 'date',
            any: [{ ...(from === undefined ? {} : { lowMin: from }), ...(to === undefined ? {} : { highMax: to }) }],
          },
        },
      ];

/** Whether the trail may be read at all. */
export const readsTrail = ({ view }: Pick<Context, 'view'>): boolean => view.shows(AUDIT_EVENT);

const withToken = (code: string, ...values: readonly { readonly system?: string; readonly code: string }[]): Where => ({
  kind: 'param',
  code,
  test: { kind: 'token', any: values },
});

export const ofPatient = (id: string): Where => ({
  kind: 'param',
  code: 'patient',
  test: { kind: 'reference', to: { kind: 'local', type: 'Patient', id } },
});

/** A user or application, by the name or identifier that events have; `system|value` where several issuers know the same name. */
export function byAgent(name: string): Where {
  const bar = name.lastIndexOf('|');
  const value = bar < 0 ? { code: name } : { system: name.slice(0, bar), code: name.slice(bar + 1) };
  const identified: Where = {
    kind: 'param',
    code: 'agent',
    test: { kind: 'reference', to: { kind: 'identifier', value } },
  };
  if (bar >= 0) return identified;
  const named: Where = { kind: 'param', code: 'agent-name', test: { kind: 'string', mode: 'exact', value: name } };
  const other = withToken('altid', { code: name });
  const target = parseReference(name, []);
  if (target?.kind !== 'local') return { kind: 'any', of: [identified, named, other] };
  const referred: Where = { kind: 'param', code: 'agent', test: { kind: 'reference', to: target } };
  return { kind: 'any', of: [identified, named, other, referred] };
}

export const withOutcome = (...codes: readonly string[]): Where =>
  withToken('outcome', ...codes.map(code => ({ code })));

/** Whatever was given out. */
export const DISCLOSURES: Where = withToken('subtype', { code: 'disclose' });

/** Security alerts and sign-ins that failed, and requests that did: which of these were denied says `isDenied`. */
export const MAY_BE_DENIALS: Where = withOutcome('4', '8', '12');
