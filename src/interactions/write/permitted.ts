/**
 * Whether what is about to be committed is within what the permission of the principal reaches, whatever made the changes: an
 * interaction, an entry of a transaction, an operation, a cascade, a hook. New content is matched by what `c` or `u` reaches, what it replaces by
 * what `u` or `d` does. https://hl7.org/fhir/R4/security.html#AccessDenied
 *
 * Choices: a reference to what may not be seen, or is not there, is taken as it is; whether the content is within a condition is all that is
 * told. What is deleted comes back by an update for those who may create and update it. An id is chosen by those alone who see and may
 * write every resource of the type: to others, one that is taken by what they do not see would tell that it is.
 */
import { writesLabels } from '../../access/decide.js';
import { hasFewerLabels } from '../../access/inline-labels.js';
import { isLowered, protectionOf, UNLABELLED } from '../../access/labels.js';
import { isUnrestricted, type Permission, type Restrictions, UNRESTRICTED } from '../../access/permission.js';
import { rowParts } from '../../access/row-rule.js';
import { createView } from '../../access/view.js';
import { type Denial, FhirError } from '../../fhir/error.js';
import { asAsked } from '../../search/index-resource.js';
import { match, type Resolver, type Subject } from '../../search/match.js';
import type { Where } from '../../search/query.js';
import type { Change, Version } from '../../store/store.js';
import type { Context, Engine } from '../engine.js';
import type { Outcome, Target } from '../interaction.js';
import { entryAt, placeOf } from '../response/transaction-response.js';

/** Whether an update may say which id a new resource has. */
export const mayChooseIds = ({ reach }: Permission, type: string): boolean =>
  !reach.c.has(type) && !reach.u.has(type) && !reach.s.has(type) && !reach.r.has(type);

/**
 * Labels that protect a resource stay, unless whoever asks may take them away; those of a deleted one, too, when it comes back. Records of a
 * review get no more of them, either (`staysAsLabelled` of hooks). Throws `forbidden`, `unprocessable`.
 * https://hl7.org/fhir/R4/security-labels.html
 */
export async function checkLabelsKept(
  { engine, permission }: Pick<Context, 'engine' | 'permission'>,
  { changes = [], entries }: Outcome,
): Promise<void> {
  if (!permission.keepsLabels) return;
  // What may not be seen is protected most of all.
  const whole = createView(engine, UNRESTRICTED, undefined);
  for (const { own, type, id, text, replaces } of changes) {
    if (own || !text || !replaces) continue;
    // Before a deletion is a version with a text, or one that was erased.
    const last = replaces.text ? replaces : await whole.read(type, id, replaces.version - 1);
    if (!last?.text) continue;
    const before = protectionOf(last.text);
    const after = protectionOf(text);
    const isLess = (before !== UNLABELLED && isLowered(before, after)) || hasFewerLabels(last.text, text);
    const isMore = (isLowered(after, before) || hasFewerLabels(text, last.text)) && staysAsLabelled(engine, last);
    if (!isLess && !isMore) continue;
    const at = entries?.get(`${type}/${id}`);
    const expression = at === undefined ? `${type}.meta.security` : placeOf(entryAt(at), type);
    // Who reviews it would no longer see it.
    if (isMore)
      throw new FhirError('unprocessable', 'The record of a review stays as confidential as it is.', {
        expression,
        detail: 'review-altered',
      });
    throw new FhirError(
      'forbidden',
      'Labels that protect a resource are taken away or made less by whoever keeps privacy alone: leave them as they are, or ask them.',
      { expression, detail: 'label-lowered' },
    );
  }
}

const staysAsLabelled = ({ hooks }: Engine, { type, id, text }: Version): boolean =>
  text !== undefined && (hooks.byType.get(type) ?? []).some(({ hook }) => hook.staysAsLabelled?.(id, text));

/** Throws `forbidden`. */
export function checkPermitted(
  { engine, permission }: Context,
  { changes = [], entries }: Outcome,
  { operation }: Pick<Target, 'operation'> = {},
): void {
  const { reach, masks } = permission;
  if (masks) refuseMasked(changes, entries);
  if (writesLabels(permission, operation)) return;
  if (isUnrestricted(reach.c) && isUnrestricted(reach.u) && isUnrestricted(reach.d)) return;
  for (const change of changes) {
    if (change.own || isPermitted(engine, permission, change, changes)) continue;
    const at = entries?.get(`${change.type}/${change.id}`);
    throw new FhirError('forbidden', 'What would be written is not within what this permission allows.', {
      expression: at === undefined ? change.type : placeOf(entryAt(at), change.type),
      detail: 'outside-permission',
      denial: denialOf(engine, permission, change, changes),
    });
  }
}

