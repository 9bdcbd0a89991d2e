/** What interactions run on: the engine, made once by main.ts, and the context of one request. Types alone. */
import type { RequestListener } from 'node:http';
import type { Consents } from '../access/consents.js';
import type { LabelRules } from '../access/label-rules.js';
import type { Decide } from '../access/decide.js';
import type { Glasses } from '../access/glasses.js';
import type { Permission } from '../access/permission.js';
import type { StoreView } from '../access/view.js';
import type { AuditSubtype } from '../audit/event.js';
import type { Ledger } from '../audit/ledger/index.js';
import type { MakeDeed } from '../audit/trail/deed.js';
import type { Trail } from '../audit/trail/index.js';
import type { Definitions } from '../fhir/definitions.js';
import type { DefinitionShelf } from '../fhir/definition-shelf.js';
import type { Guides } from '../fhir/guides.js';
import type { Parsed } from '../fhir/resource.js';
import type { FindDefinition } from '../fhir/structure-definition.js';
import type { ReadScopes } from '../access/scopes.js';
import type { TokenIssuer } from '../identity/issuer.js';
import type { AuthorizationServer } from '../identity/server/index.js';
import type { Identify, Principal } from '../identity/principal.js';
import type { Clock } from '../platform/clock.js';
import type { Config } from '../platform/config.js';
import type { Log } from '../platform/log.js';
import type { Metrics } from '../platform/metrics.js';
import type { PageTokenCipher } from '../platform/page-token-cipher.js';
import type { EvenTime } from '../platform/even-time.js';
import type { KeyedMutex } from '../platform/keyed-mutex.js';
import type { SearchParameters } from '../search/parameters.js';
import type { OpenStamp, OutboxMessage, Store } from '../store/store.js';
import type { JobRunner } from '../jobs/runner.js';
import type { Room } from '../platform/room.js';
import type { SharedTime } from '../platform/shared-time.js';
import type { Forms } from './response/forms.js';
import type { Release } from './response/release.js';
import type { Registry } from '../conformance/search-parameter-registry.js';
import type { Reindexer } from '../conformance/reindex-job.js';
import type { LiveTables } from '../live/live-tables.js';
import type { Memberships } from '../terminology/membership.js';
import type { Terminology } from '../terminology/terminology.js';
import type { Feed } from '../feed/feed.js';
import type { SyslogForwarder } from '../feed/syslog-forwarder.js';
import type { OutgoingClients } from '../outgoing/outgoing.js';
import type { Judge } from '../validation/judge.js';
import type { Validate } from '../validation/gate/validate.js';
import type { Affiliations } from './affiliations.js';
import type { Interaction, Of, Outcome, Parameters } from './interaction.js';
import type { AuditSubtypes } from './subtypes.js';
import type { Hooks } from './write/hooks.js';
import type { OperationOffer } from './operations/operation.js';

