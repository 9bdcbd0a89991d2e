/**
 * What a DocumentReference says of its bytes, held against the bytes themselves before it is stored: size, hash and type, of what stands
 * inline and of a Binary that its url names. What is not said is filled in; what contradicts refuses the write (422), with both values.
 * https://hl7.org/fhir/R4/datatypes.html#Attachment, https://profiles.ihe.net/ITI/MHD/4.2.3/ITI-65.html (MHD-11), US Core 9 (USC-3)
 *
 * Inline bytes get a Binary of their own in the same commit, so that every document has a url, absolute and of this server. An
 * attachment that an update leaves as it was is not looked at again. `size` 0 beside no bytes is a document that is put together later.
 */
import { Readable } from 'node:stream';
import { hashWritten } from '../../fhir/attachment-hash.js';
import { FhirError, type Issue, issueOfKind } from '../../fhir/error.js';
import { isSurelyLifted } from '../../fhir/json/base64.js';
import { isObject, itemsOf, type JsonObject, type Parsed, type Resource } from '../../fhir/resource.js';
import type { Companion, RawBody } from '../../interactions/interaction.js';
import type { HookedWrite } from '../../interactions/write/hooks.js';
import { bytesMadeAt } from '../../interactions/write/made-bytes.js';
import { attachmentPlace, isCurrent, resourceExists } from './attachment-url.js';
import type { Bytes, ByteReader } from './bytes.js';
import type { MadeBytes } from './docref/document-parts.js';
import type { Fetch } from './fetch.js';
import { contradicts, hidesType } from './read/media-kinds.js';

export interface AttachmentGround {
  /** The server's own address. */
  readonly base: string;
  readonly bases: readonly string[];
  readonly reader: ByteReader;
  readonly newId: () => string;
  /** ms */
  readonly now: () => number;
  readonly fetch: Fetch;
  readonly made: MadeBytes;
}

/** What becomes of the attachments of one write. */
export interface Attached {
  readonly changed: boolean;
  readonly companions: readonly Companion[];
  readonly warnings: readonly Issue[];
  readonly received: readonly ReceivedBytes[];
}

/** Bytes that the document did not have before. */
export interface ReceivedBytes {
  /** Which of its contents. */
  readonly at: number;
  readonly bytes: Bytes;
  /** As base64. Where neither is there, they are those of the Binary that the url names. */
  readonly data?: string;
  /** As they were made here. */
  readonly parts?: readonly Buffer[];
}

/**
 * Completes the attachments in place. `keepsData`: what came inline stays in the document, too. Throws `unprocessable` with every fault of all of them.
 */
export async function attach(
  ground: AttachmentGround,
  write: HookedWrite,
  document: Resource,
  keepsData: boolean,
): Promise<Attached> {
  const attachments = attachmentsOf(document);
  if (attachments.length > MOST_CONTENTS)
    throw new FhirError('unprocessable', `A document has ${MOST_CONTENTS} contents at most: send several.`, {
      expression: 'DocumentReference.content',
      detail: 'too-many-contents',
    });
  const walk = new AttachmentWalk(ground, write, attachmentsOf(earlier(write)), keepsData);
  for (const [at, attachment] of attachments.entries()) await walk.take(attachment, at);
  const { issues, changed, companions, warnings, received } = walk;
  if (issues.length > 0) throw new FhirError('unprocessable', 'The document is not what is said of it.', { issues });
  return { changed, companions, warnings, received };
}

export const attachmentsOf = (document: Resource | undefined): readonly JsonObject[] =>
  itemsOf(document?.['content']).map(content =>
    isObject(content) && isObject(content['attachment']) ? content['attachment'] : {},
  );

/** What is replaced, without its inline bytes. */
export function earlier({ before }: Pick<HookedWrite, 'before'>): Resource | undefined {
  return before?.text ? (JSON.parse(before.text.toString()) as Resource) : undefined;
}

/** Each may have a Binary of its own, and is looked at. */
const MOST_CONTENTS = 200;

const SAID = ['contentType', 'url', 'size', 'hash'] as const;

/** What an address of ours leads to; of what is no Binary there are no bytes to look at. */
interface HeldContent {
  readonly url: string;
  readonly bytes?: Bytes;
}

type TakenBytes = Omit<ReceivedBytes, 'at'>;

class AttachmentWalk {
  readonly issues: Issue[] = [];
  readonly companions: Companion[] = [];
  readonly warnings: Issue[] = [];
  readonly received: ReceivedBytes[] = [];
  changed = false;
  readonly #ground: AttachmentGround;
  readonly #write: HookedWrite;
  readonly #earlier: readonly JsonObject[];
  readonly #keepsData: boolean;
  /** Bytes of Binaries by id: a document may name one many times. */
  readonly #held = new Map<string, Promise<Bytes | undefined>>();

  /** `before`: attachments of what is replaced. */
  constructor(ground: AttachmentGround, write: HookedWrite, before: readonly JsonObject[], keepsData: boolean) {
    this.#ground = ground;
    this.#keepsData = keepsData;
    this.#write = write;
    this.#earlier = before;
  }

