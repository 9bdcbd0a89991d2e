/** transaction: https://hl7.org/fhir/R4/http.html#transaction */
import { FhirError } from '../fhir/error.js';
import type { Context, Interaction, Of, Outcome, Result, Target } from './interaction.js';

/** How entries enter the one door: perform.ts gives them in. */
export interface Door {
  /** Decides, and records a refusal. Gives the types that must not appear in the answer. */
  admit(context: Context, target: Target): Promise<readonly string[]>;
  /** Runs what was admitted; commits and records nothing. */
  run(context: Context, ask: Interaction, without: readonly string[]): Promise<Outcome>;
  /** All of it: decide, run, audit. */
  perform(context: Context, ask: Interaction): Promise<Result>;
}

export async function transaction(_context: Context, _ask: Of<'transaction'>, _door: Door): Promise<Outcome> {
  throw new FhirError('not-supported', 'Transactions are not offered.');
}
