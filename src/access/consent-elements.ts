/**
 * Elements with labels of their own (inline-labels.ts), as Consents see them: like a resource that has these labels beside its own, so that the first
 * rule that is about such a one decides. What protects an element is the higher of its labels and those of the resource.
 * http://hl7.org/fhir/uv/security-label-ds4p
 */
import type { JsonObject } from '../fhir/resource.js';
import type { TokenValue, Where } from '../search/query.js';
import type { ConsentRule } from './consent.js';
import { type DataGround, type Extent, extentOf, labelExtent } from './consent-where.js';
import { kindsOfLabel } from '../fhir/security-labels.js';
import { CONFIDENTIALITY_CODES, isLevel, levelOf, NORMALLY, placeOfLevel } from '../fhir/security-labels.js';

type Holds = (where: Where) => boolean;

export interface ElementRules {
  /** `holds`: whether the resource satisfies a condition. */
  hides(labels: readonly JsonObject[], holds: Holds): boolean;
}

interface LabelAsked {
  /** Whether the resource has it. */
  readonly onResource: Extent;
  readonly isOn: (labels: readonly JsonObject[]) => boolean;
  /** Both must be so: a permit is about what is so confidential at most. */
  readonly isBound: boolean;
}

interface RuleOnElements {
  readonly permits: boolean;
  /** What the rule asks beside labels. */
  readonly data: Extent;
  readonly labels: readonly LabelAsked[] | undefined;
}

/** `rules`: of patients who have said the same, the most specific first; `implicit`: of what none is about, undefined: everything is shown. */
export function elementRules(
  ground: DataGround,
  type: string,
  rules: readonly ConsentRule[],
  implicit: ((type: string) => Extent) | undefined,
): ElementRules {
  const asked = rules.map((rule): RuleOnElements => {
    const { labels, ...rest } = rule.data;
    const { permits } = rule;
    return {
      permits,
      data: extentOf(ground, type, rest, permits),
      labels: labels?.map(label => labelAsked(ground, type, label, permits)),
    };
  });
  const others = implicit?.(type) ?? true;
  return {
    hides(labels, holds) {
      const isSo = (extent: Extent): boolean => (typeof extent === 'boolean' ? extent : holds(extent));
      const isAsked = ({ onResource, isOn, isBound }: LabelAsked): boolean =>
        isBound ? isOn(labels) && isSo(onResource) : isOn(labels) || isSo(onResource);
      const rule = asked.find(each => isSo(each.data) && (!each.labels || each.labels.some(isAsked)));
      if (rule) return !rule.permits;
      // What is there for everybody is what is normal at most.
      return typeof others === 'boolean' ? !others : !isAtMost(labels, NORMALLY) || !isSo(others);
    },
  };
}

function labelAsked(ground: DataGround, type: string, label: TokenValue, permits: boolean): LabelAsked {
  const { system, code = '' } = label;
  const onResource = labelExtent(ground, type, label, permits);
  if (system === CONFIDENTIALITY_CODES && isLevel(code))
    return permits
      ? { onResource, isOn: labels => isAtMost(labels, code), isBound: true }
      : { onResource, isOn: labels => levelsIn(labels).some(each => each >= placeOfLevel(code)), isBound: false };
  const kinds = kindsOfLabel(label);
  return {
    onResource,
    isOn: labels =>
      labels.some(each => kinds.some(kind => kind.system === each['system'] && kind.code === each['code'])),
    isBound: false,
  };
}

const levelsIn = (labels: readonly JsonObject[]): readonly number[] =>
  labels.flatMap(label => {
    const level = levelOf(label);
    return level === undefined ? [] : [placeOfLevel(level)];
  });

const isAtMost = (labels: readonly JsonObject[], level: Parameters<typeof placeOfLevel>[0]): boolean =>
  levelsIn(labels).every(each => each <= placeOfLevel(level));
