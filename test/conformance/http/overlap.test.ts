/**
 * Entries of a transaction never make two resources of one: "If any resource identities (including resolved identities from conditional
 * update/delete) overlap in steps 1-3, then the transaction SHALL fail." https://hl7.org/fhir/R4/http.html#trules
 */
import assert from 'node:assert/strict';
import type { BundleEntry, FhirResource, Patient } from 'fhir/r4.js';
import { describe, it } from 'mocha';
import { onStoresInTurn } from '../../support/both-stores.js';
import { done, entry, post, put, send, statuses } from '../../support/bundles.js';
import { idsOf, refusal } from '../../support/talk.js';

const SYSTEM = 'urn:overlap';
let worlds = 0;
/** Identifiers of one test. */
const world = () => {
  const name = `w${++worlds}`;
  const value = (each: string) => `${name}-${each}`;
  return {
    id: name,
    by: (each: string) => `identifier=${SYSTEM}|${value(each)}`,
    with: (...each: string[]): Patient => ({
      resourceType: 'Patient',
      ...(each.length > 0 ? { identifier: each.map(one => ({ system: SYSTEM, value: value(one) })) } : {}),
    }),
    adds: (...each: string[]): FhirResource => ({
      resourceType: 'Binary',
      contentType: 'application/json-patch+json',
      data: Buffer.from(
        JSON.stringify([
          { op: 'add', path: '/identifier', value: each.map(one => ({ system: SYSTEM, value: value(one) })) },
        ]),
      ).toString('base64'),
    }),
  };
};
type World = ReturnType<typeof world>;

