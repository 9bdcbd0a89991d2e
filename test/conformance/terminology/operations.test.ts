/**
 * The terminology operations over what is stored: https://hl7.org/fhir/R4/terminology-service.html. What they answer in detail is the
 * subject of tx-cases.test.ts.
 */
import assert from 'node:assert/strict';
import type {
  Bundle,
  CodeSystem,
  ConceptMap,
  FhirResource,
  Parameters,
  TerminologyCapabilities,
  ValueSet,
} from 'fhir/r4.js';
import { after, describe, it } from 'mocha';
import { type Restrictions, UNRESTRICTED } from '../../../src/access/permission.js';
import { onStoresInTurn } from '../../support/both-stores.js';
import { restricted, type RestrictedServer } from '../../support/restricted.js';
import { newStore, STORES, startServer } from '../../support/server.js';
import { refusal, type Reply, type Talk } from '../../support/talk.js';

const ANIMALS = 'http://example.org/animals';
const MAMMALS = 'http://example.org/vs/mammals';
const GENDER = 'http://hl7.org/fhir/administrative-gender';

const animals = (version: string, ...more: string[]): CodeSystem => ({
  resourceType: 'CodeSystem',
  id: `animals-${version}`,
  url: ANIMALS,
  version,
  name: 'Animals',
  status: 'active',
  content: 'complete',
  caseSensitive: true,
  language: 'en',
  concept: [
    {
      code: 'mammal',
      display: 'Mammal',
      definition: 'What gives milk.',
      concept: [
        { code: 'dog', display: 'Dog', designation: [{ language: 'de', value: 'Hund' }] },
        { code: 'cat', display: `Cat ${version}` },
      ],
    },
    ...more.map(code => ({ code, display: code.toUpperCase() })),
  ],
});
const mammals: ValueSet = {
  resourceType: 'ValueSet',
  id: 'mammals',
  url: MAMMALS,
  version: '1',
  name: 'Mammals',
  status: 'active',
  compose: { include: [{ system: ANIMALS, filter: [{ property: 'concept', op: 'is-a', value: 'mammal' }] }] },
};
const food: ConceptMap = {
  resourceType: 'ConceptMap',
  id: 'food',
  url: 'http://example.org/cm/food',
  status: 'active',
  group: [
    {
      source: ANIMALS,
      target: 'http://example.org/food',
      element: [
        { code: 'dog', target: [{ code: 'bone', display: 'Bone', equivalence: 'wider' }] },
        {
          code: 'cat',
          target: [
            { code: 'milk', equivalence: 'equal', dependsOn: [{ property: 'http://example.org/age', value: 'young' }] },
            { code: 'mouse', equivalence: 'equal' },
          ],
        },
      ],
      unmapped: { mode: 'fixed', code: 'hay' },
    },
  ],
};

const codesOf = ({ body }: Reply<ValueSet>): string[] =>
  (body.expansion?.contains ?? []).flatMap(({ code = '', contains }) => [
    code,
    ...(contains ?? []).map(inner => inner.code ?? ''),
  ]);
const valueOf = ({ body }: Reply<Parameters>, name: string): unknown => {
  const found = body.parameter?.find(each => each.name === name);
  return found && Object.entries(found).find(([key]) => key.startsWith('value'))?.[1];
};
const post = <T = FhirResource>(talk: Talk, path: string, parameter: readonly object[]) =>
  talk.send<T>('POST', path, {
    headers: { 'content-type': 'application/fhir+json' },
    body: JSON.stringify({ resourceType: 'Parameters', parameter }),
  });
const inUrl = encodeURIComponent;

