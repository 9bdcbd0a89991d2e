/** What a command is, and what it gets: its settings, words and flags, and how to open the engine. */
import type { ListedGuide } from '../fhir/guide-list.js';
import type { Applications } from '../identity/server/applications.js';
import type { Revocations } from '../identity/server/revocations.js';
import type { Users } from '../identity/users/users.js';
import type { Engine } from '../interactions/engine.js';
import type { Config } from '../platform/config.js';
import type { ProgressOptions } from './progress.js';
import type { Judge } from '../validation/judge.js';
import type { Validate } from '../validation/gate/validate.js';
import type { Definitions } from '../fhir/definitions.js';
import type { FindDefinition } from '../fhir/structure-definition.js';

export interface Command {
  readonly about: string;
  /** What stands behind the command beside flags, as help shows it; empty: nothing may. */
  readonly words: string;
  /** Flags beside the settings. `value`: what it takes, as help shows it; absent: it is on or off. */
  readonly options?: Readonly<Record<string, { readonly value?: string; readonly about: string }>>;
  /** It is about a store that is there: a folder without one is a slip, and nothing is made in it. */
  readonly existing?: true;
  readonly run: (invocation: Invocation) => Promise<number>;
}

/** What checks resources without a store. */
export interface Validator {
  readonly definitions: Definitions;
  readonly findDefinition: FindDefinition;
  readonly validate: Validate;
  readonly judge: Judge;
}

/** Who may sign in, and which applications may ask for tokens. */
export interface OpenUsers {
  readonly users: Users;
  readonly revocations: Revocations;
  readonly applications: Applications;
  /** Ends what a user has granted, and their sessions. */
  readonly endAllOf: (name: string) => Promise<void>;
  /** All that there are. */
  readonly roles: readonly string[];
}

export interface Invocation {
  readonly config: Config;
  readonly words: readonly string[];
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  /** `examines`: also where the store is an older copy, which stays to be accepted. */
  readonly open: (examines?: { readonly examines: true }) => Promise<Engine>;
  /** With the guides of this folder. */
  readonly openValidator: (guides: string) => Promise<Validator>;
  /** Copies the embedded store to a new file, whoever has it open. */
  readonly backUp: (to: string) => Promise<void>;
  /** The users of the store that is open, and all roles that they may have. */
  readonly openUsers: (engine: Engine) => OpenUsers;
  /** Notes in the store that every process must have these guides from now on. */
  readonly acceptGuides: (guides: readonly ListedGuide[]) => Promise<void>;
  /** How progress is told, where it is not as usual. */
  readonly progress?: Partial<ProgressOptions>;
}
