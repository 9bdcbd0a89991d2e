/**
 * What a document is made of: a Composition, everything that it refers to, and what that refers to, each once.
 * https://hl7.org/fhir/R4/documents.html#content, https://hl7.org/fhir/R4/operation-composition-document.html
 *
 * What the Composition names as subject, encounter, author, attester, custodian, detail of an event, author, focus and entry of a section
 * must be in the document: where it is not here there is no document. What these refer to may be in it: where it is not here that is a
 * warning. What the caller may not see is not here; nothing tells it from what was never there.
 */
import { FhirError, type Issue, issueOfKind } from '../../../fhir/error.js';
import { parseJson, STORED_JSON } from '../../../fhir/json/json.js';
import { literalReferences } from '../../../fhir/literal-references.js';
import { parseReference } from '../../../fhir/reference.js';
import type { Context } from '../../../interactions/engine.js';
import { allowanceOf, FREE, readWithText, sizeOfRow } from '../../../interactions/response/allowance.js';
import { breathe } from '../../../platform/pieces.js';

export type StoredVersion = NonNullable<Awaited<ReturnType<Context['view']['read']>>>;

/** Resources of a document, and bytes of all of them. */
const MOST_IN_DOCUMENT = 2000;
const MOST_BYTES = 16 * 1024 * 1024;
/** Resources that are read at the same time. */
const TOGETHER = 32;
/** Faults, and warnings, that are told. */
const MOST_TOLD = 50;

const SECTION = String.raw`section\[\d+\](?:\.section\[\d+\])*\.(?:author\[\d+\]|focus|entry\[\d+\])`;
const IN_DOCUMENT = new RegExp(
  String.raw`^Composition\.(?:subject|encounter|author\[\d+\]|attester\[\d+\]\.party|custodian|event\[\d+\]\.detail\[\d+\]|${SECTION})$`,
);

export interface Gathered {
  /** The Composition first, then in the order in which they are referred to. */
  readonly rows: readonly StoredVersion[];
  readonly warnings: readonly Issue[];
}

/** One reference to something of this server. */
interface WantedTarget {
  readonly type: string;
  readonly id: string;
  readonly version: number | undefined;
  readonly expression: string;
  readonly required: boolean;
}

/** Throws `unprocessable` with what is missing, `too-costly` for what is too large. */
export async function gatherDocument(context: Context, composition: StoredVersion): Promise<Gathered> {
  const walk = new Gathering(context);
  await walk.take(composition);
  for (let wanted = walk.next(); wanted.length > 0; wanted = walk.next()) {
    const read = await Promise.all(wanted.map(one => readTarget(context, one)));
    for (const [i, row] of read.entries())
      if (row) await walk.take(row);
      else walk.miss(wanted[i]!);
  }
  const { rows, faults, warnings } = walk;
  if (faults.length > 0) throw new FhirError('unprocessable', 'The document is not complete.', { issues: faults });
  return { rows, warnings };
}

async function readTarget(context: Context, { type, id, version }: WantedTarget): Promise<StoredVersion | undefined> {
  if (!context.engine.definitions.resourceTypes.includes(type)) return undefined;
  const row = await readWithText(context, type, id, version);
  return row?.text ? row : undefined;
}

class Gathering {
  readonly rows: StoredVersion[] = [];
  readonly faults: Issue[] = [];
  readonly warnings: Issue[] = [];
  readonly #context: Context;
  readonly #wanted: WantedTarget[] = [];
  /** `Type/id`, with the version where one is named, of what was asked for. */
  readonly #asked = new Set<string>();
  /** `Type/id/version` of what is in it. */
  readonly #taken = new Set<string>();
  #bytes = 0;

  constructor(context: Context) {
    this.#context = context;
  }

  /** What is to be read next. */
  next(): readonly WantedTarget[] {
    return this.#wanted.splice(0, TOGETHER);
  }

  async take(row: StoredVersion): Promise<void> {
    const { type, id, version, text } = row;
    const name = `${type}/${id}/${version}`;
    if (this.#taken.has(name)) return;
    this.#taken.add(name);
    if (this.rows.length === 0) this.#asked.add(`${type}/${id}`);
    this.rows.push(row);
    const before = this.#bytes;
    this.#bytes += sizeOfRow(row);
    if (this.rows.length > MOST_IN_DOCUMENT || this.#bytes > MOST_BYTES)
      throw new FhirError(
        'too-costly',
        `A document has ${MOST_IN_DOCUMENT} resources and ${MOST_BYTES >> 20} MB at most: refer to less.`,
        { detail: 'document-too-large' },
      );
    if (before <= FREE && this.#bytes > FREE) await allowanceOf(this.#context).admit(3 * MOST_BYTES);
    await breathe();
    this.#follow(text!);
  }

  miss({ expression, required }: WantedTarget): void {
    if (required) this.#refuse(expression, 'reference-not-found', 'What is referred to here is not on this server.');
    else if (this.warnings.length < MOST_TOLD)
      this.warnings.push({
        severity: 'warning',
        code: 'incomplete',
        detail: 'reference-not-found',
        expression,
        text: 'What is referred to here is not on this server, and not in the document.',
      });
  }

  #follow(text: Buffer): void {
    const { definitions, settings } = this.#context.engine;
    const isComposition = this.rows.length === 1;
    for (const { text: reference, expression } of literalReferences(
      parseJson(text, STORED_JSON).resource,
      definitions,
    )) {
      const required = isComposition && IN_DOCUMENT.test(expression);
      const target = parseReference(reference, settings.bases);
      if (target?.kind === 'contained' || reference.startsWith('#')) continue;
      if (target?.kind === 'local') this.#want(target, expression, required);
      else if (required)
        this.#refuse(expression, 'reference-elsewhere', 'What is referred to here is on no server that this one asks.');
    }
  }

  #want(
    { type, id, version }: { readonly type: string; readonly id: string; readonly version?: string },
    expression: string,
    required: boolean,
  ): void {
    const named = version === undefined ? `${type}/${id}` : `${type}/${id}/${version}`;
    const isNew = !this.#asked.has(named);
    this.#asked.add(named);
    const number = version === undefined ? undefined : Number(version);
    if (number !== undefined && !(Number.isSafeInteger(number) && number > 0)) {
      this.miss({ type, id, version: undefined, expression, required });
      return;
    }
    if (isNew) this.#wanted.push({ type, id, version: number, expression, required });
  }

  #refuse(expression: string, detail: string, text: string): void {
    if (this.faults.length < MOST_TOLD)
      this.faults.push(
        issueOfKind('unprocessable', {
          detail,
          expression,
          text: `${text} A document has it: store it, or take the reference out.`,
        }),
      );
  }
}
