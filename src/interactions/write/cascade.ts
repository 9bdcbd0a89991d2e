/**
 * What goes with a deleted resource where `_cascade=delete` asks for it: what refers to it, what refers to that, and so on, each
 * once, up to a configured number. FHIR R4 leaves it open how a server deletes what is referred to
 * (https://hl7.org/fhir/R4/http.html#delete); the word is that of other servers.
 *
 * Whoever asks must be allowed to delete each of them; what they may not see stays, as after any other deletion. Audit events refer to everything and never go.
 */
import { FhirError } from '../../fhir/error.js';
import type { Version } from '../../store/store.js';
import type { Context } from '../engine.js';
import { askOf } from '../kinds.js';
import { findReferring } from './referrers.js';

/** Current versions of what refers to `roots`, directly or through others. Throws `conflict` where there are too many. */
export async function cascade(context: Context, roots: readonly Version[]): Promise<readonly Version[]> {
  const { engine, principal, view } = context;
  const { maxCascade } = engine.settings;
  const others: Version[] = [];
  for (let from = roots; from.length > 0; ) {
    const known = [...roots, ...others];
    const { found, complete } = await findReferring(engine, view, from, known, maxCascade - others.length);
    if (!complete)
      throw new FhirError(
        'conflict',
        `More than ${maxCascade} other resources would be deleted, too: nothing was deleted.`,
        { expression: 'http._cascade', detail: 'cascade-too-large' },
      );
    for (const type of new Set(found.map(name => name.type))) {
      const decision = engine.decide(principal, askOf({ kind: 'delete', type }));
      if (!decision.allow) throw new FhirError(decision.kind, decision.why);
    }
    const rows = await Promise.all(found.map(({ type, id }) => view.read(type, id)));
    // What was deleted meanwhile is gone already.
    from = rows.flatMap(row => (row?.text ? [row] : []));
    others.push(...from);
  }
  return others;
}
