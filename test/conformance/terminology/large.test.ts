/** Code systems with texts so long that they stay in the store until they are wanted. */
import assert from 'node:assert/strict';
import type { CodeSystem, Parameters, ValueSet } from 'fhir/r4.js';
import { it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';

const URL_OF = 'http://example.org/large';
const large = (version: string, name: string): CodeSystem => ({
  resourceType: 'CodeSystem',
  id: `large-${version}`,
  url: URL_OF,
  version,
  status: 'active',
  content: 'complete',
  concept: Array.from({ length: 4_000 }, (_, at) => ({
    code: `c${at}`,
    display: `${name} ${at}, the name of a concept that is said in more words than it needs`,
  })),
});

onStoresInTurn('large code systems', stage => {
  const put = async (system: CodeSystem): Promise<void> => {
    const reply = await stage().talk.send('PUT', `CodeSystem/${system.id}`, {
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify(system),
    });
    assert.ok(reply.status < 300, reply.text);
  };
  const displayOf = async (more = ''): Promise<string | undefined> => {
    const reply = await stage().talk.get<Parameters>(`CodeSystem/$lookup?system=${URL_OF}&code=c3999${more}`);
    return reply.body.parameter?.find(({ name }) => name === 'display')?.valueString?.split(',')[0];
  };

  it('are found by their url, the highest of their versions first, and as soon as they are stored', async () => {
    await put(large('2', 'Two'));
    assert.equal(await displayOf(), 'Two 3999');
    await put(large('1', 'One'));
    assert.equal(await displayOf(), 'Two 3999');
    assert.equal(await displayOf('&version=1'), 'One 3999');
    await put(large('2', 'Second'));
    assert.equal(await displayOf(), 'Second 3999');
    const { body } = await stage().talk.get<Parameters>('CodeSystem/large-1/$validate-code?code=c1');
    assert.equal(body.parameter?.find(({ name }) => name === 'result')?.valueBoolean, true);
  });

  it('are expanded in pages', async () => {
    const set = { resourceType: 'ValueSet', status: 'active', compose: { include: [{ system: URL_OF }] } };
    const { body } = await stage().talk.send<ValueSet>('POST', 'ValueSet/$expand?count=2500&offset=1500', {
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify(set),
    });
    assert.deepEqual([body.expansion?.total, body.expansion?.contains?.length], [4_000, 2_500]);
    assert.equal(body.expansion?.contains?.at(-1)?.code, 'c3999');
  });
});
