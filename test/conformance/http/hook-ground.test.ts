/** What hooks may ask of what there is (src/interactions/write/hook-ground.ts): of the store, and of what goes with the same transaction. */
import assert from 'node:assert/strict';
import type { DocumentReference, FhirResource } from 'fhir/r4.js';
import { beforeEach, it } from 'mocha';
import { FhirError } from '../../../src/fhir/error.js';
import type { FeatureHook, HookedWrite, HookGround, Preparation } from '../../../src/interactions/write/hooks.js';
import { onStoresInTurn } from '../../support/both-stores.js';
import { post, put, send, uuid } from '../../support/bundles.js';
import { hookUp } from '../../support/hooked.js';
import { refusal } from '../../support/talk.js';

const document = (url: string): DocumentReference => ({
  resourceType: 'DocumentReference',
  status: 'current',
  content: [{ attachment: { contentType: 'text/plain', url } }],
});
const binary = (text: string): FhirResource => ({
  resourceType: 'Binary',
  contentType: 'text/plain',
  data: Buffer.from(text).toString('base64'),
});
const urlIn = ({ resource }: HookedWrite): string =>
  (resource as unknown as DocumentReference).content[0]!.attachment.url!;

async function textOf(ground: HookGround, id: string): Promise<string | undefined> {
  const held = await ground.binary(id);
  if (!held) return undefined;
  const parts: Buffer[] = [];
  for await (const part of held.bytes) parts.push(part);
  const text = Buffer.concat(parts).toString();
  assert.equal(held.size, Buffer.byteLength(text));
  return `${held.contentType} ${text} ${held.sha256?.length ?? 'new'}`;
}

onStoresInTurn('what hooks may ask of what there is', stage => {
  const hook = (of: FeatureHook) => hookUp(stage().server, { asker: of });
  beforeEach(() => void hook({}));

  it('bytes of a Binary in the store, and of one that the same transaction writes, wherever it stands', async () => {
    const seen: (string | undefined)[] = [];
    const prepare = async (write: HookedWrite): Promise<undefined> =>
      void seen.push(await textOf(write, urlIn(write).split('/').at(-1)!));
    hook({ types: ['DocumentReference'], prepare });
    const { talk } = stage();
    const { body } = await talk.create(binary('stored'));
    assert.equal((await talk.create(document(`Binary/${body.id}`))).status, 201);
    const { body: free } = await talk.create(binary('free'));
    const before = [post(document(uuid(1))), post(binary('together'), { fullUrl: uuid(1) })];
    const after = [put({ ...binary('changed'), id: free.id }), post(document(`Binary/${free.id}`))];
    assert.equal((await send(talk, 'transaction', before)).status, 200);
    assert.equal((await send(talk, 'transaction', after)).status, 200);
    assert.equal((await talk.create(document('Binary/nobody'))).status, 201);
    assert.deepEqual(seen, ['text/plain stored 64', 'text/plain together new', 'text/plain changed new', undefined]);
  });

  it('bytes of a Binary as they are when the write is committed, whoever changes them meanwhile', async () => {
    const { talk } = stage();
    const { body } = await talk.create(binary('before'));
    let asked = 0;
    const prepare = async (write: HookedWrite): Promise<Preparation> => {
      const text = await textOf(write, body.id);
      if (asked++ === 0) assert.equal((await talk.update({ ...binary('after'), id: body.id })).status, 200);
      return { resource: { ...write.resource!, description: text!.split(' ')[1]! } };
    };
    hook({ types: ['DocumentReference'], prepare });
    const made = await talk.create(document(`Binary/${body.id}`));
    assert.deepEqual([made.status, made.body.description, asked], [201, 'after', 2]);
  });

  it('what another entry does with a resource, its references rewritten', async () => {
    const seen: unknown[] = [];
    const prepare = ({ beside }: HookedWrite): undefined =>
      void seen.push(['one', 'two'].map(id => beside('Patient', id)?.kind));
    hook({ types: ['DocumentReference'], prepare });
    const { talk } = stage();
    const entries = [post(document('Binary/x')), put({ resourceType: 'Patient', id: 'one' })];
    assert.equal((await send(talk, 'transaction', entries)).status, 200);
    assert.equal((await talk.create(document('Binary/x'))).status, 201);
    assert.deepEqual(seen, [
      ['update', undefined],
      [undefined, undefined],
    ]);
  });

  it('resources that match criteria, and that none does when the write is committed', async () => {
    const criteria = [['identifier', 'urn:unique|1']] as const;
    const unique: FeatureHook = {
      types: ['Group'],
      async prepare({ find }) {
        if ((await find('Group', criteria, 1)).length > 0)
          throw new FhirError('conflict', 'It is there.', { detail: 'not-unique' });
        return { absent: [{ type: 'Group', criteria }] };
      },
    };
    hook(unique);
    const { talk } = stage();
    const group: FhirResource = {
      resourceType: 'Group',
      type: 'person',
      actual: true,
      identifier: [{ system: 'urn:unique', value: '1' }],
    };
    const replies = await Promise.all(Array.from({ length: 8 }, () => talk.create(group)));
    assert.equal(replies.filter(({ status }) => status === 201).length, 1);
    for (const reply of replies.filter(({ status }) => status !== 201))
      assert.deepEqual(refusal(reply), { status: 409, detail: 'not-unique' });
    assert.equal((await talk.search('Group?identifier=urn:unique|1&_summary=count')).total, 1);
  });
});
