/**
 * $translate: what a code becomes by concept maps. https://hl7.org/fhir/R4/conceptmap-operation-translate.html
 *
 * Choices: a target that depends on other elements counts only where the question gives all of them. Of a map without the code,
 * `unmapped` says what becomes of it; another map is followed once. Backwards, wider and narrower change places.
 */
import type { JsonObject } from '../fhir/resource.js';
import { breathe } from '../platform/pieces.js';
import { MAX_CODINGS, refuseMoreThan } from './budget.js';
import type { Sources } from './canonical-resources.js';
import {
  canonicalOf,
  type Coding,
  type ConceptMap,
  type MapElement,
  type MapGroup,
  type MapTarget,
} from './resources.js';

export interface TranslateQuestion {
  readonly codings: readonly Coding[];
  /** The codes are those of the target. */
  readonly reverse: boolean;
  /** Answers tell both ends, as R5 does where it is asked for the sources of a target. */
  readonly bothEnds: boolean;
  /** The code system at the other end. */
  readonly otherSystem?: string | undefined;
  /** Value sets at the ends of a map. */
  readonly source?: string | undefined;
  readonly target?: string | undefined;
  /** `element|code` of other elements. */
  readonly dependencies: ReadonlySet<string>;
}

interface Match {
  readonly concept: Coding;
  readonly equivalence: string;
  readonly map: ConceptMap;
  readonly source?: Coding;
}

/** `maps`: those that were named; none: all that are known. */
export async function translate(
  sources: Sources,
  maps: readonly ConceptMap[] | undefined,
  question: TranslateQuestion,
): Promise<JsonObject> {
  refuseMoreThan(MAX_CODINGS, question.codings.length, 'The codings of a concept', 'CodeableConcept.coding');
  const matches: Match[] = [];
  for (const coding of question.codings) {
    await breathe();
    const known = maps ?? (await sources.conceptMaps({ maps: coding.system ?? '' }));
    for (const map of known.filter(each => fits(each, question))) {
      await breathe();
      matches.push(...(await matchesIn(sources, map, coding, question, true)));
    }
  }
  const result = matches.some(({ equivalence }) => equivalence !== 'unmatched' && equivalence !== 'disjoint');
  const parameter: JsonObject[] = [
    ...matches.map(matchOf),
    ...(matches.length > 0
      ? []
      : [{ name: 'message', valueString: 'No concept map that is known here has a translation.' }]),
    { name: 'result', valueBoolean: result },
  ];
  return { resourceType: 'Parameters', parameter };
}

function fits(map: ConceptMap, { source, target }: TranslateQuestion): boolean {
  const ends = [map.sourceUri ?? map.sourceCanonical, map.targetUri ?? map.targetCanonical];
  return [source, target].every((asked, at) => asked === undefined || ends[at]?.split('|')[0] === asked.split('|')[0]);
}

const matchOf = ({ concept, equivalence, map, source }: Match): JsonObject => ({
  name: 'match',
  part: [
    { name: 'concept', valueCoding: { ...concept } },
    { name: 'equivalence', valueCode: equivalence },
    ...(map.url === undefined ? [] : [{ name: 'originMap', valueCanonical: canonicalOf(map) }]),
    ...(source === undefined ? [] : [{ name: 'source', valueCoding: { ...source } }]),
  ],
});

async function matchesIn(
  sources: Sources,
  map: ConceptMap,
  coding: Coding,
  question: TranslateQuestion,
  follow: boolean,
): Promise<Match[]> {
  const matches: Match[] = [];
  for (const group of map.group ?? []) {
    const [here, there] = question.reverse ? [group.target, group.source] : [group.source, group.target];
    if (here !== coding.system || (question.otherSystem !== undefined && there !== question.otherSystem)) continue;
    if (question.reverse) matches.push(...backwards(map, group, coding, question));
    else {
      const element = (group.element ?? []).find(({ code }) => code === coding.code);
      matches.push(
        ...(element
          ? forwards(map, group, element, question)
          : await unmapped(sources, map, group, coding, question, follow)),
      );
    }
  }
  return matches;
}

const targetOf = (
  { target, targetVersion }: MapGroup,
  { code, display }: Pick<MapTarget, 'code' | 'display'>,
): Coding => ({
  ...(target === undefined ? {} : { system: target }),
  ...(targetVersion === undefined ? {} : { version: targetVersion }),
  ...(code === undefined ? {} : { code }),
  ...(display === undefined ? {} : { display }),
});

const sourceOf = ({ source, sourceVersion }: MapGroup, { code, display }: MapElement): Coding => ({
  ...(source === undefined ? {} : { system: source }),
  ...(sourceVersion === undefined ? {} : { version: sourceVersion }),
  ...(code === undefined ? {} : { code }),
  ...(display === undefined ? {} : { display }),
});

const applies = ({ dependsOn }: MapTarget, { dependencies }: TranslateQuestion): boolean =>
  (dependsOn ?? []).every(({ property, value }) => dependencies.has(`${property}|${value}`));

const forwards = (map: ConceptMap, group: MapGroup, element: MapElement, question: TranslateQuestion): Match[] =>
  (element.target ?? []).flatMap(target =>
    applies(target, question)
      ? [{ concept: targetOf(group, target), equivalence: target.equivalence ?? 'equivalent', map }]
      : [],
  );

const INVERSE: Readonly<Record<string, string>> = {
  wider: 'narrower',
  narrower: 'wider',
  subsumes: 'specializes',
  specializes: 'subsumes',
};

function backwards(map: ConceptMap, group: MapGroup, coding: Coding, question: TranslateQuestion): Match[] {
  return (group.element ?? []).flatMap(element =>
    (element.target ?? []).flatMap((target): Match[] => {
      if (target.code !== coding.code || !applies(target, question)) return [];
      const { equivalence = 'equivalent' } = target;
      const source = sourceOf(group, element);
      return question.bothEnds
        ? [{ concept: targetOf(group, target), equivalence, map, source }]
        : [{ concept: source, equivalence: INVERSE[equivalence] ?? equivalence, map }];
    }),
  );
}

async function unmapped(
  sources: Sources,
  map: ConceptMap,
  group: MapGroup,
  coding: Coding,
  question: TranslateQuestion,
  follow: boolean,
): Promise<Match[]> {
  const { mode, code, display, url } = group.unmapped ?? {};
  if (mode === 'fixed' && code !== undefined)
    return [
      {
        concept: targetOf(group, { code, ...(display === undefined ? {} : { display }) }),
        equivalence: 'relatedto',
        map,
      },
    ];
  if (mode === 'provided' && coding.code !== undefined)
    return [{ concept: targetOf(group, { code: coding.code }), equivalence: 'equal', map }];
  if (mode !== 'other-map' || url === undefined || !follow) return [];
  const [bare = '', version] = url.split('|');
  const [other] = await sources.conceptMaps(version === undefined ? { url: bare } : { url: bare, version });
  return other ? matchesIn(sources, other, coding, question, false) : [];
}
