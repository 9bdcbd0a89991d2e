/**
 * A bound for buffers in a thread. The memory limit of a thread counts objects and no buffers, and what unpacks a file asks for buffers twice
 * as large again and again: a kilobyte can become a gigabyte that way.
 */

/** From now on `new Uint8Array(n)` with more than `most` bytes throws a RangeError in this thread. */
export function limitBuffers(most: number): void {
  globalThis.Uint8Array = new Proxy(Uint8Array, {
    construct(target, given: unknown[], called) {
      const [first] = given;
      if (typeof first === 'number' && first > most) throw new RangeError('The buffer would be too large.');
      return Reflect.construct(target, given, called === globalThis.Uint8Array ? target : called) as object;
    },
  });
}