  async take(attachment: JsonObject, at: number): Promise<void> {
    const expression = `DocumentReference.content[${at}].attachment`;
    const { data, url } = attachment;
    if (data === undefined && this.#earlier.some(one => SAID.every(key => one[key] === attachment[key]))) return;
    const isInline = typeof data === 'string' && data !== '';
    const found = isInline
      ? await this.#inline(attachment, data, expression, this.#keepsData)
      : typeof url === 'string' && (await this.#linked(attachment, url, expression));
    if (found && !this.#earlier.some(({ hash }) => hash === found.bytes.hash)) this.received.push({ at, ...found });
  }

  /** `stays`: in the document, with which the bytes are stored. */
  async #inline(
    attachment: JsonObject,
    data: string,
    expression: string,
    stays: boolean,
  ): Promise<TakenBytes | undefined> {
    const { url: given } = attachment;
    const bytes = await this.#ground.reader.ofBase64(data);
    const taken = { bytes, data };
    const kept = this.#earlier.find(one => one['hash'] === bytes.hash && (given ?? one['url']) === one['url']);
    if (kept && typeof kept['url'] === 'string') {
      if (this.#compare(attachment, bytes, expression)) this.#set(attachment, 'url', kept['url']);
      return taken;
    }
    // The bytes are here: an address of ours that leads nowhere any more is given anew.
    const url = typeof given === 'string' && (await this.#isGone(given)) ? undefined : given;
    if (typeof url === 'string') {
      const held = await this.#heldAt(url, expression);
      if (!held) return undefined;
      if (held.bytes?.hash !== bytes.hash) {
        const text = 'data and url must be the same bytes: leave one of them out.';
        this.#refuse('data-url-mismatch', `${expression}.url`, text);
        return undefined;
      }
      this.#set(attachment, 'url', held.url);
    }
    if (!this.#compare(attachment, bytes, expression) || typeof url === 'string') return taken;
    this.#keep(attachment, resource =>
      stays && isSurelyLifted(data)
        ? storedBeside(resource, bytes)
        : { resource: { ...resource, data }, decimals: undefined },
    );
    return taken;
  }

  /** Bytes of this server, which are stored as they are. */
  async #made(attachment: JsonObject, parts: readonly Buffer[], expression: string): Promise<TakenBytes> {
    const bytes = await this.#ground.reader.ofParts(parts);
    this.#compare(attachment, bytes, expression);
    this.#keep(attachment, (resource, contentType) => storedFirst(resource, contentType, parts));
    return { bytes, parts };
  }

  /** Gives bytes a Binary of their own. */
  #keep(attachment: JsonObject, bodyOf: (binary: Resource, contentType: string) => Parsed | RawBody): void {
    const id = this.#ground.newId();
    const { type: of, id: by } = this.#write;
    const { contentType: said } = attachment;
    const contentType = typeof said === 'string' ? said : 'application/octet-stream';
    const securityContext = { reference: `${of}/${by}` };
    const body = bodyOf({ resourceType: 'Binary', contentType, securityContext }, contentType);
    this.companions.push({ kind: 'create', own: true, type: 'Binary', id, body });
    this.#set(attachment, 'url', this.#addressOf(id));
  }

  async #linked(attachment: JsonObject, url: string, expression: string): Promise<TakenBytes | undefined> {
    const made = this.#ground.made.get(url) ?? bytesMadeAt(this.#write, url);
    if (made) return this.#made(attachment, made, expression);
    const place = attachmentPlace(url, this.#ground.bases);
    const fetched = place.kind === 'foreign' ? await this.#ground.fetch(this.#write, url) : undefined;
    if (fetched) {
      delete attachment['url'];
      this.#set(attachment, 'data', fetched.data);
      if (attachment['contentType'] === undefined) this.#set(attachment, 'contentType', fetched.contentType);
      const taken = await this.#inline(attachment, fetched.data, expression, false);
      delete attachment['data'];
      return taken;
    }
    const held = await this.#heldAt(url, expression);
    if (!held) return undefined;
    this.#set(attachment, 'url', held.url);
    if (held.bytes) this.#compare(attachment, held.bytes, expression);
    else this.issues.push(...sizedResource(attachment, expression));
    return held.bytes && { bytes: held.bytes };
  }

  /** The bytes behind an address of ours, as far as it has some. Undefined: it was refused, or there is nothing to look at. */
  async #heldAt(url: string, expression: string): Promise<HeldContent | undefined> {
    const place = attachmentPlace(url, this.#ground.bases);
    const at = `${expression}.url`;
    if (place.kind === 'contained') return undefined;
    if (place.kind !== 'own') {
      this.#refuse(
        'foreign-url',
        at,
        'A document is given out from this server alone: send its bytes as data, or as a Binary.',
      );
      return undefined;
    }
    const { type, id, version } = place;
    if (version !== undefined && !this.#write.beside(type, id) && !(await isCurrent(this.#write, type, id, version))) {
      this.#refuse('versioned-url', at, 'A document names its Binary as it is now: leave the version out.');
      return undefined;
    }
    if (type === 'Binary') {
      const held = await this.#bytesOf(id);
      if (held) return { bytes: held, url: this.#addressOf(id) };
    } else if (this.#write.beside(type, id) || (await resourceExists(this.#write, type, id)))
      return { url: `${this.#ground.base}/${type}/${id}` };
    this.#refuse(
      'url-not-found',
      at,
      'There is nothing under this address: store the Binary first, or in the same transaction.',
    );
    return undefined;
  }

  async #isGone(url: string): Promise<boolean> {
    const place = attachmentPlace(url, this.#ground.bases);
    return place.kind === 'own' && place.type === 'Binary' && (await this.#bytesOf(place.id)) === undefined;
  }

  #bytesOf(id: string): Promise<Bytes | undefined> {
    let bytes = this.#held.get(id);
    if (!bytes) this.#held.set(id, (bytes = this.#ground.reader.ofBinary(this.#write, id)));
    return bytes;
  }

  /** Whether bytes and what is said of them agree; fills in what is not said. */
  #compare(attachment: JsonObject, bytes: Bytes, expression: string): boolean {
    if (attachment['size'] === 0 && bytes.size !== 0 && attachment['data'] === undefined) return true;
    const { issues, warnings } = compareBytes(attachment, bytes, expression);
    this.issues.push(...issues);
    this.warnings.push(...warnings);
    if (issues.length > 0) return false;
    this.#set(attachment, 'size', bytes.size);
    this.#set(attachment, 'hash', bytes.hash);
    if (attachment['contentType'] === undefined)
      this.#set(attachment, 'contentType', bytes.declared ?? bytes.found ?? 'application/octet-stream');
    return true;
  }

  #set(attachment: JsonObject, key: string, value: string | number): void {
    if (attachment[key] === value) return;
    attachment[key] = value;
    this.changed = true;
  }