/** What everything runs on; made once by main.ts. */
export interface Engine {
  readonly definitions: Definitions;
  readonly parameters: SearchParameters;
  /** Read by what serves the whole server alone: interactions read `Context.view`. */
  readonly store: Store;
  readonly decide: Decide;
  /** What patients have said of who may see what. */
  readonly consents: Consents;
  /** Which labels resources get when they are written. */
  readonly labelRules: LabelRules;
  readonly affiliations: Affiliations;
  /** What every process must know. */
  readonly live: LiveTables;
  /** Custom search parameters in force, and the job that indexes by them what is there already. */
  readonly registry: Registry;
  readonly reindexer: Reindexer;
  /** Tells listeners of what is written. */
  readonly feed: Feed;
  /** Conformance resources that this server brings along, by `Type/id`: read like any other, and nothing else. */
  readonly builtIn: ReadonlyMap<string, Buffer>;
  readonly log: Log;
  readonly terminology: Terminology;
  /** Value sets and code systems as checks of resources ask them. */
  readonly memberships: Memberships;
  /** What one request may wait for another terminology server; undefined: there is none. */
  readonly remoteTime: SharedTime | undefined;
  /** Installed implementation guides, and definitions by their canonical: stored ones, then theirs, then R4's. */
  readonly guides: Guides;
  readonly findDefinition: FindDefinition;
  /** Published definitions of guides and of R4, for clients. */
  readonly shelf: DefinitionShelf;
  readonly validate: Validate;
  /** What is asked of resources beyond their structure. */
  readonly judge: Judge;
  readonly operations: Operations;
  readonly hooks: Hooks;
  /** Work that goes on behind the traffic: see jobs.ts. */
  readonly jobs: JobRunner;
  /** What features call what they do in the audit trail. */
  readonly subtypes: AuditSubtypes;
  /** What is taken out of bytes that are given out. */
  readonly releases: readonly Release[];
  /** CapabilityStatements of guides that are true of this server. */
  readonly instantiates: readonly string[];
  /** Addresses outside FHIR, of features. */
  readonly routes: readonly OwnedRoute[];
  readonly pageTokens: PageTokenCipher;
  /** One writer of a resource at a time in this process; other processes are told apart by the commit. */
  readonly mutex: KeyedMutex;
  /** By which what is hidden is answered as late as what is absent; undefined: the time of an answer may tell. */
  readonly evenTime: EvenTime | undefined;
  readonly identify: Identify;
  readonly readScopes: ReadScopes;
  /** Who has broken the glass. */
  readonly glasses: Glasses;
  /** Of the file of roles: all that there are. */
  readonly roles: readonly string[];
  /** Whose access tokens are believed. */
  readonly issuers: readonly TokenIssuer[];
  readonly record: MakeDeed;
  /** What is in the store itself, without the events that the audit trail keeps. */
  readonly kept: Pick<Store, 'scan' | 'sizes' | 'deeds' | 'find'>;
  /** What is wrong with what the store keeps of the audit trail. */
  readonly trailFaults: Trail['faults'];
  /** What makes the trail provable. */
  readonly ledger: Ledger;
  /** Resources in another form than they are stored. */
  readonly forms: Forms;
  /** Bytes of large answers that may be in memory together. */
  readonly room: Room;
  readonly settings: EngineSettings;
  /** Where a feature registers what it counts. */
  readonly metrics: Metrics;
  /** Hands the audit trail on; undefined: nobody wants it. */
  readonly forwarder: SyslogForwarder | undefined;
  /** Requests of features to other servers: to be closed when the server ends. */
  readonly outgoing: Pick<OutgoingClients, 'close'>;
  readonly clock: Clock;
  /** Where apps ask for tokens, below /auth; absent: elsewhere, or nowhere. */
  readonly authorization?: AuthorizationServer | undefined;
  /** What stands between the HTTP server and what answers its requests; asked once for each server. */
  readonly aroundRequests?: (answer: RequestListener) => RequestListener;
}

/** Settings that only main.ts reads: secrets, and what the engine is given in another form. */
export type PrivateSetting =
  | 'store'
  | 'secret'
  | 'auditKey'
  | 'auditAnchors'
  | 'mail'
  | 'mailFrom'
  | 'mailCa'
  | 'tokens'
  | 'roles'
  | 'labels'
  | 'issuers'
  | 'clients'
  | 'clientKeyHosts'
  | 'registration'
  | 'issuerRules'
  | 'tlsCert'
  | 'tlsKey'
  | 'fulltext'
  | 'handling'
  | 'linkMinutes'
  | 'auth'
  | 'corsOrigins'
  | 'syslog'
  | 'syslogCa'
  | 'syslogCert'
  | 'syslogKey'
  | 'consent'
  | 'validateBase'
  | 'validateClaims'
  | 'validateRules'
  | 'tx'
  | 'txTokenFile'
  | 'txTimeout'
  | 'txSystems'
  | 'unknownExtensions'
  | 'bestPractice'
  | 'htmlInStrings'
  | 'exampleUrls'
  | 'guides'
  | 'registry'
  | 'ofFeatures';

