/**
 * Writes dist/r4/validators.cjs: the structural gate, compiled ahead by Ajv from build/schema.ts. One file for all
 * types, because they share the data types' functions; it stops at the first error and says only yes or no, since
 * collecting errors costs quadratic time on hostile bodies. src/validation/gate/explain.ts finds the words.
 *
 * The file exports `(checks) => (resource) => boolean`, with `checks` = src/validation/gate/checks.ts. Beside it stands what V8 makes of it
 * (src/validation/gate/gate.ts).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { Ajv, type CodeKeywordDefinition } from 'ajv';
import { _, type Code, getProperty, or, stringify } from 'ajv/dist/compile/codegen/index.js';
import { Type } from 'ajv/dist/compile/util.js';
import standalone from 'ajv/dist/standalone/index.js';
import type { DefinitionsFile } from '../src/fhir/definitions.js';
import { MAX_STRING_CHARACTERS } from '../src/validation/gate/checks.js';
import { compiledGate } from '../src/validation/gate/gate.js';
import { type Rules, type Schema, schemaOf } from './schema.js';

const ROOT = new URL('../../', import.meta.url);

/** `codes: canonical`: the string is in the code list. */
function codesOf(file: DefinitionsFile): CodeKeywordDefinition {
  const sets = new Map(Object.entries(file.codeLists).map(([canonical, { codes }]) => [canonical, new Set(codes)]));
  return {
    keyword: 'codes',
    type: 'string',
    code(cxt) {
      const set = sets.get(cxt.schema as string) ?? new Set();
      const name = cxt.gen.scopeValue('schema', { ref: set, code: _`new Set(${stringify([...set])})` });
      cxt.fail(_`!${name}.has(${cxt.data})`);
    },
  };
}

/** `check: name`: the function of checks.ts accepts the string. */
const check: CodeKeywordDefinition = {
  keyword: 'check',
  type: 'string',
  code: cxt => cxt.fail(_`!checks${getProperty(cxt.schema as string)}(${cxt.data})`),
};

/** `short: true`: the string has at most 1 MB of characters. The length is looked at first: it costs nothing. */
const short: CodeKeywordDefinition = {
  keyword: 'short',
  type: 'string',
  code: cxt => cxt.fail(_`${cxt.data}.length > ${MAX_STRING_CHARACTERS} && !checks.isShort(${cxt.data})`),
};

/** `resource: true | false`: a resource of any type; true: a contained one. */
const resource: CodeKeywordDefinition = {
  keyword: 'resource',
  type: 'object',
  code: cxt => cxt.fail(_`!validateInner(${cxt.data}, ${cxt.schema as boolean})`),
};

/**
 * `choices`: properties with their schemas, of which few are present. The same as `properties`, but the object's keys are
 * looked through for names, not the object for each of fifty names: an extension takes a third of the time.
 */
const choices: CodeKeywordDefinition = {
  keyword: 'choices',
  type: 'object',
  code(cxt) {
    const { gen, data } = cxt;
    const valid = gen.name('valid');
    gen.forIn('key', data, key => {
      for (const [index, name] of Object.keys(cxt.schema as Schema).entries()) {
        if (index === 0) gen.if(_`${key} === ${name}`);
        else gen.elseIf(_`${key} === ${name}`);
        cxt.subschema({ keyword: 'choices', schemaProp: name, dataProp: key, dataPropType: Type.Str }, valid);
      }
      gen.endIf();
      gen.if(_`${valid} === false`, () => gen.break());
    });
    cxt.ok(_`${valid} !== false`);
  },
};

/** `rules`: what concerns more than one property. */
const rules: CodeKeywordDefinition = {
  keyword: 'rules',
  type: 'object',
  code(cxt) {
    const { gen, data } = cxt;
    const own = cxt.schema as Rules;
    const of = (name: string): Code => _`${data}${getProperty(name)}`;
    const broken: Code[] = own.required.map(({ name, sibling }) =>
      sibling ? _`(${of(name)} === undefined && ${of(`_${name}`)} === undefined)` : _`${of(name)} === undefined`,
    );
    for (const name of own.arrays) {
      const [values, siblings] = [of(name), of(`_${name}`)];
      broken.push(
        _`((${values} !== undefined || ${siblings} !== undefined) && !checks.areAligned(${values}, ${siblings}))`,
      );
    }
    const entries = Object.entries(own.places);
    const places = gen.scopeValue('schema', { ref: new Map(entries), code: _`new Map(${stringify(entries)})` });
    broken.unshift(_`!checks.hasRightKeys(${data}, ${places}, ${own.requiredChoices})`);
    if (own.extension) broken.push(_`!checks.isOneOrOther(${data})`);
    if (own.contained) broken.push(_`(${data}.contained !== undefined && !checks.haveOwnIds(${data}.contained))`);
    cxt.fail(or(...broken));
  },
};

/** A JavaScript string in the generated code. */
const STRING = String.raw`"(?:[^"\\]|\\.)*"`;

/**
 * Takes out of the generated code what only serves messages: descriptions of errors, the paths handed down to make
 * them, and the text of the schemas. Half the size, and no object made per call.
 */
function strip(code: string): string {
  const inner = String.raw`(?:${STRING}|[^"{}])*`;
  const stripped = code
    .replace(new RegExp(String.raw`\{instancePath(?:${inner})schemaPath:${inner}params:\{${inner}\}\}`, 'g'), 'fault')
    .replaceAll(', {instancePath="", parentData, parentDataProperty, rootData=data}={}', '')
    .replace(new RegExp(String.raw`, \{instancePath:${inner}rootData\}\)`, 'g'), ')')
    .replace(/const schema\d+ = \{"type":"object".*?\};(?=const |function |exports)/g, '');
  if (/instancePath|rootData/.test(stripped)) throw new Error('Ajv writes other code than expected: adapt strip.');
  return stripped;
}

function compileGate(file: DefinitionsFile): string {
  const ajv = new Ajv({
    strict: false,
    strictNumbers: true,
    allErrors: false,
    messages: false,
    validateSchema: false,
    unicodeRegExp: false,
    keywords: [codesOf(file), check, short, resource, choices, rules],
    schemas: [schemaOf(file)],
    code: { source: true, optimize: 1 },
  });
  const names = file.types.filter(type => type.kind === 'resource' && !type.abstract).map(type => type.name);
  const code = standalone.default(ajv, Object.fromEntries(names.map(name => [name, `fhir#/definitions/${name}`])));
  if (code.includes('require(')) throw new Error('The compiled gate needs a module: avoid the keyword that does.');
  return `"use strict";
module.exports = checks => {
const exports = {};
const fault = {};
${strip(code)}
const types = new Map(Object.entries(exports));
let depth = 0;
function validateInner(resource, contained) {
  if (contained && resource.contained !== undefined) return false;
  const validate = types.get(resource.resourceType);
  if (validate === undefined || depth > checks.MAX_NESTED_RESOURCES) return false;
  depth++;
  try {
    return validate(resource);
  } finally {
    depth--;
  }
}
return resource => validateInner(resource, false);
};
`;
}

const file = JSON.parse(readFileSync(new URL('dist/r4/definitions.json', ROOT), 'utf8')) as DefinitionsFile;
const gate = compileGate(file);
if (/[^\0-\x7f]/.test(gate)) throw new Error('The compiled gate must be ASCII, as which it is read.');
writeFileSync(new URL('dist/r4/validators.cjs', ROOT), gate);
writeFileSync(new URL('dist/r4/validators.v8', ROOT), compiledGate(Buffer.from(gate)));