onStoresInTurn(
  'terminology operations',
  stage => {
    const talk = () => stage().talk;
    const expand = (query: string, path = 'ValueSet/$expand') => talk().get<ValueSet>(`${path}?${query}`);

    it('expand a stored value set, by its canonical and by its id, with what it says of itself', async () => {
      for (const reply of [await expand(`url=${MAMMALS}`), await expand('', 'ValueSet/mammals/$expand')]) {
        assert.equal(reply.status, 200, reply.text);
        assert.deepEqual(codesOf(reply), ['mammal', 'dog', 'cat']);
        const { name, compose, expansion } = reply.body;
        assert.deepEqual([name, compose, expansion?.total], ['Mammals', undefined, 3]);
        // The newest version of the code system, of two that are stored.
        assert.deepEqual(
          expansion?.parameter?.map(each => each.valueUri),
          [`${ANIMALS}|2`],
        );
      }
      const whole = await expand(`url=${MAMMALS}&includeDefinition=true`);
      assert.ok(whole.body.compose);
    });

    it('expand pages, flat', async () => {
      const reply = await expand(`url=${MAMMALS}&offset=1&count=1`);
      assert.deepEqual([codesOf(reply), reply.body.expansion?.total, reply.body.expansion?.offset], [['dog'], 3, 1]);
    });

    it('expand in a language, by parameter and by Accept-Language', async () => {
      const display = ({ body }: Reply<ValueSet>) =>
        body.expansion?.contains?.find(({ code }) => code === 'dog')?.display;
      assert.equal(display(await expand(`url=${MAMMALS}&excludeNested=true&displayLanguage=de`)), 'Hund');
      const header = { 'accept-language': 'de-AT, de;q=0.9' };
      assert.equal(
        display(await talk().get<ValueSet>(`ValueSet/$expand?url=${MAMMALS}&excludeNested=true`, header)),
        'Hund',
      );
      assert.equal(display(await expand(`url=${MAMMALS}&excludeNested=true&displayLanguage=fr`)), 'Dog');
      assert.equal(
        display(await expand(`url=${MAMMALS}&excludeNested=true&displayLanguage=${inUrl('fr,*;q=0')}`)),
        undefined,
      );
    });

    it('expand the version of a code system that is asked for', async () => {
      const cat = async (query: string) => {
        const reply = await expand(`url=${MAMMALS}&excludeNested=true&${query}`);
        return reply.body.expansion?.contains?.find(({ code }) => code === 'cat')?.display ?? refusal(reply).status;
      };
      assert.equal(await cat(''), 'Cat 2');
      assert.equal(await cat(`system-version=${inUrl(`${ANIMALS}|1`)}`), 'Cat 1');
      assert.equal(await cat(`force-system-version=${inUrl(`${ANIMALS}|1`)}`), 'Cat 1');
      assert.equal(await cat(`system-version=${inUrl(`${ANIMALS}|3`)}`), 400);
    });

    it("expand the standard's own value sets with displays", async () => {
      const reply = await expand('', 'ValueSet/administrative-gender/$expand');
      assert.deepEqual(reply.body.expansion?.contains?.map(({ system, code, display }) => [system, code, display])[0], [
        GENDER,
        'male',
        'Male',
      ]);
    });

    it('expand what an element of R4 is bound to', async () => {
      const context = (path: string) => `context=${inUrl(path)}&contextDirection=incoming`;
      for (const path of [
        'http://hl7.org/fhir/StructureDefinition/Patient#Patient.gender',
        'http://hl7.org/fhir/StructureDefinition/Patient.gender',
        'Patient.gender',
      ])
        assert.ok(codesOf(await expand(context(path))).includes('male'), path);
      for (const path of ['Patient.name', 'constructor', 'nothing'])
        assert.equal((await expand(context(path))).status, 400, path);
    });

    it('expand what is given in the body, alone or among parameters', async () => {
      const { url: _, ...nameless } = mammals;
      const alone = await talk().send<ValueSet>('POST', 'ValueSet/$expand', {
        headers: { 'content-type': 'application/fhir+json' },
        body: JSON.stringify(nameless),
      });
      assert.deepEqual(codesOf(alone), ['mammal', 'dog', 'cat']);
      const given = await post<ValueSet>(talk(), 'ValueSet/$expand', [
        { name: 'url', valueUri: MAMMALS },
        { name: 'tx-resource', resource: { ...animals('9'), concept: [{ code: 'mammal', display: 'Another' }] } },
      ]);
      assert.deepEqual(codesOf(given), ['mammal']);
    });

    it('list codes of a code system that is not known as they stand', async () => {
      const reply = await post<ValueSet>(talk(), 'ValueSet/$expand', [
        {
          name: 'valueSet',
          resource: {
            resourceType: 'ValueSet',
            status: 'active',
            compose: { include: [{ system: 'http://snomed.info/sct', concept: [{ code: '1', display: 'One' }] }] },
          },
        },
      ]);
      assert.deepEqual(reply.body.expansion?.contains, [
        { system: 'http://snomed.info/sct', code: '1', display: 'One' },
      ]);
      const whole = await expand(`url=${inUrl('http://snomed.info/sct?fhir_vs')}`);
      assert.deepEqual(refusal(whole), { status: 400, detail: 'not-found' });
    });

    it('refuse what has too many codes, what includes itself, and what nobody knows', async () => {
      const many: CodeSystem = {
        ...animals('many'),
        url: 'http://example.org/many',
        concept: Array.from({ length: 1_001 }, (_, at) => ({ code: `c${at}` })),
      };
      const set = (url: string, ...include: NonNullable<ValueSet['compose']>['include']): ValueSet => ({
        resourceType: 'ValueSet',
        url,
        status: 'active',
        compose: { include },
      });
      const ask = (...resources: FhirResource[]) =>
        post<ValueSet>(talk(), 'ValueSet/$expand', [
          { name: 'url', valueUri: 'http://example.org/vs/a' },
          ...resources.map(resource => ({ name: 'tx-resource', resource })),
        ]);
      const costly = await ask(many, set('http://example.org/vs/a', { system: many.url! }));
      assert.deepEqual([costly.status, costly.text.includes('too-costly')], [400, true]);
      const circle = await ask(
        set('http://example.org/vs/a', { valueSet: ['http://example.org/vs/b'] }),
        set('http://example.org/vs/b', { valueSet: ['http://example.org/vs/a'] }),
      );
      assert.deepEqual([circle.status, /circularity/.test(circle.text)], [422, true]);
      assert.deepEqual(refusal(await ask()), { status: 400, detail: 'not-found' });
      assert.equal((await talk().get('ValueSet/nobody/$expand')).status, 404);
      assert.equal((await expand('')).status, 400);
      assert.equal((await expand(`url=${MAMMALS}&count=-1`)).status, 400);
    });

    it('validate codes of a value set and of a code system', async () => {
      const inSet = (query: string) => talk().get<Parameters>(`ValueSet/$validate-code?url=${MAMMALS}&${query}`);
      const right = await inSet(`system=${ANIMALS}&code=dog&display=dog`);
      assert.deepEqual(
        [valueOf(right, 'result'), valueOf(right, 'display'), valueOf(right, 'version')],
        [true, 'Dog', '2'],
      );
      const wrong = await inSet(`system=${ANIMALS}&code=dog&display=Cow`);
      assert.equal(valueOf(wrong, 'result'), false);
      assert.equal(
        valueOf(await inSet(`system=${ANIMALS}&code=dog&display=Cow&lenient-display-validation=true`), 'result'),
        true,
      );
      assert.equal(valueOf(await inSet(`system=${ANIMALS}&code=bird`), 'result'), false);
      assert.equal(valueOf(await inSet('code=dog&inferSystem=true'), 'system'), ANIMALS);
      assert.equal((await inSet('code=dog')).status, 400);
      const inSystem = await talk().get<Parameters>(`CodeSystem/$validate-code?url=${ANIMALS}&code=bird`);
      assert.equal(valueOf(inSystem, 'result'), true);
      const stored = await talk().get<Parameters>('CodeSystem/animals-1/$validate-code?code=bird');
      assert.equal(valueOf(stored, 'result'), false);
      const unknown = await talk().get<Parameters>('CodeSystem/$validate-code?url=http://example.org/none&code=x');
      assert.deepEqual(
        [valueOf(unknown, 'result'), valueOf(unknown, 'x-unknown-system')],
        [false, 'http://example.org/none'],
      );
    });

    it('validate many codes at once', async () => {
      const one = (code: string): FhirResource => ({
        resourceType: 'Parameters',
        parameter: [{ name: 'coding', valueCoding: { system: ANIMALS, code } }],
      });
      const reply = await post<Parameters>(talk(), 'ValueSet/$batch-validate-code', [
        { name: 'url', valueUri: MAMMALS },
        ...['dog', 'bird'].map(code => ({ name: 'validation', resource: one(code) })),
        { name: 'validation', resource: { resourceType: 'Parameters' } },
      ]);
      const answers = reply.body.parameter?.map(({ resource }) => resource as FhirResource | undefined);
      assert.deepEqual(
        answers?.map(each =>
          each?.resourceType === 'Parameters'
            ? each.parameter?.find(({ name }) => name === 'result')?.valueBoolean
            : each?.resourceType,
        ),
        [true, false, 'OperationOutcome'],
      );
    });

    it('look codes up, with the definitions of the standard', async () => {
      const reply = await talk().get<Parameters>(`CodeSystem/$lookup?system=${ANIMALS}&code=dog&property=*`);
      assert.deepEqual([valueOf(reply, 'name'), valueOf(reply, 'display')], ['Animals', 'Dog']);
      assert.match(reply.text, /"parent"/);
      const male = await talk().get<Parameters>(`CodeSystem/$lookup?system=${GENDER}&code=male`);
      assert.equal(valueOf(male, 'definition'), 'Male.');
      for (const query of [`system=${ANIMALS}&code=unicorn`, 'system=http://example.org/none&code=x'])
        assert.equal((await talk().get(`CodeSystem/$lookup?${query}`)).status, 404);
      assert.equal((await talk().get('CodeSystem/$lookup?code=x')).status, 400);
    });

    it('tell how two codes lie to each other', async () => {
      const outcome = async (a: string, b: string) =>
        valueOf(
          await talk().get<Parameters>(`CodeSystem/$subsumes?system=${ANIMALS}&codeA=${a}&codeB=${b}`),
          'outcome',
        );
      assert.equal(await outcome('mammal', 'dog'), 'subsumes');
      assert.equal(await outcome('dog', 'mammal'), 'subsumed-by');
      assert.equal(await outcome('dog', 'dog'), 'equivalent');
      assert.equal(await outcome('dog', 'cat'), 'not-subsumed');
      const stored = await talk().get<Parameters>('CodeSystem/animals-2/$subsumes?codeA=mammal&codeB=dog');
      assert.equal(valueOf(stored, 'outcome'), 'subsumes');
      assert.equal((await talk().get(`CodeSystem/$subsumes?system=${ANIMALS}&codeA=dog&codeB=none`)).status, 404);
    });

    it('translate by the maps that are stored, forwards and backwards', async () => {
      const ask = async (query: string, path = 'ConceptMap/$translate') => {
        const { body, status, text } = await talk().get<Parameters>(`${path}?${query}`);
        assert.equal(status, 200, text);
        const matches = body.parameter?.filter(({ name }) => name === 'match') ?? [];
        return matches.map(({ part }) => [
          part?.find(({ name }) => name === 'concept')?.valueCoding?.code,
          part?.find(({ name }) => name === 'equivalence')?.valueCode,
        ]);
      };
      assert.deepEqual(await ask(`system=${ANIMALS}&code=dog`), [['bone', 'wider']]);
      assert.deepEqual(await ask(`system=${ANIMALS}&code=cat`, 'ConceptMap/food/$translate'), [['mouse', 'equal']]);
      assert.deepEqual(await ask(`system=${ANIMALS}&code=cow&url=${food.url}`), [['hay', 'relatedto']]);
      assert.deepEqual(await ask('system=http://example.org/food&code=bone&reverse=true'), [['dog', 'narrower']]);
      assert.deepEqual(await ask('system=http://example.org/none&code=x'), []);
      const young = await post<Parameters>(talk(), 'ConceptMap/food/$translate', [
        { name: 'coding', valueCoding: { system: ANIMALS, code: 'cat' } },
        {
          name: 'dependency',
          part: [
            { name: 'element', valueUri: 'http://example.org/age' },
            { name: 'concept', valueCodeableConcept: { coding: [{ code: 'young' }] } },
          ],
        },
      ]);
      assert.match(young.text, /milk/);
    });

    it('see a change at once', async () => {
      const id = 'changing';
      const set: ValueSet = { ...mammals, id, url: `${MAMMALS}/${id}` };
      await talk().update(set);
      assert.equal(codesOf(await expand('', `ValueSet/${id}/$expand`)).length, 3);
      await talk().update({ ...set, compose: { include: [{ system: ANIMALS, concept: [{ code: 'cat' }] }] } });
      assert.deepEqual(codesOf(await expand('', `ValueSet/${id}/$expand`)), ['cat']);
    });

    it('agree with the modifier of a search about what is a member', async () => {
      for (const [id, code] of [
        ['o1', 'dog'],
        ['o2', 'bird'],
      ] as const)
        await talk().update({
          resourceType: 'Observation',
          id,
          status: 'final',
          code: { coding: [{ system: ANIMALS, code }] },
        });
      const found: Bundle = await talk().search(`Observation?code:in=${MAMMALS}`);
      assert.deepEqual(
        found.entry?.map(({ resource }) => resource?.id),
        ['o1'],
      );
    });

    it('are described at metadata?mode=terminology', async () => {
      const { status, body } = await talk().get<TerminologyCapabilities>('metadata?mode=terminology');
      assert.deepEqual(
        [status, body.resourceType, body.validateCode],
        [200, 'TerminologyCapabilities', { translations: true }],
      );
      assert.ok(body.codeSystem!.some(({ uri }) => uri === GENDER));
      assert.ok(body.expansion!.parameter!.some(({ name }) => name === 'displayLanguage'));
      assert.equal((await talk().get('metadata?mode=other')).status, 400);
    });
  },
  {
    set: async ({ talk }) => {
      for (const each of [animals('1'), animals('2', 'bird'), mammals, food]) await talk.update(each);
    },
  },
);

