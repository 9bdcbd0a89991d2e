/** A file of tokens, one for each name. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Role } from '../../src/identity/principal.js';
import type { Headers } from './talk.js';

const tokenOf = (name: string): string => `token-of-${name}-for-tests`;

/** Path of the file, as the setting `tokens`. */
export function tokenFile(roles: Readonly<Record<string, Role>>): string {
  const file = join(mkdtempSync(join(tmpdir(), 'chartroom-tokens-')), 'tokens.json');
  writeFileSync(
    file,
    JSON.stringify(Object.entries(roles).map(([name, role]) => ({ token: tokenOf(name), name, role }))),
  );
  return file;
}

export const bearerOf = (name: string): Headers => ({ authorization: `Bearer ${tokenOf(name)}` });
