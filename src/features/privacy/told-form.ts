/**
 * What questions need of an event whose text was made of a form (fhir/filled.ts): the form is told once, and the values are put into that. It is what telling the
 * text itself would give; where that is not certain, it is not given, and the text is told.
 */
import { type FilledText, type TextForm } from '../../fhir/filled.js';
import type { Resource } from '../../fhir/resource.js';
import { isDoneByServer } from '../../interactions/jobs.js';
import { utcDayAt, lineOfText, requestInQuery, tellEvent, type ToldEvent } from './told-event.js';

/** https://hl7.org/fhir/R4/datatypes.html#id: what else stands in a reference may not be one. */
const ID = /^[A-Za-z0-9\-.]{1,64}$/;
/** Values that are ids in references. */
const IDS = ['dataId', 'patient'] as const;

type Fill = (values: FilledText['values'], at: number, kept: number) => ToldEvent | undefined;

const known = new WeakMap<TextForm, { readonly fill: Fill | undefined }>();

/** Undefined: the text must be told. `kept`: ms since 1970. */
export function tellFilled(
  { form, values, at }: FilledText,
  kept: number,
  bases: readonly string[],
): ToldEvent | undefined {
  let told = known.get(form);
  if (!told) known.set(form, (told = { fill: fillOf(form, bases) }));
  return told.fill?.(values, at, kept);
}

/** Of what is told of the form everything has its place, or is the same in all of its events; undefined: something is neither. */
function fillOf({ text, marks }: TextForm, bases: readonly string[]): Fill | undefined {
  const form = tellEvent(JSON.parse(text) as Resource, 0, bases);
  const { id, at, person, application, address, request, patients, isOwn, isWholeRequest, ...others } = form;
  // These are the same in all events, but for what is put over them.
  const same = { ...others, day: '', kept: 0, id: '', at: 0, person: '', application: '', address: '', request: '' };
  const names = new Map(Object.entries(marks).map(([name, mark]) => [mark, name]));
  const hasMark = (part: string): boolean => [...names.keys()].some(mark => part.includes(mark));
  const asked = marks['request'] === undefined ? undefined : requestInQuery(marks['request']).request;
  const isAsked = request !== '' && request === asked;
  const isCertain =
    id === marks['id'] &&
    at === Date.parse(marks['recorded'] ?? '') &&
    [person, application, address].every(part => names.has(part) || !hasMark(part)) &&
    (isAsked || (request === '' && isWholeRequest)) &&
    patients.every(patient => names.has(patient)) &&
    !hasMark(JSON.stringify(same)) &&
    !(asked !== undefined && JSON.stringify(same).includes(asked)) &&
    !same.disclosure &&
    !same.isUnreadDisclosure;
  if (!isCertain) return undefined;
  const place = (part: string): ((values: FilledText['values']) => string) => {
    const name = names.get(part);
    return name === undefined ? () => part : values => lineOfText(values[name]);
  };
  const [personOf, applicationOf, addressIn] = [person, application, address].map(place) as [PutIn, PutIn, PutIn];
  const ids = IDS.filter(name => text.includes(marks[name] ?? ' '));
  const ofPatients = patients.map(patient => names.get(patient)!);
  return (values, when, keptAt) => {
    const from = addressIn(values);
    // Without an address that of another agent is told.
    if (from === '' || !ids.every(name => ID.test(values[name]!))) return undefined;
    const whom = ofPatients.map(name => values[name]!);
    const who = personOf(values);
    const query = isAsked ? requestInQuery(values['request']!) : NO_REQUEST;
    return {
      ...same,
      id: values['id']!,
      kept: keptAt,
      at: when,
      day: utcDayAt(when),
      person: who,
      application: applicationOf(values),
      address: from,
      request: query.request,
      isWholeRequest: query.isWholeRequest,
      patients: whom.length > 1 ? [...new Set(whom)] : whom,
      isOwn: isOwn || isDoneByServer(who, query.request),
    };
  };
}

type PutIn = (values: FilledText['values']) => string;

const NO_REQUEST = requestInQuery('');
