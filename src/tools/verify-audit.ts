/**
 * `node verify-audit.mjs FILE [--key KEY|FILE]… [--anchor FILE]… [--witness KEY]…`: whether an export of the audit trail is what was sealed, on any machine with
 * Node and nothing else. build/bundle.ts makes dist/tools/verify-audit.mjs of it, one file that imports nothing but Node.
 *
 * Ends with 0: nothing is wrong; 1: something is; 2: it was asked wrongly, or the file is no export.
 */
import { createReadStream } from 'node:fs';
import { parseArgs } from 'node:util';
import { fileLines } from '../audit/ledger/lines.js';
import { anchorsGiven, keysGiven, reportOf, UnusableInput, witnessGiven } from '../audit/ledger/report.js';
import { verifyTrail } from '../audit/ledger/verify.js';

const USAGE = `Usage: node verify-audit.mjs FILE [--key KEY]... [--anchor FILE]... [--witness KEY]...

  FILE           an export of the audit trail (chartroom audit export); - is standard input
  --key KEY      a key of the server that you trust, or a file with some; without it those of the export are taken
  --anchor FILE  an anchor that was kept elsewhere: a note as it came by mail, or lines of JSON
  --witness KEY  a witness that you trust: it must have signed what it has seen of the trail
`;

async function verifyFile(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      key: { type: 'string', multiple: true },
      anchor: { type: 'string', multiple: true },
      witness: { type: 'string', multiple: true },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const [file, ...more] = positionals;
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (file === undefined || more.length > 0) {
    process.stderr.write(USAGE);
    return 2;
  }
  const keys = (values.key ?? []).flatMap(keysGiven);
  const anchors = (values.anchor ?? []).flatMap(anchorsGiven);
  const witnesses = (values.witness ?? []).map(witnessGiven);
  const bytes = file === '-' ? process.stdin : createReadStream(file, { highWaterMark: 1 << 20 });
  const { text, status } = reportOf(await verifyTrail(fileLines(bytes), { keys, anchors, witnesses }), { keys });
  process.stdout.write(text);
  return status;
}

verifyFile().then(
  status => (process.exitCode = status),
  (error: unknown) => {
    const { message, code } = error as NodeJS.ErrnoException;
    const isRead = error instanceof UnusableInput || code?.startsWith('ERR_PARSE_ARGS');
    process.stderr.write(`${isRead ? message : `The file cannot be read: ${code ?? message}.`}\n`);
    process.exitCode = 2;
  },
);