onStoresInTurn('identities of a transaction', stage => {
  const both = async (w: World, first: BundleEntry, second: BundleEntry) => {
    const { talk } = stage();
    const before = idsOf(await talk.search(`Patient?${w.by('a')},${SYSTEM}|${w.id}-b`));
    for (const entries of [
      [first, second],
      [second, first],
    ]) {
      const reply = await send(talk, 'transaction', entries);
      assert.deepEqual(refusal(reply), { status: 400, detail: 'duplicate-target' }, reply.text);
    }
    assert.deepEqual(idsOf(await talk.search(`Patient?${w.by('a')},${SYSTEM}|${w.id}-b`)), before);
  };
  const rows: readonly [string, (w: World) => readonly [BundleEntry, BundleEntry]][] = [
    [
      'a PUT, and a create that means it',
      w => [put({ ...w.with('a'), id: w.id }), post(w.with('a'), { ifNoneExist: w.by('a') })],
    ],
    [
      'a PUT, and a create that means it and has another body',
      w => [put({ ...w.with('a'), id: w.id }), post(w.with('b'), { ifNoneExist: w.by('a') })],
    ],
    [
      'a conditional update and a create that means it',
      w => [entry('PUT', `Patient?${w.by('a')}`, w.with('a')), post(w.with('a'), { ifNoneExist: w.by('a') })],
    ],
    [
      'a conditional update and a create by the same criteria, which their bodies do not meet',
      w => [entry('PUT', `Patient?${w.by('a')}`, w.with()), post(w.with(), { ifNoneExist: w.by('a') })],
    ],
    [
      'two conditional updates by the same criteria, which their bodies do not meet',
      w => [entry('PUT', `Patient?${w.by('a')}`, w.with()), entry('PUT', `Patient?${w.by('a')}`, w.with('b'))],
    ],
    [
      'two creates by the same criteria, which their bodies do not meet',
      w => [post(w.with(), { ifNoneExist: w.by('a') }), post(w.with('b'), { ifNoneExist: w.by('a') })],
    ],
    [
      'two conditional updates with different criteria that mean one',
      w => [entry('PUT', `Patient?${w.by('a')}`, w.with('a')), entry('PUT', `Patient?${w.by('b')}`, w.with('a', 'b'))],
    ],
    [
      'a conditional update by other criteria and a create that means what it makes',
      w => [entry('PUT', `Patient?${w.by('b')}`, w.with('a', 'b')), post(w.with('a'), { ifNoneExist: w.by('a') })],
    ],
  ];
  for (const [title, make] of rows)
    it(`${title}: 400, in whatever order`, async () => {
      const w = world();
      await both(w, ...make(w));
    });

  describe('with what is there already', () => {
    const stored: readonly [string, (w: World) => readonly [BundleEntry, BundleEntry]][] = [
      [
        'a create that finds what a PUT writes',
        w => [put({ ...w.with('a'), id: w.id, active: true }), post(w.with('a'), { ifNoneExist: w.by('a') })],
      ],
      [
        'a create that finds what a PUT changes into another',
        w => [put({ ...w.with('b'), id: w.id }), post(w.with('a'), { ifNoneExist: w.by('a') })],
      ],
      [
        'a create that finds what a PUT leaves as it is',
        w => [put({ ...w.with('a'), id: w.id }), post(w.with('a'), { ifNoneExist: w.by('a') })],
      ],
      [
        'a create that finds what a conditional update writes',
        w => [entry('PUT', `Patient?${w.by('a')}`, w.with('a', 'b')), post(w.with('a'), { ifNoneExist: w.by('a') })],
      ],
      [
        'a create that means what a patch makes',
        w => [entry('PATCH', `Patient/${w.id}`, w.adds('a', 'b')), post(w.with('b'), { ifNoneExist: w.by('b') })],
      ],
      [
        'a create that means what a patch by criteria makes',
        w => [entry('PATCH', `Patient?${w.by('a')}`, w.adds('a', 'b')), post(w.with('b'), { ifNoneExist: w.by('b') })],
      ],
      [
        'a conditional update that means what a patch makes',
        w => [entry('PATCH', `Patient/${w.id}`, w.adds('b')), entry('PUT', `Patient?${w.by('b')}`, w.with('b'))],
      ],
    ];
    for (const [title, make] of stored)
      it(`${title}: 400`, async () => {
        const w = world();
        await stage().talk.update({ ...w.with('a'), id: w.id });
        await both(w, ...make(w));
      });
  });

  it('two creates whose criteria mean the later of them: 400', async () => {
    const { talk } = stage();
    const w = world();
    const entries = [post(w.with('a'), { ifNoneExist: w.by('a') }), post(w.with('a', 'b'), { ifNoneExist: w.by('c') })];
    const reply = await send(talk, 'transaction', entries);
    assert.deepEqual(refusal(reply), { status: 400, detail: 'duplicate-target' });
    // The other way round the second one finds what the first has made.
    assert.deepEqual(statuses(await done(send(talk, 'transaction', entries.toReversed()))), ['201', '200']);
    assert.equal((await talk.search(`Patient?${w.by('a')}`)).total, 1);
  });

  it('what does not overlap goes through: the positive control', async () => {
    const { talk } = stage();
    const w = world();
    const run = async (...entries: BundleEntry[]) => statuses(await done(send(talk, 'transaction', entries)));
    await talk.update({ ...w.with('there'), id: w.id });
    assert.deepEqual(
      await run(
        put({ ...w.with('a'), id: `${w.id}-a` }),
        post(w.with('b'), { ifNoneExist: w.by('b') }),
        post(w.with('there'), { ifNoneExist: w.by('there') }),
        entry('PUT', `Patient?${w.by('c')}`, w.with('c')),
      ),
      ['201', '201', '200', '201'],
    );
    const x = world();
    assert.deepEqual(
      await run(
        post(x.with('a'), { ifNoneExist: x.by('a') }),
        post(x.with('a'), { ifNoneExist: x.by('a') }),
        post(x.with('b')),
      ),
      ['201', '200', '201'],
      'creates by the same criteria that what they make meets are one',
    );
    assert.deepEqual(
      await run(entry('DELETE', `Patient/${w.id}`), post(w.with('there'), { ifNoneExist: w.by('there') })),
      ['204', '201'],
      'what is deleted is not found',
    );
  });
});
