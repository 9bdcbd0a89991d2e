/**
 * A process that has an embedded store open and writes to it until it is killed: prints `open`, then the id of every
 * resource whose commit was acknowledged, each with a deed. It also begins an upload that never ends. Argument: the file.
 */
import { openEmbedded } from '../../src/store/embedded/index.js';
import { deedOfEntry } from '../../src/store/ledger-entry.js';
import { layout, put } from './changes.js';

const print = (line: string): void => void process.stdout.write(`${line}\n`);
try {
  const store = await openEmbedded({ file: process.argv[2]!, layout });
  await store.deeds.openLedger({ key: 'key', process: 'program', heads: [] });
  const endless = async function* (): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < 8; i++) yield Buffer.alloc(262_144, i);
    print('uploading');
    await new Promise(() => setInterval(() => undefined, 1000));
  };
  void store.blobs.put(endless());
  print('open');
  let next = 0;
  const write = async (): Promise<void> => {
    for (;;) {
      const id = `k${next++}`;
      const messages = [{ topic: 'kill', body: id }];
      const changes = [put({ resourceType: 'Patient', id, identifier: [{ value: id }] })];
      await store.commit({ changes, messages, deeds: [deedOfEntry(JSON.stringify({ id }), 1000)] });
      print(id);
    }
  };
  await Promise.all([write(), write(), write(), write(), write()]);
} catch (error) {
  print(`failed ${(error as { kind?: string }).kind} ${(error as Error).message}`);
}
