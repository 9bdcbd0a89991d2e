/**
 * Writes dist/r4/validators.cjs: the structural gate, compiled ahead by Ajv from build/schema.ts. One file for all
 * types, because they share the data types' functions; it stops at the first error and says only yes or no, since
 * collecting errors costs quadratic time on hostile bodies. src/validation/explain.ts finds the words.
 *
 * The file exports `(checks) => (resource) => boolean`, with `checks` = src/validation/checks.ts.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { Ajv, type CodeKeywordDefinition } from 'ajv';
import { _, type Code, getProperty, or, stringify } from 'ajv/dist/compile/codegen/index.js';
import standalone from 'ajv/dist/standalone/index.js';
import type { DefinitionsFile } from '../src/fhir/definitions.js';
import { type Rules, schemaOf } from './schema.js';

const ROOT = new URL('../../', import.meta.url);

/** `codes: canonical`: the string is in the code list. */
const codes: CodeKeywordDefinition = {
  keyword: 'codes',
  type: 'string',
  code: cxt => cxt.fail(_`!codeLists.get(${cxt.schema as string}).has(${cxt.data})`),
};

/** `check: name`: the function of checks.ts accepts the string. */
const check: CodeKeywordDefinition = {
  keyword: 'check',
  type: 'string',
  code: cxt => cxt.fail(_`!checks${getProperty(cxt.schema as string)}(${cxt.data})`),
};

/** `resource: true | false`: a resource of any type; true: a contained one. */
const resource: CodeKeywordDefinition = {
  keyword: 'resource',
  type: 'object',
  code: cxt => cxt.fail(_`!validateInner(${cxt.data}, ${cxt.schema as boolean})`),
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
    const places = gen.scopeValue('schema', { ref: own.places, code: _`new Map(${stringify(entries)})` });
    broken.unshift(_`!checks.hasRightKeys(${data}, ${places}, ${own.requiredChoices})`);
    if (own.extension) broken.push(_`!checks.isOneOrOther(${data})`);
    if (own.contained) broken.push(_`(${data}.contained !== undefined && !checks.haveOwnIds(${data}.contained))`);
    cxt.fail(or(...broken));
  },
};

function compileGate(file: DefinitionsFile): string {
  const ajv = new Ajv({
    strict: false,
    strictNumbers: true,
    allErrors: false,
    messages: false,
    validateSchema: false,
    unicodeRegExp: false,
    keywords: [codes, check, resource, rules],
    schemas: [schemaOf(file)],
    code: { source: true, optimize: 1 },
  });
  const names = file.types.filter(type => type.kind === 'resource' && !type.abstract).map(type => type.name);
  const code = standalone.default(ajv, Object.fromEntries(names.map(name => [name, `fhir#/definitions/${name}`])));
  if (code.includes('require(')) throw new Error('The compiled gate needs a module: avoid the keyword that does.');
  const lists = Object.entries(file.codeLists).map(([canonical, list]) => [canonical, list.codes]);
  return `"use strict";
module.exports = checks => {
const exports = {};
const codeLists = new Map(${JSON.stringify(lists)}.map(([canonical, codes]) => [canonical, new Set(codes)]));
${code}
const types = new Map(Object.entries(exports));
let depth = 0;
function validateInner(resource, contained) {
  if (contained && resource.contained !== undefined) return false;
  const validate = types.get(resource.resourceType);
  if (validate === undefined || depth > checks.MOST_NESTED) return false;
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
writeFileSync(new URL('dist/r4/validators.cjs', ROOT), compileGate(file));
