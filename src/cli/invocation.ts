/** What a command gets: its settings, words and flags, and how to open the engine. */
import type { Engine } from '../interactions/interaction.js';
import type { Config } from '../platform/config.js';

export interface Invocation {
  readonly config: Config;
  readonly words: readonly string[];
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  readonly open: () => Promise<Engine>;
}
