/** What becomes of a write, by what checks find and what is asked. The checks themselves stand still here. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { FhirError, type Issue } from '../../../src/fhir/error.js';
import type { Resource } from '../../../src/fhir/resource.js';
import { claimedCanonicals } from '../../../src/validation/claims.js';
import { limitIssues, MAX_ISSUES } from '../../../src/validation/issue-list.js';
import { createJudge } from '../../../src/validation/judge.js';
import type { TypeRules, ValidationPolicy } from '../../../src/validation/policy.js';

const BASE = 'http://hl7.org/fhir/StructureDefinition/Observation';
const CLAIMED = 'urn:claimed';
const REQUIRED = 'urn:required';
const issue = (text: string, severity: Issue['severity'] = 'error', detail = 'profile-min'): Issue => ({
  severity,
  code: 'required',
  text,
  expression: 'Observation.code',
  detail,
});
function rule(diagnostics: string, text: string): Issue {
  return { ...issue(text, 'error', 'invariant'), diagnostics };
}
const FOUND: Readonly<Record<string, Issue>> = {
  [BASE]: issue('base'),
  [CLAIMED]: issue('claimed'),
  [REQUIRED]: issue('required'),
  'urn:unknown': { ...issue('unknown', 'warning', 'unknown-profile'), diagnostics: 'urn:unknown' },
  'urn:unknown2': { ...issue('unknown', 'warning', 'unknown-profile'), diagnostics: 'urn:unknown2' },
  'urn:advice': issue('advice', 'warning'),
  'urn:rule': rule('us-1 http://a.example/Extension', 'us-1: one alone'),
  'urn:repeated': rule('us-1 http://a.example/Patient', 'us-1: one alone'),
  'urn:reworded': rule('us-1 http://a.example/Extension', 'us-1: only one'),
  'urn:namesake': rule('us-1 http://a.example/Other', 'us-1: none at all'),
};

interface Setting extends Partial<TypeRules> {
  readonly base?: ValidationPolicy['base'];
  /** Canonicals whose checks find nothing. */
  readonly clean?: readonly string[];
}

function judgeWith({ base = 'enforce', clean = [], ...rules }: Setting) {
  const asked: string[][] = [];
  const counted: Issue[] = [];
  const judge = createJudge({
    policy: {
      base,
      rulesOf: () => ({ require: [], claims: 'warn', unknownProfile: 'warn', ...rules }),
      required: [],
      options: {
        unknownExtensions: 'ignore',
        bestPractice: 'ignore',
        htmlInStrings: 'warn',
        exampleUrls: 'ignore',
        mustSupport: false,
      },
    },
    check: async ({ resource }, { profiles, claims }) => {
      const all = [...profiles.map(({ canonical }) => canonical), ...(claims ? claimedCanonicals(resource) : [])];
      asked.push(all);
      if (all.includes('urn:costly')) throw new FhirError('too-costly', 'It takes too long.');
      return all.flatMap(canonical => (clean.includes(canonical) ? [] : FOUND[canonical]!));
    },
    find: async () => undefined,
    count: issues => void counted.push(...issues),
  });
  return { judge, asked, counted };
}

const observation = (...profile: string[]): Resource => ({
  resourceType: 'Observation',
  ...(profile.length > 0 ? { meta: { profile } } : {}),
});

async function write(setting: Setting, resource: Resource) {
  const { judge, asked, counted } = judgeWith(setting);
  const body = { resource, decimals: undefined };
  const told = (issues: readonly Issue[]) => issues.map(({ severity, text }) => `${severity} ${text}`);
  const as = told(await judge.asWritten(body, []));
  asked.length = 0;
  try {
    const found = told(await judge.written(body));
    assert.deepEqual(as, found, 'the same as if it were written');
    return { kind: 'accepted', told: found, asked, counted };
  } catch (error) {
    assert.ok(error instanceof FhirError);
    assert.deepEqual(as, told(error.issues), 'the same as if it were written');
    return { kind: error.kind, told: told(error.issues), asked, counted };
  }
}

const CLEAN_BASE = { clean: [BASE] };

