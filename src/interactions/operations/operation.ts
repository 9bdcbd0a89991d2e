/**
 * What an OperationDefinition says of an operation (https://hl7.org/fhir/R4/operationdefinition.html): where it is offered, by
 * which methods, whether it changes something and what it takes. Routes, /metadata, the access decision and the reader of
 * parameters follow from it, so that what is published is what is done.
 */
import { isObject, itemsOf, type Json, type Resource } from '../../fhir/resource.js';

export type OperationLevel = 'system' | 'type' | 'instance' | 'version';

/** A parameter that an operation takes. */
export interface ParameterDefinition {
  readonly name: string;
  readonly min: number;
  /** Infinity: `*`. */
  readonly max: number;
  /** Absent: it has parts. */
  readonly type?: string;
}

export interface OperationOffer {
  /** What becomes of what it is asked of. */
  readonly effect: 'reads' | 'changes';
  /** Without the dollar sign. */
  readonly code: string;
  /** Id of its OperationDefinition among those that the server brings along. */
  readonly definition: string;
  readonly levels: readonly OperationLevel[];
  /** GET only where asking changes nothing and every parameter that must be given fits into a URL. */
  readonly methods: readonly ('GET' | 'POST')[];
  /** Types that it is offered for, below the system level; absent: all. */
  readonly types?: readonly string[];
  readonly parameters: readonly ParameterDefinition[];
}

/** `ofVersions`: also of one version of a resource, which an OperationDefinition cannot say. */
export function offerOf(definition: Resource, ofVersions: boolean): OperationOffer {
  const { id, code, system, type, instance, affectsState, resource } = definition;
  const levels = [system && 'system', type && 'type', instance && 'instance', instance && ofVersions && 'version'];
  const types = itemsOf(resource).map(jsonText);
  const parameters = itemsOf(definition['parameter']).flatMap(parameterOf);
  const simple = parameters.every(({ type: kind, min }) => isPrimitiveType(kind) || min === 0);
  return {
    code: jsonText(code),
    definition: jsonText(id),
    effect: affectsState === true ? 'changes' : 'reads',
    levels: levels.filter((level): level is OperationLevel => typeof level === 'string'),
    methods: affectsState !== true && simple ? ['GET', 'POST'] : ['POST'],
    ...(types.length === 0 || types.includes('Resource') ? {} : { types }),
    parameters,
  };
}

/** Names of primitive types alone begin with a small letter. */
export const isPrimitiveType = (type: string | undefined): type is string => type !== undefined && /^[a-z]/.test(type);

/** A string, as it is: of anything else nothing. */
export const jsonText = (value: Json | undefined): string => (typeof value === 'string' ? value : '');

function parameterOf(given: Json): ParameterDefinition[] {
  if (!isObject(given) || given['use'] !== 'in') return [];
  const { name, min, max, type } = given;
  return [
    {
      name: jsonText(name),
      min: Number(min),
      max: max === '*' ? Infinity : Number(max),
      ...(typeof type === 'string' ? { type } : {}),
    },
  ];
}
