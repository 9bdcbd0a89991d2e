/** The signals that ask a command to come to an end. */

const SIGNALS = [
  ['SIGINT', 2],
  ['SIGTERM', 15],
] as const;

export interface StopSignals {
  /** Exit status of a command that a signal has stopped; undefined: none has come. */
  readonly status: number | undefined;
  /** From now on a signal ends the process, as usual. */
  release(): void;
}

/** The first signal is a request, which the command sees in `status`; a second one ends the process at once. */
export function onStopSignal(): StopSignals {
  let status: number | undefined;
  const release = (): void => {
    for (const [name, handler] of handlers) process.off(name, handler);
  };
  const handlers = SIGNALS.map(([name, number]) => {
    const handler = (): void => {
      status = 128 + number;
      release();
    };
    return [name, handler] as const;
  });
  for (const [name, handler] of handlers) process.on(name, handler);
  return {
    get status() {
      return status;
    },
    release,
  };
}