/** Every other setting as it is (what each means is said in SETTINGS, platform/config.ts), and what follows from them. */
export interface EngineSettings extends Omit<Config, PrivateSetting> {
  /** FHIR base without a trailing slash: `http://localhost:8080/fhir`. */
  readonly base: string;
  /** Every address under which this server is reached, `base` first. */
  readonly served: readonly string[];
  /** These, and those that it had before: references below them are our own. */
  readonly bases: readonly string[];
  /** ms for which a paging link works. */
  readonly linkLifetime: number;
  /** `_text` and `_content` are offered, and every write keeps the words of its resource. */
  readonly fullText: boolean;
  readonly software: { readonly name: string; readonly version: string; readonly started: number };
  readonly authentication: Config['auth'];
  /** What is not known is passed over where the client does not say how to handle it. */
  readonly lenient: boolean;
  /** Origins that may call from a browser. */
  readonly corsOrigins: readonly string[];
}

/** Who asks, and how the request is named in audit and log. */
export interface Caller {
  /** What the answer may have. */
  readonly allowance?: Allowance | undefined;
  readonly engine: Engine;
  readonly principal: Principal;
  readonly requestId: string;
  /** What the client calls the request. */
  readonly correlationId?: string | undefined;
  /** The feature that acts for the principal, where it is not they themselves who ask. */
  readonly agent?: string | undefined;
  /** Network address of the client. */
  readonly address: string;
  /** Method and URL as asked, for the audit event of a query. */
  readonly request: string;
  /** What the client says of where it has from what it writes, without target. https://hl7.org/fhir/R4/provenance.html#header */
  readonly provenance?: Parsed | undefined;
  /**
   * A message that is committed with what the interaction writes, so that whoever asked can know afterwards, and after a kill,
   * whether it was. `at`: of this entry of a batch.
   */
  readonly note?: ((at?: number) => OutboxMessage) | undefined;
  /** Permissions whose conditions lead to other resources, with these looked up: once a request (reach.ts). */
  readonly settled?: Map<Permission, Promise<Permission>> | undefined;
  /** Messages that what the interaction writes deals with, in the same commit: it is refused (`conflict`) where one is gone. */
  readonly settles?: readonly number[] | undefined;
}

/** What an interaction runs in, once it is decided: everything that it reads of resources it reads through the view. */
export interface Context extends Caller {
  /** What the principal may do: what is written must be within it (write/permitted.ts). */
  readonly permission: Permission;
  readonly view: StoreView;
  /** What it writes is stamped by this alone, so that the horizon does not pass it before it is committed. */
  readonly stamp: OpenStamp;
  /** What it is a part of, as a profile calls it: of an entry of a Bundle, and of what goes with a write. */
  readonly partOf?: AuditSubtype | undefined;
  /** In a transaction: what another entry does with a resource, its references rewritten. */
  readonly beside?: (type: string, id: string) => Interaction | undefined;
}

/** What one answer may have: see response/allowance.ts. */
export interface Allowance {
  /** Bytes that the answer may still have. */
  readonly left: number;
  /** Bytes that the matches of one page may have, as far as that is less. */
  readonly page: number;
  /** Others have their answers in the same Bundle: one that is larger than what is left is refused. */
  readonly shared: boolean;
  spend(bytes: number): void;
  /** Waits until so many bytes may be in memory. Throws `throttled`. */
  admit(bytes: number): Promise<void>;
}

