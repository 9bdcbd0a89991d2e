/** How long work keeps others waiting: CPU time of its turns of the event loop, by itself and beside all that it takes. */
export interface Turns {
  /** ms of CPU. */
  readonly longest: number;
  readonly total: number;
  readonly count: number;
}

const spent = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** `work` begins in a turn of its own. */
export async function turnsOf(work: () => Promise<unknown>): Promise<Turns> {
  await new Promise(setImmediate);
  let [longest, count, isDone] = [0, 0, false];
  const began = spent();
  let last = began;
  const look = (): void => {
    const now = spent();
    longest = Math.max(longest, now - last);
    last = now;
    count++;
    if (!isDone) setImmediate(look);
  };
  setImmediate(look);
  await work();
  isDone = true;
  await new Promise(setImmediate);
  return { longest, total: spent() - began, count };
}
