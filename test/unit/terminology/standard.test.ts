/** The standard's own ValueSets and CodeSystems, and what they expand to. */
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { before, describe, it } from 'mocha';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import { FhirError } from '../../../src/fhir/error.js';
import { createSearchParameters } from '../../../src/search/parameters.js';
import { tokensFor } from '../../../src/search/parse-token.js';
import { indexConcepts } from '../../../src/terminology/code-system.js';
import type { CodeSystem, Concept, ValueSet } from '../../../src/terminology/resources.js';
import { loadStandard, type Standard } from '../../../src/terminology/standard.js';
import { createTerminology } from '../../../src/terminology/terminology.js';
import { readArchive, readText, skipWithout } from '../../support/shared.js';
import { codeSystem, concepts, refusal, terms, textOf, valueSet } from '../../support/terms.js';

const HL7 = 'http://hl7.org/fhir/ValueSet';
const definitions = loadDefinitions();
const terminology = createTerminology(() => Promise.resolve(undefined), { bases: [] });
let standard: Standard;

interface Listed {
  readonly members: ReadonlySet<string>;
  /** A whole code system of which we have no concepts. */
  readonly open?: string;
}

/** The members as `system|code`, whole code systems written out. */
async function list(url: string): Promise<Listed> {
  const members = new Set<string>();
  let open: string | undefined;
  for (const value of await terminology.codesOf({ kind: 'concept', relation: 'in', value: url })) {
    const system = value.code === undefined ? standard.codeSystem({ url: value.system! }) : undefined;
    if (value.code !== undefined) members.add(textOf(value));
    else if (!system?.concept) open = value.system;
    else {
      const found = indexConcepts(system);
      found.codes.forEach((code, at) => found.isSelectable(at) && members.add(`${value.system}|${code}`));
    }
  }
  return { members, ...(open === undefined ? {} : { open }) };
}

interface Contains {
  readonly system?: string;
  readonly code?: string;
  readonly contains?: readonly Contains[];
}

interface Published {
  readonly url: string;
  readonly expansion: {
    readonly contains?: readonly Contains[];
    readonly extension?: readonly { readonly url: string }[];
  };
}

const listed = (contains: readonly Contains[] = []): string[] =>
  contains.flatMap(each => [`${each.system}|${each.code}`, ...listed(each.contains)]);

/** Codes of a system that are deprecated or retired, or lie below such. */
function outOfUse(system: string | undefined): ReadonlySet<string> {
  const found = new Set<string>();
  const walk = (siblings: readonly Concept[] | undefined, above: boolean): void => {
    for (const { code, property, concept } of siblings ?? []) {
      const out =
        above ||
        (property ?? []).some(each => each.code === 'status' && /^(?:deprecated|retired)$/.test(each.valueCode ?? ''));
      if (out) found.add(`${system}|${code}`);
      walk(concept, out);
    }
  };
  walk(system === undefined ? undefined : standard.codeSystem({ url: system })?.concept, false);
  return found;
}

/** Expansions that are other than ours, beside those that leave out concepts that are deprecated or retired. */
const OTHERWISE: ReadonlyMap<string, string> = new Map([
  [`${HL7}/c80-doc-typecodes`, 'cut after 1,000 codes'],
  [`${HL7}/currencies`, 'lacks currencies that came later'],
  [
    `${HL7}/detectedissue-category`,
    'does not follow the property child of v3-ActCode, which has many concepts in two places',
  ],
]);

/** Code systems and value sets that are no part of the standard. */
const ELSEWHERE = /http:\/\/(?:snomed\.info\/sct|loinc\.org|dicom\.nema\.org\/\S+) /;

