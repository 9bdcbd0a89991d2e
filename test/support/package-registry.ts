/** A registry of FHIR packages on loopback, which may behave badly. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after } from 'mocha';
import { type MadePackage, packageOf } from './guide-packages.js';

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

export interface StubRegistry {
  readonly address: string;
  /** Paths that were asked for, in order. */
  readonly asked: string[];
  /** Offers a package. `shasum`: what is said of it; default: the truth. */
  offer(
    made: MadePackage,
    change?: { readonly shasum?: string; readonly dist?: object; readonly bytes?: Buffer },
  ): void;
  /** Answers a path in another way. */
  at(path: string, answer: Answer): void;
}

/** Call it in a suite, and the registry is gone when that is over. */
export async function stubRegistry(): Promise<StubRegistry> {
  const asked: string[] = [];
  const answers = new Map<string, Answer>();
  const versions = new Map<string, Record<string, object>>();
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    const answer = answers.get(path);
    if (answer) return answer(response, request);
    response.writeHead(404).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    address,
    asked,
    at: (path, answer) => void answers.set(path, answer),
    offer(made, { shasum, dist, bytes = packageOf(made) } = {}) {
      const { name, version } = made;
      const known = versions.get(name) ?? {};
      versions.set(name, known);
      const tarball = `${address}/${name}/${version}`;
      const sum = shasum ?? createHash('sha1').update(bytes).digest('hex');
      known[version] = { name, version, dist: dist ?? { shasum: sum, tarball } };
      answers.set(`/${name}`, response => response.end(JSON.stringify({ name, versions: known })));
      answers.set(`/${name}/${version}`, response => response.end(bytes));
    },
  };
}
