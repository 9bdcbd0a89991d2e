/**
 * Collects the words of a resource: those of texts that are written for people, found by the types of their elements.
 * https://hl7.org/fhir/R4/search.html#text
 *
 * `text` is the narrative: the resource's own and those of its sections. `content` is the narrative and every string and
 * markdown besides: names, addresses, displays, titles, units, notes; of extensions and of contained or enclosed
 * resources, too. Ids, codes, URLs, dates, numbers and base64 are not of these types; a few strings that only programs
 * read are named below, and identifiers, too, for which there are parameters. A value that comes twice counts once.
 *
 * AuditEvents have no words: there is one for every read, and they are found by their parameters.
 */
import type { Definitions, TypeRef } from '../fhir/definitions.js';
import type { Json, JsonObject, Resource } from '../fhir/resource.js';
import { textOfXhtml } from '../fhir/xml/xhtml-text.js';
import { VALUE_BOUNDARY, type ResourceText, wordsIn } from './words.js';

/**
 * Of the narrative, and of everything else: words, characters of them, and of the markup that they stand in. What comes
 * behind is not found.
 */
export const MAX_WORDS = 50_000;
const MAX_TEXT_CHARACTERS = 1_000_000;
const MAX_MARKUP = 1_000_000;

/** Named in every change of what is extracted: another rule means reindex. */
export const WORDS_RULE = 'words-1';

/** Types without full text search. */
export const NOT_TEXT_SEARCHED: ReadonlySet<string> = new Set(['AuditEvent']);

/** Strings for programs, by element name, and by type and element. */
const FOR_PROGRAMS = new Set(['id', 'version', 'Reference.reference', 'Identifier.value', 'SampledData.data']);

/** What to do with a property: take its text, its div, or go into the type of this name. */
type TextStep = { readonly take: 'text' | 'narrative' | 'resource' } | { readonly into: string };
type TextSteps = ReadonlyMap<string, TextStep>;

const NO_WORDS: ResourceText = { text: [], content: [] };

/** Every text of the resource that people read. The resource is valid; what is of another shape is passed over. */
export function wordsOf(resource: Resource, definitions: Definitions): ResourceText {
  const type = resource.resourceType;
  if (NOT_TEXT_SEARCHED.has(type)) return NO_WORDS;
  const narrative = createWordCollector();
  const others = createWordCollector();
  const stepsOf = stepsFor(definitions);

  const walk = (object: JsonObject, within: string, inner: boolean): void => {
    const steps = stepsOf(within);
    for (const key in object) {
      const step = steps.get(key);
      if (!step) continue;
      const value = object[key]!;
      if (!Array.isArray(value)) visit(value, step, inner);
      else for (const item of value) visit(item, step, inner);
    }
  };
  const visit = (value: Json, step: TextStep, inner: boolean): void => {
    if (typeof value === 'string') {
      if ('take' in step && step.take === 'text') others.add(value);
      return;
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
    if ('into' in step) walk(value, step.into, inner);
    else if (step.take === 'resource') {
      if (typeof value['resourceType'] === 'string') walk(value, value['resourceType'], true);
    } else if (step.take === 'narrative' && typeof value['div'] === 'string')
      (inner ? others : narrative).addMarkup(value['div']);
  };
  walk(resource, type, false);

  const text = narrative.words;
  if (others.words.length === 0) return { text, content: text };
  return { text, content: text.length === 0 ? others.words : [...text, VALUE_BOUNDARY, ...others.words] };
}

/** Words up to the limits. */
function createWordCollector(): { readonly words: string[]; add(text: string): void; addMarkup(div: string): void } {
  const words: string[] = [];
  const seen = new Set<string>();
  let room = MAX_TEXT_CHARACTERS;
  let markup = MAX_MARKUP;
  return {
    words,
    addMarkup(div) {
      if (room <= 0 || markup <= 0 || words.length >= MAX_WORDS) return;
      this.add(textOfXhtml(div.slice(0, markup)));
      markup -= div.length;
    },
    add(text) {
      if (room <= 0 || words.length >= MAX_WORDS || seen.has(text)) return;
      seen.add(text);
      let gap = words.length > 0;
      for (const piece of cutAtBlanks(text.slice(0, room)))
        for (const word of wordsIn(piece)) {
          room -= word.length;
          if (room < 0 || words.length >= MAX_WORDS) return;
          if (gap) words.push(VALUE_BOUNDARY);
          gap = false;
          words.push(word);
        }
    },
  };
}

/** Characters that are looked at together: of a text that is all words no more than are kept. */
const MAX_PIECE_CHARACTERS = 64 * 1024;

/** A long text in parts that end where a word ends, if there is a blank at all. */
function* cutAtBlanks(text: string): Generator<string> {
  for (let from = 0; from < text.length; ) {
    const blank =
      text.length - from > MAX_PIECE_CHARACTERS ? text.lastIndexOf(' ', from + MAX_PIECE_CHARACTERS) : text.length;
    const to = blank > from ? blank : from + MAX_PIECE_CHARACTERS;
    yield text.slice(from, to);
    from = to;
  }
}

const stepsByDefinitions = new WeakMap<Definitions, (type: string) => TextSteps>();

/** The steps of every type, made when they are first needed. */
function stepsFor(definitions: Definitions): (type: string) => TextSteps {
  let found = stepsByDefinitions.get(definitions);
  if (found) return found;
  const made = new Map<string, TextSteps>();
  found = type => {
    let steps = made.get(type);
    if (!steps) {
      steps = makeSteps(definitions, type);
      // Only types of the definitions are cached, because names come from clients.
      if (definitions.types.has(type)) made.set(type, steps);
    }
    return steps;
  };
  stepsByDefinitions.set(definitions, found);
  return found;
}

function makeSteps(definitions: Definitions, type: string): TextSteps {
  const steps = new Map<string, TextStep>();
  for (const element of definitions.types.get(type)?.elements ?? [])
    for (const ref of element.types) {
      const { code } = ref;
      const name = element.choice ? element.name + code[0]!.toUpperCase() + code.slice(1) : element.name;
      const forPrograms = FOR_PROGRAMS.has(element.name) || FOR_PROGRAMS.has(`${type}.${element.name}`);
      const step = forPrograms ? undefined : stepTo(definitions, ref, element.children);
      if (step) steps.set(name, step);
      // What a primitive has besides its value: extensions.
      if (definitions.types.get(code)?.kind === 'primitive' && code !== 'xhtml')
        steps.set(`_${name}`, { into: 'Element' });
    }
  return steps;
}

function stepTo(definitions: Definitions, { code }: TypeRef, children: string | undefined): TextStep | undefined {
  if (children !== undefined) return { into: children };
  if (code === 'string' || code === 'markdown') return { take: 'text' };
  if (code === 'Narrative') return { take: 'narrative' };
  if (code === 'Resource') return { take: 'resource' };
  const kind = definitions.types.get(code)?.kind;
  return kind === 'complex' || kind === 'backbone' ? { into: code } : undefined;
}
