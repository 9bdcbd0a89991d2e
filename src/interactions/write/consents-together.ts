/** How much the Consents of one patient may say together, whatever one commit makes of them: other entries of a transaction count, too. */
import { MOST_PROVISIONS } from '../../access/consents.js';
import { FhirError } from '../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../fhir/json/json.js';
import type { Context } from '../engine.js';
import type { Outcome } from '../interaction.js';
import { entryAt, placeOf } from '../response/transaction-response.js';

/** Throws `unprocessable`. */
export function checkProvisions({ engine: { consents } }: Context, { changes = [], entries }: Outcome): void {
  const changed = changes.filter(({ type }) => type === 'Consent');
  if (changed.length === 0) return;
  const names = new Set(changed.map(({ id }) => `Consent/${id}`));
  const counts = new Map<string, number>();
  for (const { id, text } of changed) {
    const consent = text && consents.read(parseJson(text, STORED_JSON).resource, id).consent;
    if (!consent || consent.provisions === 0) continue;
    const { patient, provisions } = consent;
    const count = (counts.get(patient) ?? consents.provisionsBeside(patient, names)) + provisions;
    counts.set(patient, count);
    if (count <= MOST_PROVISIONS) continue;
    const at = entries?.get(`Consent/${id}`);
    throw new FhirError(
      'unprocessable',
      `The active Consents of one patient may have ${MOST_PROVISIONS} provisions together: end those that are over (status inactive).`,
      {
        expression: at === undefined ? 'Consent.provision' : placeOf(entryAt(at), 'Consent.provision'),
        detail: 'too-many-provisions',
      },
    );
  }
}
