/**
 * Parameters → the operations of a FHIRPath Patch: https://hl7.org/fhir/R4/fhirpatch.html
 *
 * Choices: the whole patch is read before any of it is applied; parts that an operation does not know are refused, and
 * so is one that is given twice.
 */
import { setImmediate as breath } from 'node:timers/promises';
import { isMembers, type Members, type Node } from '../json/document.js';
import { FhirError } from '../error.js';
import { readPath } from './fhirpath-location.js';
import { malformedPatch, operationsIn, placed } from './operations.js';

/** The parts that each type of operation has beside type and path; all of them are needed. */
const PARTS: Readonly<Record<FhirPathOperation['type'], readonly string[]>> = {
  add: ['name', 'value'],
  insert: ['index', 'value'],
  delete: [],
  replace: ['value'],
  move: ['source', 'destination'],
};

interface Located {
  readonly path: string;
}
export type FhirPathOperation =
  | (Located & { readonly type: 'add'; readonly name: string; readonly value: Members })
  | (Located & { readonly type: 'insert'; readonly index: number; readonly value: Members })
  | (Located & { readonly type: 'delete' })
  | (Located & { readonly type: 'replace'; readonly value: Members })
  | (Located & { readonly type: 'move'; readonly source: number; readonly destination: number });

/** Characters of all paths: to read one takes longer than to follow it. */
const MAX_PATHS = 50_000;
/** Parts of one value: each of them looks at those before. */
const MAX_PARTS = 1000;

/** Throws `invalid`, `too-costly`. Others get their turn between two operations. */
export async function readFhirPathOperations(parameters: Node): Promise<FhirPathOperation[]> {
  const list = operationsIn(
    isMembers(parameters) ? (parameters['parameter'] ?? []) : undefined,
    'A FHIRPath Patch is a Parameters resource.',
  );
  const operations: FhirPathOperation[] = [];
  let characters = 0;
  for (const [at, parameter] of list.entries())
    try {
      await breath();
      const operation = readFhirPathOperation(parameter);
      characters += operation.path.length;
      if (characters > MAX_PATHS)
        throw new FhirError('too-costly', `The paths of a patch may have ${MAX_PATHS} characters together.`);
      operations.push(operation);
    } catch (error) {
      throw placed(error, `Operation ${at}`, `Parameters.parameter[${at}]`);
    }
  return operations;
}

function readFhirPathOperation(parameter: Node): FhirPathOperation {
  if (!isMembers(parameter) || parameter['name'] !== 'operation')
    throw malformedPatch('Every parameter of a patch must be named operation.');
  const parts = partsOf(parameter);
  const type = readText(parts, 'type');
  const wanted = Object.hasOwn(PARTS, type) ? ['type', 'path', ...PARTS[type as FhirPathOperation['type']]] : [];
  if (wanted.length === 0) throw malformedPatch('Its type must be add, insert, delete, replace or move.');
  if (parts.size !== wanted.length || wanted.some(name => !parts.has(name)))
    throw malformedPatch(`Its parts must be ${wanted.join(', ')}, each of them once.`);
  const path = readPath(readText(parts, 'path'));
  const value = parts.get('value') ?? {};
  if (wanted.includes('value')) checkValue(value);
  switch (type as FhirPathOperation['type']) {
    case 'add':
      return { type: 'add', path, name: readText(parts, 'name'), value };
    case 'insert':
      return { type: 'insert', path, index: readInteger(parts, 'index'), value };
    case 'delete':
      return { type: 'delete', path };
    case 'replace':
      return { type: 'replace', path, value };
    case 'move':
      return {
        type: 'move',
        path,
        source: readInteger(parts, 'source'),
        destination: readInteger(parts, 'destination'),
      };
  }
}

type Parts = ReadonlyMap<string, Members>;

function partsOf(parameter: Members): Parts {
  const list = parameter['part'];
  const found = new Map<string, Members>();
  for (const part of Array.isArray(list) ? list : []) {
    const name = isMembers(part) ? part['name'] : undefined;
    if (!isMembers(part) || typeof name !== 'string') throw malformedPatch('Its parts need names.');
    if (found.has(name)) throw malformedPatch('It has two parts of the same name.');
    found.set(name, part);
  }
  return found;
}

function readText(parts: Parts, name: string): string {
  const part = parts.get(name);
  const text = part?.['valueString'] ?? part?.['valueCode'];
  if (typeof text !== 'string') throw malformedPatch(`It needs a ${name}, as a string.`);
  return text;
}

function readInteger(parts: Parts, name: string): number {
  const value = parts.get(name)?.['valueInteger'];
  if (typeof value !== 'number' || !Number.isInteger(value)) throw malformedPatch(`Its ${name} must be an integer.`);
  return value;
}

/** `String` of a part with valueString. */
export const valueType = (part: Members): string | undefined =>
  Object.keys(part)
    .map(key => /^_?value([A-Z]\w*)$/.exec(key)?.[1])
    .find(found => found !== undefined);

/** Throws `invalid` unless there is a value in the part, and in all of its own parts. */
function checkValue(part: Members): void {
  if (valueType(part) !== undefined || part['resource'] !== undefined) return;
  const parts = part['part'];
  if (!Array.isArray(parts) || parts.length === 0)
    throw malformedPatch('A value needs a value[x], a resource, or parts that have one.');
  if (parts.length > MAX_PARTS) throw new FhirError('too-costly', `A value may have ${MAX_PARTS} parts.`);
  for (const child of parts) {
    if (!isMembers(child) || typeof child['name'] !== 'string')
      throw malformedPatch('The parts of a value need names.');
    checkValue(child);
  }
}
