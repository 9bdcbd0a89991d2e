/** Entries of a Bundle on their way: what a batch and a transaction have in common. https://hl7.org/fhir/R4/http.html#trules */
import type { Allowed } from '../../access/decide.js';
import type { Definitions } from '../../fhir/definitions.js';
import type { FhirError } from '../../fhir/error.js';
import type { Resource } from '../../fhir/resource.js';
import type { Caller, Context } from '../engine.js';
import type { Entry, Interaction, Outcome, Result, Target } from '../interaction.js';
import { INTERACTIONS, LAST_ENTRIES } from '../kinds.js';
import type { LocatedTarget } from '../write/conditional.js';
import { isRaw } from '../write/prepare.js';
import { type Names, type Site, sitesOf, sitesOfPatch } from './references.js';

/** How entries pass the one door: perform.ts hands it in. */
export interface EntryRunner {
  /** Decides, and records a refusal. Gives what the entry sees. */
  admit(caller: Caller, target: Target): Promise<Allowed>;
  /** Runs what was admitted; commits and records nothing. `located`: what its criteria match. */
  run(context: Context, ask: Interaction, located?: LocatedTarget): Promise<Outcome>;
  /** All of it: decide, run, audit. */
  perform(caller: Caller, ask: Interaction): Promise<Result>;
  /** Records an entry that could not be understood, and throws its error. */
  refuse(caller: Caller, target: Target, error: FhirError): Promise<never>;
}

/** An entry that was admitted. */
export interface EntryTask {
  readonly at: number;
  readonly entry: Entry;
  /** With the view of this entry. */
  context: Context;
  ask: Interaction;
  /** What its criteria match. */
  located?: LocatedTarget;
  /** Position of the earlier entry that makes what this one's criteria match: nothing more is written. */
  madeBy?: number;
  /** Of a patch that had to run before its turn. */
  outcome?: Outcome;
}

/** Where an interaction stands in R4's order; what only reads comes last. */
export function rankOf(ask: Interaction): number {
  return ask.kind === 'operation' && ask.safe ? LAST_ENTRIES : INTERACTIONS[ask.kind].order;
}

export const isWrite = (ask: Interaction): boolean => rankOf(ask) < LAST_ENTRIES;

/** What an entry brings along. */
export function resourceIn(ask: Interaction): Resource | undefined {
  switch (ask.kind) {
    case 'create':
    case 'update':
      return isRaw(ask.body) ? undefined : ask.body.resource;
    case 'patch':
      return ask.patch.form === 'fhirpath' ? ask.patch.parameters.resource : undefined;
    case 'operation':
      return ask.body?.resource;
    case 'capabilities':
    case 'read':
    case 'vread':
    case 'history':
    case 'search':
    case 'delete':
    case 'batch':
    case 'transaction':
      return undefined;
  }
}

/** Where that refers to something. */
export function sitesIn(
  ask: Interaction,
  definitions: Definitions,
  names: Names,
  root: string | undefined,
): readonly Site[] {
  if (ask.kind === 'patch' && ask.patch.form === 'json') return sitesOfPatch(ask.patch.operations, definitions);
  const resource = resourceIn(ask);
  return resource ? sitesOf(resource, definitions, names, root) : [];
}
