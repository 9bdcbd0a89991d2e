/**
 * The file of labels: which resources get which security labels when they are written, whoever writes them. profiles/labels.json says it for a server
 * that is given no other; docs/access.md explains the file. https://hl7.org/fhir/R4/security-labels.html
 *
 * A rule asks the resource alone, as it is about to be stored, with the labels that it has by then; rules are asked in their order. A level of
 * confidentiality takes the place of lower ones, and never of a higher one.
 */
import { readSettingsFile } from '../fhir/json/settings-file.js';
import { isObject, itemsOf, type Json, type JsonObject, type Resource } from '../fhir/resource.js';
import { ConfigError } from '../platform/config.js';
import { entriesAsked } from '../search/index-resource.js';
import { match, type Subject } from '../search/match.js';
import type { Where } from '../search/query.js';
import { leadsElsewhere } from '../search/separate.js';
import { levelOf, placeOfLevel } from '../fhir/security-labels.js';
import { type Checker, conditionInFile, listInFile, type Nameable, refuseUnknown } from './roles.js';

interface LabelRule {
  readonly type: string;
  readonly where: Where | undefined;
  readonly add: readonly JsonObject[];
}

type LabelGround = Pick<Nameable, 'definitions' | 'parameters' | 'settings'>;

export class LabelRules {
  readonly #ground: LabelGround;
  readonly #rules: readonly LabelRule[];
  readonly #ofType = new Map<string, readonly LabelRule[]>();

  constructor(ground: LabelGround, rules: readonly LabelRule[]) {
    this.#ground = ground;
    this.#rules = rules;
  }

  /** `meta` of a valid resource with what the rules add to it; itself where that is nothing. `updated`: ms. */
  labelled(
    meta: Json | undefined,
    resource: Resource,
    { id, updated }: Pick<Subject, 'id' | 'updated'>,
  ): Json | undefined {
    let made = meta;
    for (const { where, add } of this.#rulesOf(resource.resourceType)) {
      const asked = made === undefined ? resource : { ...resource, meta: made };
      const isMeant = (condition: Where): boolean =>
        match(condition, {
          type: resource.resourceType,
          id,
          updated,
          entries: entriesAsked(this.#ground, asked, condition),
        });
      if (!where || isMeant(where)) made = withLabels(made, add);
    }
    return made;
  }

  #rulesOf(type: string): readonly LabelRule[] {
    let rules = this.#ofType.get(type);
    if (!rules) this.#ofType.set(type, (rules = this.#rules.filter(rule => rule.type === type || rule.type === '*')));
    return rules;
  }
}

/** The same meta where it has all of them. */
function withLabels(meta: Json | undefined, add: readonly JsonObject[]): Json | undefined {
  const own = isObject(meta) ? meta : {};
  let labels = itemsOf(own['security']);
  const before = labels;
  for (const label of add) {
    const level = levelOf(label);
    const levels = labels.filter(isObject).flatMap(each => levelOf(each) ?? []);
    const isThere =
      level === undefined
        ? labels.some(each => isObject(each) && each['system'] === label['system'] && each['code'] === label['code'])
        : levels.some(each => placeOfLevel(each) >= placeOfLevel(level));
    if (isThere) continue;
    const others = level === undefined ? labels : labels.filter(each => !isObject(each) || levelOf(each) === undefined);
    labels = [...others, label];
  }
  return labels === before ? meta : { ...own, security: [...labels] };
}

/** Throws ConfigError with a line for each thing that is wrong. */
export function readLabelRules(file: string, ground: LabelGround): LabelRules {
  return checkLabelRules(readSettingsFile(file, 'The file of labels'), ground, `The file of labels, ${file},`);
}

/** The same of what stands in the file. `file`: how a message names it. */
export function checkLabelRules(given: Json, ground: LabelGround, file: string): LabelRules {
  const faults: string[] = [];
  const nameable: Nameable = { ...ground, operations: [], screens: [], added: [] };
  const check: Checker = { nameable, fault: (path, text) => void faults.push(`${file} ${path}: ${text}`) };
  const rules = listInFile(check, 'at its top', given).flatMap((each, at) => ruleIn(check, `[${at}]`, each));
  if (faults.length > 0) throw new ConfigError(faults.join('\n'));
  return new LabelRules(ground, rules);
}

function ruleIn(check: Checker, path: string, given: Json): LabelRule[] {
  if (!isObject(given)) {
    check.fault(path, 'a rule is an object with type, where and add.');
    return [];
  }
  refuseUnknown(check, path, given, ['type', 'where', 'add']);
  const { type, where: query, add } = given;
  const { resourceTypes } = check.nameable.definitions;
  if (typeof type !== 'string' || (type !== '*' && !resourceTypes.includes(type))) {
    check.fault(`${path}.type`, `${JSON.stringify(type)} is no resource type of R4, and not *.`);
    return [];
  }
  const types = type === '*' ? resourceTypes : [type];
  const where = query === undefined ? undefined : conditionInFile(check, `${path}.where`, types, query);
  if (where && leadsElsewhere(where))
    check.fault(`${path}.where`, 'a rule asks the resource alone: no chains, no _has, no value sets or hierarchies.');
  const labels = listInFile(check, `${path}.add`, add).filter((label, at) => {
    const isLabel = isObject(label) && typeof label['system'] === 'string' && typeof label['code'] === 'string';
    if (!isLabel) check.fault(`${path}.add[${at}]`, 'a label is a Coding with system and code.');
    return isLabel;
  });
  if (labels.length === 0) check.fault(`${path}.add`, 'a rule adds one label at least.');
  return [{ type, where, add: labels as readonly JsonObject[] }];
}
