/**
 * A number of things that many share, each of which one has at a time: whoever wants one waits until there is one, in the order of arrival.
 * They are made when they are first needed, and used again.
 */
export class Slots<T> {
  readonly #free: T[] = [];
  readonly #waiting: ((slot: T) => void)[] = [];
  readonly #most: number;
  readonly #make: () => T;
  #made = 0;

  /** `most`: how many there are. */
  constructor(most: number, make: () => T) {
    this.#most = most;
    this.#make = make;
  }

  async take(): Promise<T> {
    if (this.#free.length > 0) return this.#free.pop()!;
    if (this.#made < this.#most) {
      this.#made++;
      return this.#make();
    }
    return new Promise(resolve => void this.#waiting.push(resolve));
  }

  /** To be called once for each that was taken. */
  give(slot: T): void {
    const next = this.#waiting.shift();
    if (next) next(slot);
    else this.#free.push(slot);
  }
}
