/** Letters of the records desk, from templates in profiles/release/rules/letters.json: each a document in the record and a Communication that tells of it. */
import { readFileSync } from 'node:fs';
import { isObject, type Json, type JsonObject, type Resource } from '../../fhir/resource.js';
import type { Companion } from '../../interactions/interaction.js';
import { wordsFor } from './authorization-rules.js';

interface LetterTemplate {
  /** By language. */
  readonly title: Readonly<Record<string, string>>;
  /** With places as `{requester}`. */
  readonly text: Readonly<Record<string, string>>;
}
export type LetterTemplates = ReadonlyMap<string, LetterTemplate>;

/** Throws an Error that names the letter that has not the form. */
export function readLetters(file: URL): LetterTemplates {
  const letters = JSON.parse(readFileSync(file, 'utf8')) as Readonly<Record<string, Json>>;
  for (const [name, letter] of Object.entries(letters))
    for (const part of ['title', 'text'])
      if (!isObject(letter) || !isObject(letter[part]) || typeof letter[part]['en'] !== 'string')
        throw new Error(`The letter ${name} has not the form of one.`);
  return new Map(Object.entries(letters) as unknown as [string, LetterTemplate][]);
}

export interface LetterAsked {
  readonly name: string;
  readonly language: string;
  /** What stands at the places of the template. */
  readonly places: Readonly<Record<string, string>>;
  /** The request that it is about. */
  readonly task: string;
  readonly request: Resource;
  /** Id of the document. */
  readonly id: string;
  /** A FHIR instant. */
  readonly at: string;
}

/** What is written of a letter: the document, and what tells of it. */
export function letterWritten(templates: LetterTemplates, asked: LetterAsked): readonly Companion[] {
  const { name, language, places, task, request, id, at } = asked;
  const { title, text } = templates.get(name)!;
  const words = wordsFor(title, language);
  const body = wordsFor(text, language).replaceAll(/\{(\w+)\}/g, (whole, place: string) => places[place] ?? whole);
  const { for: subject, requester } = request;
  const about = { reference: task };
  const type = { coding: [{ system: 'urn:chartroom:document', code: `letter-${name}` }], text: words };
  const data = Buffer.from(`${words}\n\n${body}\n`).toString('base64');
  const attachment = { contentType: 'text/plain; charset=utf-8', language, title: words, data, creation: at };
  const whose: JsonObject = subject === undefined ? {} : { subject };
  const document: Resource = {
    resourceType: 'DocumentReference',
    ...{ status: 'current', docStatus: 'final', type, date: at, description: words },
    ...whose,
    content: [{ attachment }],
    context: { related: [about] },
  };
  const communication: Resource = {
    resourceType: 'Communication',
    status: 'completed',
    category: [{ coding: [{ system: 'urn:chartroom:communication', code: 'letter', display: 'Letter' }] }],
    ...whose,
    topic: type,
    about: [about],
    ...(isObject(requester) ? { recipient: [requester] } : {}),
    sent: at,
    payload: [{ contentReference: { reference: `DocumentReference/${id}` } }],
  };
  return [
    { kind: 'create', own: true, type: 'DocumentReference', id, body: { resource: document, decimals: undefined } },
    { kind: 'create', own: true, type: 'Communication', body: { resource: communication, decimals: undefined } },
  ];
}
