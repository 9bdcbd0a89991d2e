/** What comes in anew when it is taken back from a record: all of it, as confidential as it was, or nothing; src/features/intake/retract-scan.ts */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { retractionOf } from '../../../src/features/intake/retract-scan.js';
import { FhirError } from '../../../src/fhir/error.js';
import type { HookedWrite } from '../../../src/interactions/write/hooks.js';
import type { Resource } from '../../../src/fhir/resource.js';

const MB = 1024 * 1024;
const PRINCIPAL = { name: 'ben', role: 'writer' } as HookedWrite['principal'];

describe('a scan that is taken back', () => {
  const copied = new WeakMap();
  const ground = { bases: ['http://here/fhir'], now: () => 0, newId: () => 'new', copied };
  const document = (...urls: readonly string[]): Resource => ({
    resourceType: 'DocumentReference',
    content: urls.map(url => ({ attachment: { contentType: 'text/plain', url } })),
  });
  /** `held`: sizes of Binaries; one without a size is damaged. */
  const writing = (held: Readonly<Record<string, number | undefined>>, asked: number[] = []) =>
    ({
      principal: PRINCIPAL,
      commit: {},
      binary: (id: string) =>
        Promise.resolve(
          id in held ? { contentType: 'text/plain', size: held[id] ?? 1, bytes: bytesOf(held[id]) } : undefined,
        ),
      room: (bytes: number) => Promise.resolve(void asked.push(bytes)),
    }) as unknown as HookedWrite;
  async function* bytesOf(size: number | undefined): AsyncGenerator<Buffer> {
    if (size === undefined) throw new FhirError('blob-damaged', 'Damaged.');
    yield Buffer.from('page');
  }
  const taken = (write: HookedWrite, ...urls: readonly string[]) =>
    retractionOf(ground, write, { id: 'old', task: { resourceType: 'Task' }, resource: document(...urls) });
  const refusedBy = async (asked: Promise<unknown>, detail: string): Promise<void> => {
    await assert.rejects(asked, (error: FhirError) => {
      assert.deepEqual([error.kind, error.issues[0]!.detail], ['unprocessable', detail]);
      return true;
    });
  };

  it('is refused where its bytes are damaged or missing, and keeps what is elsewhere', async () => {
    await refusedBy(taken(writing({ b: undefined }), 'Binary/b'), 'bytes-unreadable');
    await refusedBy(taken(writing({ b: 4 }), 'Binary/b', 'Binary/none'), 'bytes-unreadable');
    const [made] = await taken(writing({ b: 4 }), 'Binary/b', 'https://there/scan');
    const { content } = (made as { body: { resource: Resource } }).body.resource;
    assert.deepEqual(content, [
      { attachment: { contentType: 'text/plain', data: 'cGFnZQ==' } },
      { attachment: { contentType: 'text/plain', url: 'https://there/scan' } },
    ]);
  });

  it('has room with all that are taken back in one commit, which is asked for once', async () => {
    const asked: number[] = [];
    const small = writing({ b: 1.5 * MB }, asked);
    for (let n = 0; n < 42; n++) await taken(small, 'Binary/b');
    await refusedBy(taken(small, 'Binary/b'), 'too-large-together');
    assert.deepEqual(asked, [3 * 64 * MB]);
    const large = writing({ b: 60 * MB }, asked);
    await taken(large, 'Binary/b');
    await refusedBy(taken(large, 'Binary/b'), 'too-large-together');
    assert.deepEqual(asked, [3 * 64 * MB, 3 * 60 * MB]);
    await refusedBy(taken(writing({ b: 65 * MB }), 'Binary/b'), 'too-large-to-come-in-anew');
  });
});
