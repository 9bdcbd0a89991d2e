/**
 * Official cases of HL7's validator for R4: whether a resource has errors, and where. Their README (../shared/data/validator-cases) says
 * what counts.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { FhirError, type Issue } from '../../../src/fhir/error.js';
import { parseJson, STORED_JSON } from '../../../src/fhir/json/json.js';
import type { Parsed, Resource } from '../../../src/fhir/resource.js';
import { parseXml } from '../../../src/fhir/xml/read.js';
import { claimedCanonicals } from '../../../src/validation/claims.js';
import { checkFurther } from '../../../src/validation/gate/further.js';
import { validateStructure } from '../../../src/validation/gate/structure.js';
import {
  checkerOf,
  type DefinitionSet,
  definitions,
  errorsOf,
  isNear,
  OPTIONS,
  readArchived,
  readCore,
  readPackage,
} from '../../support/profiles.js';
import { readArchive, skipWithout } from '../../support/shared.js';

interface Verdict {
  readonly errors: number;
  readonly at: readonly { readonly expression: string; readonly text: string; readonly external?: boolean }[];
  readonly offline?: boolean;
}

interface ValidatorCase {
  readonly name: string;
  readonly module: string;
  readonly file: string;
  readonly load: readonly string[];
  readonly packages?: readonly string[];
  readonly base: Verdict;
  readonly profile?: Verdict & { readonly source: string; readonly load: readonly string[] };
  readonly 'best-practice'?: string;
  readonly 'security-checks'?: boolean;
  /** Whether addresses that are reserved for examples may be used. */
  readonly examples?: boolean;
}

/** Scores that only go up, of 100. */
const FLOORS = { offline: 98.1, all: 95.2, profile: 96.2, places: 75.2, profilePlaces: 90, clean: 97.9 };

/** Cases that are not met, each with its reason; a case that is met is none of them. */
const ARGUED: readonly (readonly [why: string, ...names: string[]])[] = [
  [
    'Only a terminology server knows these names (SNOMED CT, LOINC, CVX, ICD-10); and a wrong name is a warning.',
    ...['ch/mixed-valueset-dr', 'bundle-india', 'bundle-india-bad', 'bundle-duplicate-ids-not', 'bundle-id-4'],
    ...['target-ref-profile-empty', 'cvx', 'obs-temp-code2', 'ips-link'],
  ],
  ['A wrong display is a warning.', 'patient-translated-codes'],
  [
    'Links of narratives that lead nowhere, or have a scheme that nobody follows, are warnings.',
    ...['message-empty-entry', 'bundle-enrl', 'ab-list-slicing'],
  ],
  ['HTML in strings is a warning, as the case does not ask for security-checks.', 'bad-markdown-no-html'],
  [
    'The expected places count entries from 1, or name the first entry whatever entry is meant.',
    ...['bundle-urn', 'bundle-dual-target', 'relative_reference_to_fullUrl.id_in_Composition'],
  ],
  ['The expected places are no FHIRPath.', 'xml-bad-entities', 'Observation-ex-pain.xml'],
  [
    'The expected places leave out the primitive whose extensions they are in: filter.extension for filter.value.extension.',
    ...['vs-params-2', 'vs-params-3', 'vs-params-4'],
  ],
  [
    'The faults are found where they stand, in two entries, and expected of the Bundle as a whole.',
    'ips-htmlrefs-backwards',
  ],
  [
    'The slicing of a slice is reslicing, which R4 allows; its wrong discriminators are found.',
    'StructureDefinition-Slice23',
  ],
  [
    'The definitions that decide are not among those that the case loads.',
    ...['package-versioning-wrapped2-0.1.0-bad', 'extension-version-restriction-range-r4', 'res-inv-example-good'],
  ],
  ['References lead out of the resource, and are looked up by CHARTROOM_INTEGRITY alone.', 'parameters-reference-bad'],
  ['The profile of what a reference outside leads to is not looked up.', 'patient-circle1-bad-source1'],
  ['R4 has ids of 64 characters, and no option that lets longer ones pass.', 'contained-resource-bad-id-ignore'],
  ['A day in June is not after June.', 'date-time-min-max-qr'],
  ['Extensions that enable items by expressions are not evaluated.', 'questionnaireResponse-enableWhenEx-test-fail'],
];

const read = (file: string): Parsed =>
  file.endsWith('.xml')
    ? parseXml(readFileSync(file), definitions, STORED_JSON)
    : parseJson(readFileSync(file), STORED_JSON);

/** Of what is no resource that we could read nothing is loaded. */
function load(file: string): Resource[] {
  if (!existsSync(file)) return [];
  try {
    return [read(file).resource];
  } catch {
    return [];
  }
}

interface Score {
  met: number;
  of: number;
}

