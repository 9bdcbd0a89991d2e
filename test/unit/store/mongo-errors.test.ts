/** What the MongoDB driver throws, as kinds of errors. */
import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { describe, it } from 'mocha';
import {
  MongoBulkWriteError,
  MongoNetworkError,
  MongoServerError,
  MongoServerSelectionError,
  type TopologyDescription,
} from 'mongodb';
import { FhirError, type Kind } from '../../../src/fhir/error.js';
import { connectError, toFhirError } from '../../../src/store/mongo/errors.js';
import { openMongo } from '../../../src/store/mongo/index.js';
import { layout } from '../../support/changes.js';

const server = (code: number) => new MongoServerError({ message: 'E11000 dup key: { _id: "Pa.secret" }', code });
const away = new MongoServerSelectionError('connect ECONNREFUSED 10.1.2.3', {} as TopologyDescription);

const ROWS: readonly (readonly [title: string, error: unknown, kind: Kind])[] = [
  ['no server in time', away, 'unavailable'],
  ['a lost connection', new MongoNetworkError('connection 3 to 10.1.2.3 closed'), 'unavailable'],
  [
    'a socket that the server has closed',
    Object.assign(new Error('This socket has been ended by the other party'), { code: 'EPIPE' }),
    'unavailable',
  ],
  ['a bulk write without a server', new MongoBulkWriteError(away, {} as MongoBulkWriteError['result']), 'unavailable'],
  ['a primary that steps down', server(10_107), 'unavailable'],
  ['a query out of time', server(50), 'too-costly'],
  ['a key that exists', server(11_000), 'conflict'],
  ['a document beyond 16 MB', server(10_334), 'too-large'],
  ['a full disk', server(14_031), 'no-space'],
  ['a write that no majority confirmed', server(64), 'timeout'],
  ['a bad command', server(9), 'fault'],
  ['a mistake of ours', new TypeError('x is not a function'), 'fault'],
];

describe('errors of the MongoDB driver', () => {
  for (const [title, error, kind] of ROWS)
    it(`shows ${title} as ${kind}, without the driver's text`, () => {
      const shown = toFhirError(error);
      assert.equal(shown.kind, kind);
      assert.doesNotMatch(shown.message, /secret|10\.1\.2\.3|E11000|function/);
      assert.ok(shown.cause instanceof Error);
      assert.doesNotMatch(inspect(shown, { depth: 10, showHidden: true }), /secret/);
    });

  it('keeps name, code and place of an error for the log', () => {
    const { cause } = toFhirError(server(9));
    assert.match((cause as Error).stack ?? '', /^MongoServerError 9: E11000 dup key:\n +at /);
  });

  it('says that a connection string cannot be read, when it is used', async () => {
    const store = await openMongo({ url: 'mongodb:///', layout });
    await assert.rejects(store.ping(), { kind: 'unavailable', message: /connection string/ });
    await store.close();
  });

  const seen = (setName: string | null, ...servers: readonly object[]) =>
    new MongoServerSelectionError('Server selection timed out after 1500 ms', {
      setName,
      servers: new Map(servers.map((each, at) => [String(at), { address: 'db:27017', ...each }])),
    } as unknown as TopologyDescription);
  const starts: readonly (readonly [title: string, error: unknown, says: RegExp])[] = [
    ['a set that was not initiated', seen('rs0', { type: 'RSGhost' }), /db:27017 answers, .*rs\.initiate\(\)/],
    ['a set of another name', seen('rs0'), /replica set called rs0/],
    ['a dead host', seen('rs0', { type: 'Unknown', error: { cause: { code: 'ECONNREFUSED' } } }), /db:27017 \(ECONN/],
    [
      'an unknown host',
      seen(null, { type: 'Unknown', error: { cause: { code: 'ENOTFOUND' } } }),
      /db:27017.* not known/,
    ],
    ['nothing that is known', seen(null), /does not answer/],
  ];
  for (const [title, error, says] of starts)
    it(`tells at the start of ${title}`, () => {
      const shown = connectError(error);
      assert.deepEqual([shown.kind, says.test(shown.message)], ['unavailable', true], shown.message);
    });

  it('leaves errors of ours as they are', () => {
    const ours = new FhirError('precondition', 'x');
    assert.equal(toFhirError(ours), ours);
  });
});