/** How an operation is done; where it is offered, and what it takes, says its OperationDefinition; who may run it, the file of roles. */
export interface OperationImplementation {
  /** Also of one version of a resource, which an OperationDefinition cannot say. */
  readonly ofVersions?: true;
  /** It takes a file of one of these media types as its body, instead of parameters. */
  readonly uploads?: readonly string[];
  /** The operation that a DELETE of its address asks for. */
  readonly deletedBy?: string;
  /** It may be long: the job that does it for a client that would rather come back (`Prefer: respond-async`). */
  job?(context: Context, ask: Of<'operation'>): Promise<JobAsked>;
  /** Media types in which it answers beside FHIR's, where the client prefers them: `ask.form` says which, the answer is a file. */
  readonly alsoAs?: readonly string[];
  /** The answer is a resource of this type, of which `_summary` and `_elements` show a part. */
  readonly shows?: string;
  /** Resources in the body may lack elements that R4 demands, and have others: they are asked about, not stored. */
  readonly lenientBody?: true;
  /** It needs no letter of its type: all that it writes is on the server's own account. */
  readonly needsNothing?: true;
  /** What is wrong with the body is the answer: nothing is known of it when it comes here. */
  readonly judgesBody?: true;
  /** `ask.body` is a valid resource, unless the operation judges it itself. */
  run(context: Context, ask: Of<'operation'>): Promise<Outcome>;
}

/** A kind of job, and what it is to be done with. */
export interface JobAsked {
  readonly kind: string;
  readonly input: unknown;
}

export interface Operation extends OperationOffer, OperationImplementation {}

/** By code, without the dollar sign. */
export type Operations = ReadonlyMap<string, Operation>;

export type OutsideMethod = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** An address outside FHIR: who may ask, how much, and what the audit trail has of it. */
export interface OutsideRoute {
  /**
   * Below the root of the server and not below /fhir, as in `/welcome/calls`; capital and small letters are the same. A segment in
   * braces, as in `/welcome/{id}`, is a parameter. The audit trail has the address, so that no secret may stand in it.
   */
  readonly path: `/${string}`;
  /** GET answers HEAD, too, unless it uses something up (`usesUp`). */
  readonly methods: readonly OutsideMethod[];
  /** Whose role has this screen; whoever is known, for what decides by itself; whoever asks from this machine; anybody. */
  readonly who: { readonly screen: string } | 'known' | 'this-machine' | 'anybody';
  /**
   * `as-performed`: what it performs is recorded, as always. `each-call`: each call is, too, as an operation, before it is answered.
   * That somebody is not known, or may not, is recorded either way.
   */
  readonly recorded: 'as-performed' | 'each-call';
  /** Bytes that `body` gives at most; default: it refuses any. */
  readonly maxBody?: number;
  /** ms for an answer, default 5,000. */
  readonly patience?: number;
  /** Of every answer that is no error, beside those that the whole server gives. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Which calls stand in log and metrics; default all. */
  readonly logged?: 'failures' | 'never';
  /** It is answered whatever host the request names: it tells nothing. */
  readonly anyHost?: true;
  /** Pages of any origin may ask and read the answer, as its secret stands in the address: https://fetch.spec.whatwg.org/#http-cors-protocol */
  readonly anyOrigin?: true;
  /** What GET gives is given a number of times: HEAD, which gives nothing, is refused. */
  readonly usesUp?: true;
  /** Throws FhirError for what it refuses. */
  answer(call: OutsideCall): OutsideAnswer | Promise<OutsideAnswer>;
}

/** The values of the parameters of an address, by name. */
export type AddressParameters = Readonly<Record<string, string>>;

export interface OutsideCall {
  readonly method: OutsideMethod;
  /** What stands in the place of each parameter of the path, decoded: 256 characters at most, none of them a control character. */
  readonly path: AddressParameters;
  /** Of the query, decoded. Throws `invalid`. */
  readonly parameters: () => Parameters;
  readonly header: (name: string) => string | undefined;
  readonly body: () => Promise<Buffer>;
  /** Whoever asked, and the feature that acts for them: for `perform`. */
  readonly caller: Caller;
}

export interface OutsideAnswer {
  /** Default 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** Instead of a body: `size` bytes, sent as they come. */
  readonly stream?: { readonly bytes: AsyncIterable<Buffer>; readonly size: number };
}

export interface OwnedRoute {
  readonly owner: string;
  readonly route: OutsideRoute;
}