  #addressOf(id: string): string {
    return `${this.#ground.base}/Binary/${id}`;
  }

  #refuse(detail: string, expression: string, text: string): void {
    this.issues.push(issueOfKind('unprocessable', { detail, expression, text }));
  }
}

/** A Binary of bytes that the document of the same commit brings. */
const storedBeside = (resource: Resource, { sha256, size }: Bytes): Parsed => ({
  resource,
  decimals: undefined,
  stored: { hash: sha256, size },
});

/** A Binary whose bytes go into the store in parts, before it is prepared. */
const storedFirst = (resource: Resource, contentType: string, parts: readonly Buffer[]): RawBody => ({
  contentType,
  save: () => Promise.reject(new FhirError('fault', 'A resource is no upload.')),
  readResource: async (blobs, most) => ({
    resource,
    decimals: undefined,
    stored: await blobs.put(Readable.from(parts), most),
  }),
});

/** What is said of bytes against what they are. */
export function compareBytes(
  { size, hash, contentType }: JsonObject,
  bytes: Bytes,
  expression: string,
): { readonly issues: readonly Issue[]; readonly warnings: readonly Issue[] } {
  const issues: Issue[] = [];
  const warnings: Issue[] = [];
  const refuse = (name: string, detail: string, text: string): void =>
    void issues.push(issueOfKind('unprocessable', { detail, expression: `${expression}.${name}`, text }));
  if (typeof size === 'number' && size !== bytes.size)
    refuse('size', 'size-mismatch', `size says ${size} bytes; there are ${bytes.size}.`);
  if (typeof hash === 'string' && hashWritten(hash) !== bytes.hash)
    refuse(
      'hash',
      'hash-mismatch',
      `hash says ${beginningOf(hash)}; the SHA-1 of the bytes is ${bytes.hash}, as base64.`,
    );
  const { found } = bytes;
  if (typeof contentType === 'string' && contradicts(contentType, found))
    refuse('contentType', 'content-type-mismatch', `The bytes are ${found}, which is not what contentType says.`);
  else if (typeof contentType === 'string' && hidesType(contentType, found))
    warnings.push({
      severity: 'warning',
      code: 'informational',
      detail: 'content-type-hidden',
      expression: `${expression}.contentType`,
      text: `The bytes are ${found}: with that contentType readers can show them.`,
    });
  return { issues, warnings };
}

/** What is said of the bytes of an attachment that leads to a resource, as a document Bundle: it has as many forms as there are formats. */
export const sizedResource = (attachment: JsonObject, expression: string): readonly Issue[] =>
  (['size', 'hash'] as const).flatMap(name =>
    attachment[name] === undefined || attachment[name] === 0
      ? []
      : issueOfKind('unprocessable', {
          detail: `${name}-of-resource`,
          expression: `${expression}.${name}`,
          text: `A FHIR document has no bytes of its own, which could be held against it: leave ${name} out.`,
        }),
  );

/** What a client says may be long. */
const beginningOf = (hash: string): string => (hash.length > 60 ? `${hash.slice(0, 60)}…` : hash);
