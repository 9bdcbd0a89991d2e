/**
 * Which messages of a topic this process has taken up already, and when. Messages stay in the outbox after that, because
 * other processes have to see them, too; they are deleted when every process must have.
 */
import type { PendingMessage } from '../store/store.js';

export class SeenMessages {
  /** Sequence number → when it was seen here first. */
  readonly #seen = new Map<number, number>();

  get size(): number {
    return this.#seen.size;
  }

  /** Those of the messages that have not been seen yet. */
  news(messages: readonly PendingMessage[]): PendingMessage[] {
    return messages.filter(({ sequence }) => !this.#seen.has(sequence));
  }

  /** Notes that these messages were seen; those that were seen before keep their time. */
  add(messages: readonly PendingMessage[], now: number): void {
    for (const { sequence } of this.news(messages)) this.#seen.set(sequence, now);
  }

  /** Forgets all but the messages that are still in the outbox. */
  keepOnly(pending: readonly PendingMessage[]): void {
    const waiting = new Set(pending.map(({ sequence }) => sequence));
    for (const sequence of this.#seen.keys()) if (!waiting.has(sequence)) this.#seen.delete(sequence);
  }

  /** Sequence numbers of what was seen before this time. */
  olderThan(time: number): number[] {
    return [...this.#seen].filter(([, since]) => since < time).map(([sequence]) => sequence);
  }

  /** Forgets messages that were deleted. */
  forget(sequences: readonly number[]): void {
    for (const sequence of sequences) this.#seen.delete(sequence);
  }
}