describe('a write', () => {
  it('that breaks base rules is refused as invalid, and nothing else is asked', async () => {
    const { kind, told, asked } = await write({ require: [REQUIRED] }, observation(CLAIMED));
    assert.deepEqual([kind, told, asked], ['invalid', ['error base'], [[BASE]]]);
  });

  it('that breaks base rules is told so, or nothing is said, where that is set', async () => {
    const { kind, told } = await write({ base: 'warn' }, observation());
    assert.deepEqual([kind, told], ['accepted', ['warning base']]);
    const off = await write({ base: 'off' }, observation());
    assert.deepEqual([off.kind, off.told, off.asked], ['accepted', [], []]);
  });

  it('that claims nothing is asked the base rules alone', async () => {
    const { kind, asked, counted } = await write(CLEAN_BASE, observation());
    assert.deepEqual([kind, asked, counted], ['accepted', [[BASE]], []]);
  });

  for (const [claims, kind, told] of [
    ['warn', 'accepted', ['warning claimed']],
    ['enforce', 'unprocessable', ['error claimed']],
    ['off', 'accepted', []],
  ] as const)
    it(`that breaks what it claims is ${kind} where claims are ${claims}`, async () => {
      const found = await write({ ...CLEAN_BASE, claims }, observation(CLAIMED));
      assert.deepEqual([found.kind, found.told], [kind, told]);
      assert.equal(found.counted.length, told.length);
    });

  it('that breaks what is required is refused, whatever it claims, and once', async () => {
    const { kind, told } = await write({ ...CLEAN_BASE, require: [REQUIRED] }, observation(REQUIRED, CLAIMED));
    assert.deepEqual([kind, told], ['unprocessable', ['error required', 'warning claimed']]);
  });

  it('AUD-4: of a type whose rules are lenient is refused for no profile, and for what R4 says', async () => {
    const setting: Setting = { claims: 'enforce', require: [REQUIRED], unknownProfile: 'refuse', isLenient: true };
    const { kind, told } = await write({ ...setting, ...CLEAN_BASE }, observation(CLAIMED, 'urn:unknown'));
    assert.deepEqual([kind, told], ['accepted', ['warning required', 'warning claimed', 'warning unknown']]);
    assert.equal((await write(setting, observation())).kind, 'invalid');
  });

  it('that takes back what was said is kept by no profile from it, but by the base rules', async () => {
    const setting: Setting = { ...CLEAN_BASE, claims: 'enforce', require: [REQUIRED], unknownProfile: 'refuse' };
    for (const wrong of [
      { status: 'entered-in-error' },
      { verificationStatus: { coding: [{ code: 'confirmed' }, { code: 'entered-in-error' }] } },
    ]) {
      const { kind, told } = await write(setting, { ...observation(CLAIMED, 'urn:unknown'), ...wrong });
      assert.deepEqual([kind, told], ['accepted', ['warning required', 'warning claimed', 'warning unknown']]);
      assert.equal((await write({}, { ...observation(), ...wrong })).kind, 'invalid');
    }
    assert.equal((await write(setting, { ...observation(CLAIMED), status: 'final' })).kind, 'unprocessable');
  });

  it('that claims what is not known is told so, or refused where that is set', async () => {
    const told = await write(CLEAN_BASE, observation('urn:unknown'));
    assert.deepEqual([told.kind, told.told], ['accepted', ['warning unknown']]);
    for (const claims of ['warn', 'off', 'enforce'] as const) {
      const refused = await write({ ...CLEAN_BASE, claims, unknownProfile: 'refuse' }, observation('urn:unknown'));
      assert.deepEqual([refused.kind, refused.told], ['unprocessable', ['error unknown']], claims);
    }
  });

  it('that claims what takes too long to check is told so, and refused where claims are enforced', async () => {
    const costly = observation('urn:costly');
    const told = await write(CLEAN_BASE, costly);
    assert.equal(told.kind, 'accepted');
    assert.match(told.told.join(), /^warning The profiles that are claimed ask for too much work/);
    const { judge } = judgeWith({ ...CLEAN_BASE, claims: 'enforce' });
    await assert.rejects(judge.written({ resource: costly, decimals: undefined }), { kind: 'too-costly' });
  });

  it('that claims several profiles that are not known is told of each', async () => {
    const { counted } = await write(CLEAN_BASE, observation('urn:unknown', 'urn:unknown2'));
    assert.deepEqual(
      counted.map(({ diagnostics }) => diagnostics),
      ['urn:unknown', 'urn:unknown2'],
    );
  });

  it('is refused where a profile that is required is not known', async () => {
    assert.equal((await write({ ...CLEAN_BASE, require: ['urn:unknown'] }, observation())).kind, 'unprocessable');
  });

  it('is asked each claim once', async () => {
    const { asked } = await write(CLEAN_BASE, observation(CLAIMED, CLAIMED));
    assert.deepEqual(asked, [[BASE], [CLAIMED]]);
  });

  it('is told all that was found, counted too', async () => {
    const { told, counted } = await write(CLEAN_BASE, observation('urn:advice', CLAIMED));
    assert.deepEqual(told, ['warning advice', 'warning claimed']);
    assert.equal(counted.length, 2);
  });
});

