/**
 * What the server answers about resources and codes, judged by HL7's validator: outcomes of $validate, expansions, what the terminology
 * operations say, what the server says of itself where guides are installed, and its own definitions. Not a part of `npm test`.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { FhirResource, Parameters } from 'fhir/r4.js';
import { after, before, describe, it } from 'mocha';
import { addGuide } from '../../src/fhir/guide-install.js';
import { changed } from '../conformance/validation/faults/fault.js';
import { GROUPS } from '../conformance/validation/faults/index.js';
import { askOracle, type OracleIssue, oracleScript } from '../support/oracle.js';
import { type RunningServer, startServer } from '../support/server.js';
import { skipWithout } from '../support/shared.js';
import { type Talk, talkTo } from '../support/talk.js';

const GUIDE = 'hl7.fhir.us.core-8.0.0';
/** The guide, and the package that it rests on. */
const PACKAGES_OF_IT = ['hl7.fhir.us.core#8.0.0', 'hl7.fhir.uv.extensions.r4#5.2.0'];
const JSON_BODY = { 'content-type': 'application/fhir+json' };
const GENDER = 'http://hl7.org/fhir/ValueSet/administrative-gender';
const V3 = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';

const given = (parameters: Readonly<Record<string, unknown>>): Parameters => ({
  resourceType: 'Parameters',
  parameter: Object.entries(parameters).map(([name, value]) => ({ name, ...(value as object) })),
});

const GRADES = {
  resourceType: 'CodeSystem',
  id: 'grades',
  url: 'http://example.org/grades',
  version: '1',
  name: 'Grades',
  status: 'draft',
  experimental: true,
  caseSensitive: true,
  content: 'complete',
  hierarchyMeaning: 'is-a',
  property: [
    { code: 'weight', type: 'decimal' },
    { code: 'inactive', type: 'boolean', uri: 'http://hl7.org/fhir/concept-properties#inactive' },
  ],
  concept: [
    {
      code: 'a',
      display: 'Good',
      definition: 'What is good.',
      designation: [{ language: 'de', value: 'Gut' }],
      property: [{ code: 'weight', valueDecimal: 1.5 }],
      concept: [{ code: 'aa', display: 'Better' }],
    },
    { code: 'b', display: 'Bad', property: [{ code: 'inactive', valueBoolean: true }] },
  ],
} as const;
const GRADE_SET = {
  resourceType: 'ValueSet',
  id: 'grades',
  url: 'http://example.org/ValueSet/grades',
  version: '1',
  name: 'Grades',
  status: 'draft',
  compose: {
    include: [{ system: GRADES.url }, { system: 'http://snomed.info/sct', concept: [{ code: '1', display: 'x' }] }],
  },
} as const;
const GRADE_MAP = {
  resourceType: 'ConceptMap',
  id: 'grades',
  url: 'http://example.org/ConceptMap/grades',
  version: '1',
  name: 'Grades',
  status: 'active',
  sourceUri: GRADE_SET.url,
  targetUri: 'http://example.org/ValueSet/marks',
  group: [
    {
      source: GRADES.url,
      target: 'http://example.org/marks',
      element: [
        { code: 'a', target: [{ code: '1', display: 'One', equivalence: 'equivalent', comment: 'As it is.' }] },
      ],
      unmapped: { mode: 'fixed', code: '6', display: 'Six' },
    },
  ],
} as const;

const enc = encodeURIComponent;
const grades = `system=${enc(GRADES.url)}`;
const gradeSet = `url=${enc(GRADE_SET.url)}`;

