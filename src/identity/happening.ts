/** What happens to users, sessions, tokens, applications and files, and is told to the audit trail: nothing of it is an interaction. */

export type Happening =
  /** `user`: by name, where there is one; somebody else may have typed a secret in its place. */
  | { readonly what: 'signed-in' | 'sign-in-failed' | 'locked-out' | 'signed-out'; readonly user?: string | undefined }
  | TokenHappening
  | { readonly what: 'user-changed' | 'application-changed'; readonly name: string; readonly change: AccountChange }
  | TrailHappening
  | DataMoved;

/** What happened to the audit trail as a whole. */
export type TrailHappening = TrailExport | TrailRestored | TrailRemoved;

/** The audit trail was written to a file. */
export interface TrailExport {
  readonly what: 'trail-exported';
  /** Of the file, in hex. */
  readonly sha256: string;
  /** ISO times; absent: from the beginning, to the end. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly events: number;
}

/** An older copy of the store was put in its place, and somebody accepted that. */
export interface TrailRestored {
  readonly what: 'trail-restored';
  /** Streams of the ledger that lack something, and how many of their deeds are known to be lost. */
  readonly streams: number;
  readonly deeds: number;
}

/** What the audit trail said before a time was removed. */
export interface TrailRemoved {
  readonly what: 'trail-removed';
  /** ISO time. */
  readonly before: string;
  readonly events: number;
  readonly deeds: number;
}

/** Data of the record left the house as a whole, or came into it: a backup, a file that was loaded. What it is of patients the trail says elsewhere. */
export interface DataMoved {
  readonly what: 'data-exported' | 'data-imported';
  /** Code of the operation, or of what stands for it on the command line. */
  readonly by: string;
  /** What becomes of a record by it: a code of http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle. */
  readonly lifecycle: 'archive' | 'extract' | 'receive' | 'transmit';
  /** Another system that has it now, as the configuration of the server calls it. */
  readonly receiver?: string | undefined;
  /** What the server calls the file; never a name that somebody else has given. */
  readonly file?: string | undefined;
  /** ISO time at which it was done, where it is told later. */
  readonly done?: string;
  /** Of the file, in hex. */
  readonly sha256: string;
  /** Of what there is how much. */
  readonly counts: Readonly<Record<string, number>>;
}

export interface TokenHappening {
  readonly what: 'token-issued' | 'token-refused' | 'token-revoked';
  readonly client?: string | undefined;
  readonly user?: string | undefined;
  /** Method, address and those parameters that are no secrets. */
  readonly request: string;
  /** Code of the refusal. */
  readonly why?: string;
}

export type AccountChange = 'added' | 'registered' | 'disabled' | 'enabled' | 'password' | 'role' | 'second-factor';

/** Resolves when it is durable. `address`: network address of who did it, or `local`. */
export type TellHappening = (happening: Happening, address: string) => Promise<void>;
