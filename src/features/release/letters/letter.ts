/**
 * One letter about a request for records, from its template: a page of HTML as a document in the record, and a Communication to the requester that has its
 * words. What people have written stands in it as text, never as markup.
 */
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../../../fhir/resource.js';
import type { Companion } from '../../../interactions/interaction.js';
import { jsonText } from '../../../interactions/operations/operation.js';
import { htmlPage } from '../../../interactions/response/shown-page.js';
import { htmlText } from '../../../platform/html.js';
import { newId } from '../../../platform/ids.js';
import { inputValues, TRACKING_SYSTEM } from '../request-task.js';
import { languageFor, type LetterTemplate, type LetterTemplates } from './letter-templates.js';

/** What stands at a place: words, or a list that is a paragraph of its own. */
type PlacedText = string | readonly string[];
export type LetterPlaces = Readonly<Record<string, PlacedText | undefined>>;

/** Who writes, as the organisation says it; empty: it says nothing. */
export interface LetterHead {
  /** Name, address and telephone of the desk. */
  readonly desk: string;
  /** Who takes complaints: name or title, and telephone (45 CFR 164.524(d)(2)(iii)). */
  readonly complaints: string;
}

/** A language that there are templates in: the one that is wanted, or that the request asks for, or English. */
export const letterLanguage = (templates: LetterTemplates, task: Resource, wanted?: string): string =>
  [wanted, inputValues(task, 'language')[0]]
    .flatMap(each => (typeof each === 'string' ? [languageFor(templates, each)] : []))
    .find(each => each !== undefined) ?? 'en';

const dayOf = (value: Json | undefined): string =>
  typeof value === 'string' ? value.slice(0, 'yyyy-mm-dd'.length) : '';

/** The last day by which a request is answered. */
export function dueOf({ restriction }: Resource): string {
  const period = isObject(restriction) ? restriction['period'] : undefined;
  return dayOf(isObject(period) ? period['end'] : undefined);
}

/** What every letter may say of a request: who asked and when, by which id, until when; nothing of the patient. */
export function placesOf(task: Resource, { desk, complaints }: LetterHead): LetterPlaces {
  const { identifier, authoredOn, requester } = task;
  const tracking = itemsOf(identifier).find(each => isObject(each) && each['system'] === TRACKING_SYSTEM);
  return {
    requester: isObject(requester) ? jsonText(requester['display']) : '',
    tracking: isObject(tracking) ? jsonText(tracking['value']) : '',
    received: dayOf(authoredOn),
    due: dueOf(task),
    desk,
    complaints,
  };
}

/** The paragraphs of a letter, as words or lists. A place is filled once: braces in what stands there are text. */
export function letterParagraphs({ paragraphs }: LetterTemplate, places: LetterPlaces): readonly PlacedText[] {
  const at = (name: string): PlacedText => places[name] ?? '';
  return paragraphs.flatMap((paragraph): readonly PlacedText[] => {
    const text = typeof paragraph === 'string' ? paragraph : paragraph.text;
    const named = [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
    const needed = typeof paragraph === 'string' ? named : [paragraph.if, ...named];
    if (needed.some(name => at(name).length === 0)) return [];
    const [only, ...more] = named;
    const whole = more.length === 0 && text === `{${only}}` ? at(only!) : undefined;
    if (whole !== undefined && typeof whole !== 'string') return [whole];
    return [text.replaceAll(/\{(\w+)\}/g, (_place, name: string) => [at(name)].flat().join(', '))];
  });
}

const asText = (paragraph: PlacedText): string =>
  typeof paragraph === 'string' ? paragraph : paragraph.map(each => `- ${each}`).join('\n');

/** Texts of people may be of another direction than the letter. */
const asHtml = (paragraph: PlacedText): string =>
  typeof paragraph === 'string'
    ? `<p dir="auto">${htmlText(paragraph).replaceAll('\n', '<br/>')}</p>`
    : `<ul>${paragraph.map(each => `<li dir="auto">${htmlText(each)}</li>`).join('')}</ul>`;

export interface LetterAsked {
  readonly kind: string;
  /** One of the templates. */
  readonly language: string;
  readonly places: LetterPlaces;
  readonly task: { readonly id: string; readonly resource: Resource };
  /** ms since 1970. */
  readonly now: number;
}

export interface WrittenLetter {
  /** Ids. */
  readonly document: string;
  readonly communication: string;
  /** What is committed of it. */
  readonly companions: readonly Companion[];
}

/** The templates must have the kind in the language. */
export function letterWritten(templates: LetterTemplates, asked: LetterAsked): WrittenLetter {
  const { kind, language, places, task, now } = asked;
  const template = templates.get(language)!.get(kind)!;
  const { title } = template;
  const paragraphs = letterParagraphs(template, places);
  const { for: subject, requester } = task.resource;
  const about = { reference: `Task/${task.id}` };
  const at = new Date(now).toISOString();
  const page = htmlPage(
    title,
    `<h1>${htmlText(title)}</h1><p>${at.slice(0, 'yyyy-mm-dd'.length)}</p>${paragraphs.map(asHtml).join('')}`,
    language,
  );
  const type = { coding: [{ system: 'urn:chartroom:document', code: `letter-${kind}` }], text: title };
  const attachment = {
    ...{ contentType: 'text/html; charset=utf-8', language, title, creation: at },
    data: Buffer.from(page).toString('base64'),
  };
  const whose: JsonObject = isObject(subject) ? { subject } : {};
  const [document, communication] = [newId(now), newId(now)];
  const letter: Resource = {
    resourceType: 'DocumentReference',
    ...{ status: 'current', docStatus: 'final', type, date: at, description: title },
    ...whose,
    content: [{ attachment }],
    context: { related: [about] },
  };
  const told: Resource = {
    resourceType: 'Communication',
    basedOn: [about],
    status: 'completed',
    category: [{ coding: [{ system: 'urn:chartroom:communication', code: 'letter', display: 'Letter' }] }],
    ...whose,
    topic: type,
    about: [about],
    ...(isObject(requester) ? { recipient: [requester] } : {}),
    sent: at,
    payload: [
      { contentReference: { reference: `DocumentReference/${document}` } },
      { contentString: [title, ...paragraphs.map(asText)].join('\n\n') },
    ],
  };
  const written = (id: string, resource: Resource): Companion => ({
    ...({ kind: 'create', own: true } as const),
    ...{ type: resource.resourceType, id, body: { resource, decimals: undefined } },
  });
  return {
    ...{ document, communication },
    companions: [written(document, letter), written(communication, told)],
  };
}