const READS: readonly (readonly [name: string, path: string])[] = [
  ['metadata', 'metadata'],
  ['terminology', 'metadata?mode=terminology'],
  ['expand', `ValueSet/$expand?url=${GENDER}`],
  ['expand-page', `ValueSet/$expand?url=${GENDER}&count=1&offset=1&filter=male&includeDesignations=true`],
  [
    'expand-stored',
    `ValueSet/grades/$expand?property=weight&includeDefinition=true&displayLanguage=de&excludeNested=false`,
  ],
  [
    'expand-active',
    `ValueSet/$expand?${gradeSet}&activeOnly=true&includeDesignations=true&system-version=${enc(`${GRADES.url}|1`)}`,
  ],
  ['expand-guide', 'ValueSet/$expand?url=http://hl7.org/fhir/us/core/ValueSet/us-core-documentreference-category'],
  ['expand-unknown', 'ValueSet/$expand?url=http://example.org/ValueSet/none'],
  ['expand-wrong', `ValueSet/$expand?${gradeSet}&count=many`],
  ['expand-costly', 'ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/all-languages'],
  ['code', `ValueSet/$validate-code?${gradeSet}&${grades}&code=a&display=Good`],
  ['code-wrong-display', `ValueSet/$validate-code?${gradeSet}&${grades}&code=a&display=Fine&displayLanguage=de`],
  ['code-unknown', `ValueSet/$validate-code?${gradeSet}&${grades}&code=z`],
  ['code-inactive', `ValueSet/$validate-code?${gradeSet}&${grades}&code=b&activeOnly=true`],
  ['code-inferred', `ValueSet/$validate-code?${gradeSet}&code=aa&inferSystem=true`],
  ['code-system', `CodeSystem/$validate-code?url=${enc(GRADES.url)}&code=a`],
  ['code-system-unknown', 'CodeSystem/$validate-code?url=http://example.org/none&code=a'],
  ['lookup', `CodeSystem/$lookup?${grades}&code=a`],
  ['lookup-some', `CodeSystem/$lookup?${grades}&code=aa&property=parent&property=weight&property=designation`],
  ['lookup-standard', `CodeSystem/$lookup?system=${V3}&code=AMB`],
  ['lookup-unknown', `CodeSystem/$lookup?${grades}&code=z`],
  ['subsumes', `CodeSystem/$subsumes?${grades}&codeA=a&codeB=aa`],
  ['translate', `ConceptMap/$translate?${gradeSet.replace('url', 'source')}&${grades}&code=a`],
  ['translate-fixed', `ConceptMap/grades/$translate?${grades}&code=b`],
  [
    'translate-reverse',
    `ConceptMap/$translate?url=${enc(GRADE_MAP.url)}&system=http://example.org/marks&code=1&reverse=true`,
  ],
  ['translate-none', `ConceptMap/$translate?url=${enc(GRADE_MAP.url)}&system=http://example.org/other&code=1`],
  ['definition', 'StructureDefinition?url=http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient'],
  ['value-set', 'ValueSet?url=http://hl7.org/fhir/us/core/ValueSet/us-core-documentreference-category'],
  ['parameter', 'SearchParameter?url=http://hl7.org/fhir/us/core/SearchParameter/us-core-race'],
];

const POSTS: readonly (readonly [name: string, path: string, body: FhirResource])[] = [
  [
    'expand-sent',
    'ValueSet/$expand',
    given({ valueSet: { resource: { ...GRADE_SET, id: 'sent', url: 'http://example.org/sent' } } }),
  ],
  [
    'expand-with',
    'ValueSet/$expand',
    given({
      url: { valueUri: 'http://example.org/ValueSet/with' },
      'tx-resource': { resource: { ...GRADE_SET, id: 'with', url: 'http://example.org/ValueSet/with' } },
    }),
  ],
  [
    'code-concept',
    'ValueSet/$validate-code',
    given({
      url: { valueUri: GRADE_SET.url },
      codeableConcept: {
        valueCodeableConcept: {
          coding: [
            { system: GRADES.url, code: 'z' },
            { system: GRADES.url, code: 'a', display: 'Fine' },
          ],
        },
      },
    }),
  ],
  [
    'batch-code',
    'ValueSet/$batch-validate-code',
    {
      resourceType: 'Parameters',
      parameter: ['a', 'z'].map(code => ({
        name: 'validation',
        resource: given({ url: { valueUri: GRADE_SET.url }, coding: { valueCoding: { system: GRADES.url, code } } }),
      })),
    },
  ],
];

