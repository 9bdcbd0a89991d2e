/**
 * $horizon, on the system: up to when everything that was written can be seen. Whoever follows changes by `_lastUpdated` or `_since` asks
 * from one horizon to the next, and loses nothing (docs/searching.md). Defined in profiles/operationdefinition-horizon.json.
 */
import type { Context, OperationImplementation } from '../engine.js';
import type { Of, Outcome } from '../interaction.js';
import { readGiven } from './parameters.js';

export const horizonOperation: OperationImplementation = { shows: 'Parameters', run: showHorizon };

async function showHorizon({ engine, view }: Context, ask: Of<'operation'>): Promise<Outcome> {
  readGiven(engine, ask);
  const parameter = [{ name: 'return', valueInstant: new Date(view.horizon()).toISOString() }];
  const text = Buffer.from(JSON.stringify({ resourceType: 'Parameters', parameter }));
  return { result: { status: 200, text, patients: [] } };
}