describe("the standard's terminology", () => {
  before(async () => {
    standard = await loadStandard();
  });

  it('is a small file, with displays', () => {
    const { size } = statSync(new URL('../../../r4/terminology.json', import.meta.url));
    assert.ok(size > 1_000_000 && size < 2_500_000, `${size} bytes`);
  });

  it('expands every required list to the codes that validation knows', async () => {
    let compared = 0;
    for (const [url, { codes }] of definitions.codeLists) {
      const { members, open } = await list(url);
      assert.equal(open, undefined, url);
      const ours = new Set([...members].map(text => text.slice(text.indexOf('|') + 1)));
      assert.deepEqual([...ours].toSorted(), [...codes].toSorted(), url);
      compared += 1;
    }
    assert.equal(compared, 220);
  });

  it('expands to what HL7 published as expansions', async function () {
    const file = skipWithout(this, 'data', 'r4-packages', 'hl7.fhir.r4.expansions-4.0.1.tgz');
    const counts = { equal: 0, outOfUse: 0, otherwise: 0, whole: 0, elsewhere: 0 };
    for (const { name, text } of readArchive(file)) {
      if (!/\/ValueSet-[^/]*\.json$/.test(name)) continue;
      const { url, expansion } = JSON.parse(text) as Published;
      const theirs = new Set(listed(expansion.contains));
      let ours: Listed;
      try {
        ours = await list(url);
      } catch (error) {
        assert.ok(error instanceof FhirError && ELSEWHERE.test(error.message), `${url}: ${String(error)}`);
        counts.elsewhere += 1;
        continue;
      }
      if (ours.open !== undefined) {
        counts.whole += 1;
        continue;
      }
      const missing = [...theirs].filter(code => !ours.members.has(code));
      const more = [...ours.members].filter(code => !theirs.has(code));
      assert.deepEqual(missing, [], url);
      if (OTHERWISE.has(url)) {
        assert.ok(more.length > 0, `${url} is equal now: remove it from the list`);
        counts.otherwise += 1;
      } else if (more.length > 0) {
        const old = outOfUse(more[0]?.split('|')[0]);
        assert.deepEqual(
          more.filter(code => !old.has(code)),
          [],
          url,
        );
        counts.outOfUse += 1;
      } else counts.equal += 1;
    }
    assert.deepEqual(counts, { equal: 485, outOfUse: 9, otherwise: 3, whole: 11, elsewhere: 45 });
  });

  it('holds the ValueSets and CodeSystems of R4, and no others', function () {
    skipWithout(this, 'data', 'r4-definitions', 'valuesets.json.gz');
    const codesOf = (siblings: readonly Concept[] | undefined): string[] =>
      (siblings ?? []).flatMap(({ code, concept }) => [
        code ?? '',
        ...codesOf(concept).map(inner => `${code}>${inner}`),
      ]);
    let compared = 0;
    for (const name of ['valuesets', 'v3-codesystems', 'v2-tables']) {
      const file = skipWithout(this, 'data', 'r4-definitions', `${name}.json.gz`);
      const { entry } = JSON.parse(readText(file)) as { entry: { resource: CodeSystem | ValueSet }[] };
      for (const { resource } of entry) {
        const { url } = resource;
        if (resource.resourceType === 'CodeSystem') {
          const ours = standard.codeSystem({ url: url! });
          assert.equal(ours?.content, resource.content, url);
          assert.equal(ours?.hierarchyMeaning, resource.hierarchyMeaning, url);
          // The garbled codes of build/corrections.ts: they end in a blank.
          const theirs = codesOf(resource.concept).filter(code => !/\s$/u.test(code));
          assert.deepEqual(codesOf(ours?.concept), theirs, url);
        } else {
          const ours = standard.valueSet({ url: url! });
          assert.equal(ours?.compose?.include?.length, resource.compose?.include?.length, url);
        }
        compared += 1;
      }
    }
    assert.equal(compared, 1062 + 1316);
    assert.equal(standard.valueSet({ url: `${HL7}/detectedissue-status` }), undefined);
  });

  it('comes after what users stored', async () => {
    const gender = `${HL7}/administrative-gender`;
    const system = 'http://hl7.org/fhir/administrative-gender';
    assert.deepEqual(await terms([], 'standard').within(gender), [`${system}|`]);
    assert.deepEqual(await terms([], 'standard').within(`${gender}|4.0.1`), [`${system}|`]);
    assert.deepEqual(await terms([], 'standard').within('ValueSet/administrative-gender'), [`${system}|`]);
    assert.deepEqual((await refusal(terms([], 'standard').within(`${gender}|9`))).detail, 'unknown-value-set');
    const stored = valueSet(gender, { system, concept: concepts('male') });
    assert.deepEqual(await terms([stored], 'standard').within(gender), [`${system}|male`]);
    const empty = { ...codeSystem(system, []), content: 'not-present' };
    assert.deepEqual(await terms([empty], 'standard').below(system, 'male'), [`${system}|male`]);
  });

  it('answers the questions that v3 code systems are made for', async () => {
    const { below, above } = terms([], 'standard');
    const role = 'http://terminology.hl7.org/CodeSystem/v3-RoleCode';
    assert.deepEqual(
      await below(role, 'PRN'),
      [
        'ADOPTP',
        'ADOPTF',
        'ADOPTM',
        'FTH',
        'FTHFOST',
        'GESTM',
        'MTH',
        'MTHFOST',
        'NFTH',
        'NFTHF',
        'NMTH',
        'NMTHF',
        'NPRN',
        'PRN',
        'PRNFOST',
        'STPFTH',
        'STPMTH',
        'STPPRN',
      ]
        .map(code => `${role}|${code}`)
        .toSorted(),
    );
    assert.ok((await above(role, 'NMTH')).includes(`${role}|FAMMEMB`));
  });

  it('has the implicit value sets of SNOMED CT and LOINC', async () => {
    const sct = 'http://snomed.info/sct';
    const stored = codeSystem(sct, [{ code: '404684003', concept: concepts('64572001') }, { code: '138875005' }]);
    const { within } = terms([stored], 'standard');
    assert.deepEqual(await within(`${sct}?fhir_vs`), [`${sct}|`]);
    assert.deepEqual(await within(`${sct}?fhir_vs=isa/404684003`), [`${sct}|404684003`, `${sct}|64572001`]);
    assert.deepEqual(await within('http://loinc.org/vs'), ['http://loinc.org|']);
    assert.deepEqual((await refusal(within(`${sct}?fhir_vs=refset/1`))).detail, 'unknown-value-set');
    const { detail } = await refusal(terms([], 'standard').within(`${sct}?fhir_vs=isa/404684003`));
    assert.equal(detail, 'unknown-code-system');
  });
});

