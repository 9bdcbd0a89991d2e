/**
 * Bytes that a feature has made for a document of its own commit. They go into the store in parts, as those of a Binary: as base64 they would be one long text in
 * the resource, which is parsed, judged and printed in one turn each. An address that nobody sees stands for them in the attachment until that is written.
 */
import { newUuid } from '../../platform/ids.js';
import type { HookGround } from './hooks.js';

/** Bytes of a part. */
const PART = 256 * 1024;

/** By the commit, with which they are forgotten, and by their address. */
const made = new WeakMap<object, Map<string, readonly Buffer[]>>();

/** Gives the address for the `url` of an attachment. */
export function addressOfMade({ commit }: Pick<HookGround, 'commit'>, bytes: Uint8Array): string {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += PART) {
    const part = bytes.subarray(at, at + PART);
    parts.push(Buffer.from(part.buffer, part.byteOffset, part.length));
  }
  const address = `urn:uuid:${newUuid()}`;
  const ofCommit = made.get(commit) ?? new Map<string, readonly Buffer[]>();
  made.set(commit, ofCommit.set(address, parts));
  return address;
}

/** Undefined: nothing was made under that address in this commit. */
export const bytesMadeAt = ({ commit }: Pick<HookGround, 'commit'>, address: string): readonly Buffer[] | undefined =>
  made.get(commit)?.get(address);