describe("the cases of HL7's validator", () => {
  it('have the verdicts and places that are expected', async function () {
    const folder = skipWithout(this, 'data', 'validator-cases');
    const files = join(folder, 'files');
    const { cases } = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as {
      readonly cases: readonly ValidatorCase[];
    };
    const core = readCore()!;
    const extensions = readPackage('ig-packages', 'hl7.fhir.uv.extensions.r4-5.3.0')!;
    const scores: Record<keyof typeof FLOORS, Score> = {
      offline: { met: 0, of: 0 },
      all: { met: 0, of: 0 },
      profile: { met: 0, of: 0 },
      places: { met: 0, of: 0 },
      profilePlaces: { met: 0, of: 0 },
      clean: { met: 0, of: 0 },
    };
    const missed: string[] = [];
    const notMet = new Set<string>();
    const count = (score: Score, met: boolean) => {
      score.of++;
      if (met) score.met++;
    };

    for (const each of cases) {
      const sets = [...(each.packages ?? []).flatMap(name => packageOf(files, name) ?? []), extensions, core];
      const loaded = [...each.load, ...(each.profile?.load ?? []), each.profile?.source ?? ''];
      const own: DefinitionSet = {
        origin: 'case',
        resources: loaded.flatMap(name => (name ? load(join(files, name)) : [])),
      };
      const checker = checkerOf([own, ...sets]);
      judge(each, 'base', each.base, await errors(each, checker, []));
      if (!each.profile) continue;
      const source = load(join(files, each.profile.source))[0];
      const url = source ? (source['url'] as string) : each.profile.source;
      judge(each, 'profile', each.profile, await errors(each, checker, [url]));
    }

    for (const [name, { met, of }] of Object.entries(scores))
      process.stderr.write(`      ${name}: ${met} of ${of} (${((met / of) * 100).toFixed(1)} %)\n`);
    const argued = ARGUED.flatMap(([, ...names]) => names);
    assert.deepEqual([...notMet].toSorted(), argued.toSorted(), missed.join('\n'));
    if (process.env['SHOW_MISSED']) process.stderr.write(`${missed.join('\n')}\n`);
    for (const [name, floor] of Object.entries(FLOORS)) {
      const { met, of } = scores[name as keyof typeof FLOORS];
      assert.ok((met / of) * 100 >= floor, `${name}: ${met} of ${of}; missed:\n${missed.join('\n')}`);
    }

    function judge(each: ValidatorCase, part: 'base' | 'profile', verdict: Verdict, found: readonly Issue[]): void {
      const agrees = verdict.errors > 0 === found.length > 0;
      const places = verdict.at.every(({ expression }) =>
        found.some(issue => isNear(issue.expression ?? '', expression)),
      );
      if (part === 'base') {
        count(scores.all, agrees);
        if (verdict.offline) count(scores.offline, agrees);
        if (verdict.errors > 0) count(scores.places, places);
        else count(scores.clean, agrees);
      } else {
        count(scores.profile, agrees);
        if (verdict.errors > 0) count(scores.profilePlaces, places);
      }
      if (agrees && (verdict.errors === 0 || places)) return;
      notMet.add(each.name);
      missed.push(
        [
          `${agrees ? 'PLACE' : 'VERDICT'} ${part} ${verdict.offline ? 'offline' : ''} ${each.module} ${each.name} ${each.file}`,
          ...verdict.at.map(
            ({ expression, text, external }) =>
              `   wanted ${external ? '(tx) ' : ''}${expression}: ${text.slice(0, 200)}`,
          ),
          ...found
            .slice(0, 8)
            .map(issue => `   found ${issue.expression} ${issue.detail} ${issue.text} ${issue.diagnostics ?? ''}`),
        ].join('\n'),
      );
    }

    async function errors(
      each: ValidatorCase,
      checker: ReturnType<typeof checkerOf>,
      profiles: readonly string[],
    ): Promise<readonly Issue[]> {
      try {
        const parsed = read(join(files, each.file));
        const structure = validateStructure(parsed.resource, definitions, parsed.decimals);
        const asked = [...profiles, ...claimedCanonicals(parsed.resource)];
        const found = await checkFurther(structure, parsed, sound =>
          checker.check(
            sound,
            { base: true, profiles: asked.map(canonical => ({ canonical })), claims: true, globals: true },
            {
              ...OPTIONS,
              unknownExtensions: 'error',
              bestPractice: each['best-practice'] === undefined ? 'ignore' : 'warn',
              exampleUrls: each.examples === false ? 'error' : 'ignore',
              htmlInStrings: each['security-checks'] ? 'error' : 'warn',
            },
          ),
        );
        return errorsOf(found);
      } catch (error) {
        if (error instanceof FhirError) return error.issues;
        throw error;
      }
    }
  });
});

const packages = new Map<string, DefinitionSet | undefined>();

function packageOf(files: string, name: string): DefinitionSet | undefined {
  if (!packages.has(name)) packages.set(name, readNamed(files, name));
  return packages.get(name);
}

const readNamed = (files: string, name: string): DefinitionSet | undefined =>
  name.endsWith('.tgz')
    ? readArchived(readArchive(join(files, name)), name.replace(/\.tgz$/, ''))
    : readPackage('ig-packages', name.replace('#', '-'));
