/**
 * `chartroom` again and again in one process: each message is the words and settings of one command, each answer how it ended and what it
 * said. For commands that end by themselves and leave nothing open.
 */
import { main } from '../../src/main.js';

export interface CommandRow {
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Takes what is written meanwhile in place of the stream. */
function caught(stream: NodeJS.WriteStream): () => string {
  let text = '';
  const write = stream.write.bind(stream);
  Object.assign(stream, {
    write(part: string | Uint8Array) {
      text += part.toString();
      return true;
    },
  });
  return () => {
    Object.assign(stream, { write });
    // Each command listens for a reader that goes away.
    stream.removeAllListeners('error');
    return text;
  };
}

async function run({ words, env }: CommandRow): Promise<void> {
  const [out, err] = [caught(process.stdout), caught(process.stderr)];
  const status = await main(words, env);
  process.send!({ status, out: out(), err: err() });
}

process.on('message', (row: CommandRow) => void run(row));
