/** A stand-in for clamd: it speaks INSTREAM, and finds EICAR's test string. https://www.eicar.org/download-anti-malware-testfile/ */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** Put together here, so that no scanner takes this file for one. */
export const EICAR = ['X5O!P%@AP[4\\PZX54(P^)7CC)7}', '$EICAR-STANDARD-', 'ANTIVIRUS-TEST-FILE!$H+H*'].join('');

export interface Clamd {
  readonly address: string;
  /** How many streams it has judged. */
  readonly judged: () => number;
  /** What it says instead of a verdict; `silent`: nothing at all. */
  say: string | undefined;
  /** Bytes after which it has had enough. */
  most: number;
  stop(): Promise<void>;
}

export async function startClamd(port = 0): Promise<Clamd> {
  let judged = 0;
  const sockets = new Set<Socket>();
  const server = createServer(socket => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    let given = Buffer.alloc(0);
    let bytes = Buffer.alloc(0);
    let begun = false;
    socket.on('data', part => {
      given = Buffer.concat([given, part]);
      if (!begun && given.length >= 10) {
        begun = given.subarray(0, 10).toString() === 'zINSTREAM\0';
        given = given.subarray(10);
      }
      if (!begun) return;
      while (given.length >= 4 && given.length >= 4 + given.readUInt32BE()) {
        const length = given.readUInt32BE();
        bytes = Buffer.concat([bytes, given.subarray(4, 4 + length)]);
        given = given.subarray(4 + length);
        if (bytes.length > clamd.most) return void socket.end('INSTREAM size limit exceeded. ERROR\0');
        if (length > 0) continue;
        judged++;
        if (clamd.say === 'silent') return;
        socket.end(clamd.say ?? (bytes.includes(EICAR) ? 'stream: Eicar-Signature FOUND\0' : 'stream: OK\0'));
      }
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const clamd: Clamd = {
    address: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    judged: () => judged,
    say: undefined,
    most: Infinity,
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  return clamd;
}
