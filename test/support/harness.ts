/** The addresses of the test-harness mode, for tests. */
import assert from 'node:assert/strict';
import type { RunningServer } from './server.js';

export interface HarnessReply {
  readonly status: number;
  readonly text: string;
  readonly body: unknown;
}

type Asked = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<HarnessReply>;

/** `path` below /harness. */
export const askHarness =
  ({ port }: Pick<RunningServer, 'port'>): Asked =>
  async (method, path, body, headers = {}) => {
    const response = await fetch(`http://127.0.0.1:${port}/harness${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      text,
      get body() {
        return JSON.parse(text) as unknown;
      },
    };
  };

/** What must be done. */
export const toldHarness =
  (server: Pick<RunningServer, 'port'>) =>
  async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const reply = await askHarness(server)(method, path, body);
    assert.ok(reply.status < 300, `${method} ${path}: ${reply.status} ${reply.text}`);
    return reply.text === '' ? undefined : reply.body;
  };