describe('what the server answers about resources and codes, judged by the validator of HL7', () => {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-answers-'));
  const files: string[] = [];
  let script = '';
  let server: RunningServer | undefined;
  after(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const keep = (name: string, text: string): void => {
    files.push(join(folder, name));
    writeFileSync(join(folder, name), text);
  };

  /** The answer in JSON and in XML. */
  async function ask(talk: Talk, name: string, method: string, path: string, body?: FhirResource): Promise<void> {
    for (const form of ['json', 'xml']) {
      const accept = `application/fhir+${form}`;
      const options = body
        ? { headers: { ...JSON_BODY, accept }, body: JSON.stringify(body) }
        : { headers: { accept } };
      const reply = await talk.send(method, path, options);
      assert.ok(reply.status < 500, `${name}: ${reply.text}`);
      keep(`${name}.${form}`, reply.text);
    }
  }

  before('asks everything', async function () {
    script = oracleScript(this);
    const guides = join(folder, 'guides');
    const file = skipWithout(this, 'data', 'ig-packages', `${GUIDE}.tgz`);
    await addGuide(guides, file, { registry: undefined, first: false });
    server = await startServer({ store: 'embedded', config: { guides } });
    const talk = talkTo(server.base);
    for (const stored of [GRADES, GRADE_SET, GRADE_MAP]) {
      const reply = await talk.update(stored as unknown as FhirResource);
      assert.equal(reply.status, 201, reply.text);
    }
    for (const [name, path] of READS) await ask(talk, name, 'GET', path);
    for (const [name, path, body] of POSTS) await ask(talk, name, 'POST', path, body);
    for (const name of readdirSync('profiles').filter(each => each.startsWith('operationdefinition-'))) {
      const { id } = JSON.parse(readFileSync(join('profiles', name), 'utf8')) as { id: string };
      await ask(talk, name.replace('.json', ''), 'GET', `OperationDefinition/${id}`);
    }
    for (const [at, { base, faults }] of GROUPS.entries())
      for (const [index, [, change]] of faults.entries()) {
        if ((at + index) % 7 !== 0) continue;
        const resource = changed(base()!, change) as unknown as FhirResource;
        await ask(talk, `outcome-${at}-${index}`, 'POST', `${resource.resourceType}/$validate`, resource);
      }
  });

  it('has no errors, and the validator finds one that was put there', () => {
    assert.ok(files.length > 150, `${files.length} answers`);
    assert.equal(new Set(files).size, files.length);
    keep(
      'control.json',
      JSON.stringify({ resourceType: 'OperationOutcome', issue: [{ severity: 'grave', code: 'invalid' }] }),
    );
    const { issues } = askOracle(script, { files, packages: PACKAGES_OF_IT });
    const [planted, found] = [
      issues.filter(isControl),
      issues.filter(issue => !isControl(issue) && !isOfElsewhere(issue)),
    ];
    assert.ok(planted.length > 0);
    const told = found.map(({ file, expression, text }) => `${basename(file)} ${expression}: ${text}`);
    assert.deepEqual(told, [], told.join('\n'));
  });
});

const isControl = ({ file }: { readonly file: string }): boolean => file.endsWith('control.json');

/** What HL7 defines elsewhere, and is not at hand offline: elements of R5 as extensions, and what its tools say to each other. */
const isOfElsewhere = ({ id, text }: OracleIssue): boolean =>
  (id === 'Extension_EXT_Version_Invalid' &&
    text.includes("'http://hl7.org/fhir/5.0/StructureDefinition/extension-")) ||
  text.startsWith("No definition could be found for URL value 'http://hl7.org/fhir/tools/");