describe('codes as the index holds them', () => {
  const parameters = createSearchParameters(definitions);
  const parameter = (type: string, code: string) => parameters.get(type, code)!;
  const GENDER = 'http://hl7.org/fhir/administrative-gender';

  it('have no system where the element is a code', async () => {
    const values = await terminology.codesOf({
      kind: 'concept',
      relation: 'in',
      value: `${HL7}/administrative-gender`,
    });
    assert.deepEqual(tokensFor(parameter('Patient', 'gender'), values), [{ system: '' }]);
    assert.deepEqual(tokensFor(parameter('Patient', 'gender'), [{ system: GENDER, code: 'male' }]), [
      { system: '', code: 'male' },
    ]);
  });

  it('keep their system where it is another or the element says it', () => {
    const other = [{ system: 'http://example.org', code: 'male' }, { code: 'male' }];
    assert.deepEqual(tokensFor(parameter('Patient', 'gender'), other), other);
    assert.deepEqual(tokensFor(parameter('Observation', 'code'), other), other);
  });

  it('have both forms where some elements are codes and some are not', () => {
    const mixed = definitions.resourceTypes
      .flatMap(type => [...parameters.of(type).values()])
      .find(
        ({ type, implied, elements }) => type === 'token' && implied !== undefined && elements.has('CodeableConcept'),
      );
    assert.ok(mixed?.implied);
    const value = { system: mixed.implied, code: 'x' };
    assert.deepEqual(tokensFor(mixed, [value]), [{ system: '', code: 'x' }, value]);
  });
});