/** What takes the place of a part of a resource would lose the rest, whoever makes the change. */
function refuseMasked(changes: readonly Change[], entries: Outcome['entries']): void {
  const lost = changes.find(({ replaces }) => replaces?.masked);
  if (!lost) return;
  const at = entries?.get(`${lost.type}/${lost.id}`);
  throw new FhirError(
    'forbidden',
    'Parts of this resource are left out for you (REDACTED), and would be lost: whoever sees all of it changes it.',
    { expression: at === undefined ? lost.type : placeOf(entryAt(at), lost.type), detail: 'masked-resource' },
  );
}

/** Consents are named where nothing else refuses it. */
function denialOf(engine: Engine, permission: Permission, change: Change, changes: readonly Change[]): Denial {
  const { meant, refusing } = permission;
  const rule = 'outside-permission';
  if (!meant || meant.joins || !isPermitted(engine, meant, change, changes)) return { rule };
  const patients = [...new Set([...(change.patients ?? []), ...(change.replaces?.patients ?? [])])];
  const consents = refusing?.(patients) ?? [];
  return consents.length > 0 ? { rule, consents, patients } : { rule };
}

function isPermitted(engine: Engine, permission: Permission, change: Change, changes: readonly Change[]): boolean {
  const { type, replaces, text } = change;
  const { c, u, d } = permission.reach;
  const before = replaces?.text === undefined ? undefined : replaces;
  const isNewWithin = (reached: 'c' | 'u'): boolean =>
    isReached(permission.reach[reached].get(type), change, () => subjectOf(change)) ||
    // What the same commit creates is in no list yet.
    (permission.unsettled !== undefined && isWithinTogether(permission.unsettled[reached], change, changes));
  const wasWithin = (reached: Restrictions): boolean =>
    !before || isReached(reached.get(type), before, part => asAsked(engine, before, part));
  if (text === undefined) return wasWithin(d);
  if (before) return wasWithin(u) && isNewWithin('u');
  return isNewWithin('c') && (replaces === undefined || (!c.has(type) && !u.has(type)) || isNewWithin('u'));
}

/** `row`: with its text; `subject`: the same, as far as a part of the condition asks about it. */
function isReached(
  seen: 'hidden' | Where | undefined,
  row: Version,
  subject: (part: Where) => Subject,
  resolver?: Resolver,
): boolean {
  if (seen === undefined || seen === 'hidden') return seen === undefined;
  const { rules, rest } = rowParts(seen);
  const holds = (part: Where): boolean => match(part, subject(part), resolver);
  return rules.every(rule => rule.allows(row, holds)) && (!rest || holds(rest));
}

const subjectOf = ({ type, id, updated, entries }: Change): Subject => ({ type, id, updated, entries });

/** The condition as it was meant, where its links lead to what is written together. */
function isWithinTogether(reach: Restrictions, change: Change, changes: readonly Change[]): boolean {
  const others = changes.filter(({ text }) => text !== undefined).map(subjectOf);
  const refers = (subject: Subject, code: string, to: Subject): boolean =>
    subject.entries.some(
      entry => entry.parameter === code && entry.kind === 'reference' && entry.type === to.type && entry.id === to.id,
    );
  const resolver: Resolver = {
    follow: (subject, code, to) => others.filter(other => other.type === to && refers(subject, code, other)),
    referring: (subject, from, code) => others.filter(other => other.type === from && refers(other, code, subject)),
    hasWords: () => false,
  };
  const seen = reach.get(change.type);
  return seen !== undefined && isOfLinks(seen) && isReached(seen, change, () => subjectOf(change), resolver);
}

/** `match` decides it: nothing in it needs terminology. */
function isOfLinks(seen: 'hidden' | Where): boolean {
  if (seen === 'hidden') return false;
  switch (seen.kind) {
    case 'all':
    case 'any':
      return seen.of.every(isOfLinks);
    case 'not':
      // What is not among the changes may be elsewhere.
      return false;
    case 'of':
    case 'chain':
    case 'has':
      return isOfLinks(seen.where);
    case 'param':
      return seen.test.kind !== 'concept' && seen.test.kind !== 'hierarchy';
    case 'present':
      return true;
    case 'words':
      return false;
  }
}
