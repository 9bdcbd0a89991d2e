/**
 * A process that takes records of a MongoDB store: for each id that it reads it asks 500 times at once, and prints how often it got it.
 * Prints `open` first. Argument: the URL.
 */
import { createInterface } from 'node:readline';
import { openMongo } from '../../src/store/mongo/index.js';
import { layout } from './changes.js';

const { records } = await openMongo({ url: process.argv[2]!, layout });
const print = (line: string): void => void process.stdout.write(`${line}\n`);
await records.get('code', 'none');
print('open');
for await (const id of createInterface({ input: process.stdin })) {
  const taken = await Promise.all(Array.from({ length: 500 }, () => records.take('code', id)));
  print(String(taken.filter(each => each).length));
}