for (const store of STORES)
  describe(`terminology operations beside what is hidden (${store})`, () => {
    let server: RestrictedServer | undefined;
    after(() => server?.stop());

    it('know nothing of a code system or value set that may not be seen', async function () {
      server = restricted(await startServer({ store: await newStore(this, store) }));
      const { talk } = server;
      for (const each of [animals('1'), mammals, food]) await talk.update(each);
      const ask = async (hidden: Restrictions, path: string) => {
        server!.sees = hidden;
        return (await talk.get(path)).status;
      };
      const expand = `ValueSet/$expand?url=${MAMMALS}`;
      const lookup = `CodeSystem/$lookup?system=${ANIMALS}&code=dog`;
      const translate = 'ConceptMap/food/$translate?system=x&code=y';
      assert.deepEqual(
        [await ask(UNRESTRICTED, expand), await ask(UNRESTRICTED, lookup), await ask(UNRESTRICTED, translate)],
        [200, 200, 200],
      );
      const without = (type: string): Restrictions => new Map([[type, 'hidden' as const]]);
      assert.equal(await ask(without('ValueSet'), expand), 400);
      assert.equal(await ask(without('CodeSystem'), expand), 400);
      assert.equal(await ask(without('CodeSystem'), lookup), 404);
      assert.equal(await ask(without('ConceptMap'), translate), 404);
    });
  });
