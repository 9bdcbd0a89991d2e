/**
 * $expand of a ValueSet: https://hl7.org/fhir/R4/valueset-operation-expand.html
 *
 * Parameters that a client may send and that change nothing here are named in the OperationDefinition; docs/terminology.md says
 * what each of the others does.
 */
import type { JsonObject } from '../../fhir/resource.js';
import { newUuid } from '../../platform/ids.js';
import { inPieces } from '../../platform/pieces.js';
import { expand } from '../../terminology/expand.js';
import { type ExpansionQuestion, expanding } from '../../terminology/expansion.js';
import type { Languages } from '../../terminology/languages.js';
import { createUsage } from '../../terminology/reading.js';
import type { ValueSet } from '../../terminology/resources.js';
import type { Context, OperationImplementation } from '../engine.js';
import type { Of, Outcome } from '../interaction.js';
import {
  answerWith,
  languagesAsked,
  ownParameters,
  type Question,
  readTerminologyQuestion,
  supplementsAsked,
  valueSetAsked,
} from './terminology-question.js';

export const expandOperation: OperationImplementation = {
  lenientBody: true,
  shows: 'ValueSet',
  run: runExpand,
};

async function runExpand(context: Context, ask: Of<'operation'>): Promise<Outcome> {
  const question = readTerminologyQuestion(context, ask);
  const set = await valueSetAsked(question, ask);
  const { given, rules, budget } = question;
  const supplements = await supplementsAsked(question, set);
  const asked = expansionAsked(question, set);
  const { sources } = supplements;
  const detailed = asked.languages || asked.includeDesignations || asked.properties.includes('definition');
  const usage = createUsage();
  const members = await expand(set, detailed ? withDetails(sources) : sources, {
    budget,
    reading: {
      rules,
      excludeSystems: new Set(given.texts('exclude-system').map(canonical => canonical.split('|')[0]!)),
      exactly: ownParameters(set).get('versionsMatch') === 'false',
      usage,
    },
  });
  supplements.refuseUnused();
  const { clock } = context.engine;
  const identifier = `urn:uuid:${newUuid()}`;
  const timestamp = new Date(clock.now()).toISOString();
  return answerWith(await inPieces(expanding({ set, members, usage, budget, identifier, timestamp }, asked)));
}

/** Definitions and designations are read only where they are shown. */
const withDetails = (sources: Question['sources']): Question['sources'] => ({
  ...sources,
  async concepts(url, version) {
    const concepts = await sources.concepts(url, version);
    return concepts && (concepts.supplements.length > 0 ? concepts : sources.detailed(concepts));
  },
});

/** Parameters that are flags, and repeated in the answer where they are given. */
const FLAGS = [
  'activeOnly',
  'excludeNested',
  'excludeNotForUI',
  'excludePostCoordinated',
  'includeDefinition',
  'includeDesignations',
] as const;

function expansionAsked(question: Question, set: ValueSet): ExpansionQuestion {
  const { given } = question;
  const own = ownParameters(set);
  const flag = (name: string): boolean | undefined =>
    given.flag(name) ?? (own.has(name) ? own.get(name) === 'true' : undefined);
  const languages = languagesAsked(question, set);
  const designations = given.texts('designation');
  const filter = given.text('filter');
  const [offset, count] = [given.count('offset'), given.count('count')];
  return {
    activeOnly: flag('activeOnly') === true,
    excludeNested: flag('excludeNested') === true,
    excludeNotForUI: flag('excludeNotForUI') === true,
    includeDefinition: flag('includeDefinition') === true,
    includeDesignations: flag('includeDesignations') === true || designations.length > 0,
    designations,
    properties: given.texts('property'),
    languages,
    ...(filter === undefined ? {} : { filter }),
    ...(offset === undefined ? {} : { offset }),
    ...(count === undefined ? {} : { count }),
    echo: [
      ...FLAGS.flatMap((name): JsonObject[] => {
        const value = flag(name);
        return value === undefined ? [] : [{ name, valueBoolean: value }];
      }),
      ...echoOf({ offset, count, filter, languages, designations }),
      ...given.texts('exclude-system').map(valueUri => ({ name: 'exclude-system', valueUri })),
    ],
  };
}

function echoOf(asked: {
  readonly offset: number | undefined;
  readonly count: number | undefined;
  readonly filter: string | undefined;
  readonly languages: Languages | undefined;
  readonly designations: readonly string[];
}): JsonObject[] {
  const { offset, count, filter, languages, designations } = asked;
  return [
    ...(offset === undefined ? [] : [{ name: 'offset', valueInteger: offset }]),
    ...(count === undefined ? [] : [{ name: 'count', valueInteger: count }]),
    ...(filter === undefined ? [] : [{ name: 'filter', valueString: filter }]),
    ...(languages === undefined ? [] : [{ name: 'displayLanguage', valueCode: languages.text }]),
    ...designations.map(valueString => ({ name: 'designation', valueString })),
  ];
}