describe('an examination', () => {
  it('tells every fault as it is, of base, claims and what is named, whatever the policy', async () => {
    const { judge, asked, counted } = judgeWith({ base: 'off', claims: 'off' });
    const body = { resource: observation(CLAIMED), decimals: undefined };
    const found = await judge.examined(body, [REQUIRED]);
    assert.deepEqual(
      found.map(({ severity, text }) => `${severity} ${text}`),
      ['error base', 'error required', 'error claimed'],
    );
    assert.deepEqual(asked, [[BASE, REQUIRED, CLAIMED]]);
    assert.deepEqual(counted, [], 'nothing is written');
  });

  it('tells an invariant once, whoever repeats it, and another one of the same key as well', async () => {
    const { judge } = judgeWith(CLEAN_BASE);
    const body = { resource: observation(), decimals: undefined };
    const found = await judge.examined(body, ['urn:rule', 'urn:repeated', 'urn:reworded', 'urn:namesake']);
    assert.deepEqual(
      found.map(({ text }) => text),
      ['us-1: one alone', 'us-1: none at all'],
    );
  });
});

describe('advice on what is written', () => {
  const told = (severity: Issue['severity']) => {
    const counted: Issue[] = [];
    let asked = 0;
    const judge = createJudge({
      policy: {
        base: 'enforce',
        rulesOf: () => ({ require: [], claims: 'warn', unknownProfile: 'warn' }),
        required: [],
        options: {
          unknownExtensions: 'ignore',
          bestPractice: 'ignore',
          htmlInStrings: 'warn',
          exampleUrls: 'ignore',
          mustSupport: false,
        },
      },
      check: async () => [issue('base', severity, 'invariant')],
      find: async () => undefined,
      advise: async () => {
        asked++;
        return [issue('advice', 'warning', 'not-in-force')];
      },
      count: issues => void counted.push(...issues),
    });
    return { judge, counted, asked: () => asked };
  };
  const body = { resource: { resourceType: 'Observation' }, decimals: undefined };

  it('is told and counted beside what was found', async () => {
    const { judge, counted } = told('warning');
    const texts = (await judge.written(body)).map(({ text }) => text);
    assert.deepEqual(texts, ['base', 'advice']);
    assert.deepEqual(
      counted.map(({ text }) => text),
      texts,
    );
    assert.equal((await judge.asWritten(body, [])).length, 2);
    assert.equal((await judge.examined(body, [])).length, 1, 'nothing is written');
  });

  it('is not asked for where the write is refused', async () => {
    const { judge, asked } = told('error');
    await assert.rejects(judge.written(body), FhirError);
    assert.equal(asked(), 0);
  });
});

describe('many issues', () => {
  it('are told up to a number, errors first, and how many more there are', () => {
    const many = Array.from({ length: 300 }, (_, at) => issue(`${at}`, at % 2 === 0 ? 'warning' : 'error'));
    const told = limitIssues(many);
    assert.equal(told.length, MAX_ISSUES + 1);
    assert.ok(told.slice(0, 150).every(({ severity }) => severity === 'error'));
    assert.match(told.at(-1)!.text, /100 more/);
    assert.deepEqual(limitIssues(many.slice(0, MAX_ISSUES)).length, MAX_ISSUES);
  });
});
