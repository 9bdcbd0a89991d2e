/** `chartroom import`. */
import type { Invocation } from './index.js';

export async function importFiles(_invocation: Invocation): Promise<number> {
  return 1;
}
