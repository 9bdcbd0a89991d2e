/**
 * Parameters → the operations of a FHIRPath Patch: https://hl7.org/fhir/R4/fhirpatch.html
 *
 * Choices: the whole patch is read before any of it is applied; parts that an operation does not know are refused, and
 * so is one that is given twice.
 */
import { setImmediate as breath } from 'node:timers/promises';
import { isMembers, MAX_OPERATIONS, type Members, type Node, placed } from '../json/document.js';
import { FhirError } from '../error.js';
import { readPath } from './fhirpath-location.js';

/** The parts that each type of operation has beside type and path; all of them are needed. */
const PARTS: Readonly<Record<Operation['type'], readonly string[]>> = {
  add: ['name', 'value'],
  insert: ['index', 'value'],
  delete: [],
  replace: ['value'],
  move: ['source', 'destination'],
};

interface Located {
  readonly path: string;
}
export type Operation =
  | (Located & { readonly type: 'add'; readonly name: string; readonly value: Members })
  | (Located & { readonly type: 'insert'; readonly index: number; readonly value: Members })
  | (Located & { readonly type: 'delete' })
  | (Located & { readonly type: 'replace'; readonly value: Members })
  | (Located & { readonly type: 'move'; readonly source: number; readonly destination: number });

/** Characters of all paths: to read one takes longer than to follow it. */
const MAX_PATHS = 50_000;
/** Parts of one value: each of them looks at those before. */
const MAX_PARTS = 1000;

const malformed = (why: string) => new FhirError('invalid', why, { detail: 'patch-malformed' });

/** Throws `invalid`, `too-costly`. Others get their turn between two operations. */
export async function readOperations(parameters: Node): Promise<Operation[]> {
  const list = isMembers(parameters) ? (parameters['parameter'] ?? []) : undefined;
  if (!Array.isArray(list)) throw malformed('A FHIRPath Patch is a Parameters resource.');
  if (list.length > MAX_OPERATIONS)
    throw new FhirError('too-costly', `A patch may have ${MAX_OPERATIONS} operations: send fewer.`);
  const operations: Operation[] = [];
  let characters = 0;
  for (const [at, parameter] of list.entries())
    try {
      await breath();
      const operation = readOperation(parameter);
      characters += operation.path.length;
      if (characters > MAX_PATHS)
        throw new FhirError('too-costly', `The paths of a patch may have ${MAX_PATHS} characters together.`);
      operations.push(operation);
    } catch (error) {
      throw placed(error, `Operation ${at}`, `Parameters.parameter[${at}]`);
    }
  return operations;
}

function readOperation(parameter: Node): Operation {
  if (!isMembers(parameter) || parameter['name'] !== 'operation')
    throw malformed('Every parameter of a patch must be named operation.');
  const parts = partsOf(parameter);
  const type = readText(parts, 'type');
  const wanted = Object.hasOwn(PARTS, type) ? ['type', 'path', ...PARTS[type as Operation['type']]] : [];
  if (wanted.length === 0) throw malformed('Its type must be add, insert, delete, replace or move.');
  if (parts.size !== wanted.length || wanted.some(name => !parts.has(name)))
    throw malformed(`Its parts must be ${wanted.join(', ')}, each of them once.`);
  const path = readPath(readText(parts, 'path'));
  const value = parts.get('value') ?? {};
  if (wanted.includes('value')) checkValue(value);
  switch (type as Operation['type']) {
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
    if (!isMembers(part) || typeof name !== 'string') throw malformed('Its parts need names.');
    if (found.has(name)) throw malformed('It has two parts of the same name.');
    found.set(name, part);
  }
  return found;
}

function readText(parts: Parts, name: string): string {
  const part = parts.get(name);
  const text = part?.['valueString'] ?? part?.['valueCode'];
  if (typeof text !== 'string') throw malformed(`It needs a ${name}, as a string.`);
  return text;
}

function readInteger(parts: Parts, name: string): number {
  const value = parts.get(name)?.['valueInteger'];
  if (typeof value !== 'number' || !Number.isInteger(value)) throw malformed(`Its ${name} must be an integer.`);
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
    throw malformed('A value needs a value[x], a resource, or parts that have one.');
  if (parts.length > MAX_PARTS) throw new FhirError('too-costly', `A value may have ${MAX_PARTS} parts.`);
  for (const child of parts) {
    if (!isMembers(child) || typeof child['name'] !== 'string') throw malformed('The parts of a value need names.');
    checkValue(child);
  }
}
