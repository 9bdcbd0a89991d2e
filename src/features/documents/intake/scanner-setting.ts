/** Where the virus scanner is, by which all bytes pass before they are stored (../../../outgoing/scanner.ts). */
import type { ScannerAddress } from '../../../outgoing/scanner.js';

export const scannerSetting = {
  env: 'SCAN',
  default: '',
  about:
    'A virus scanner that speaks the INSTREAM of clamd, as in `tcp://127.0.0.1:3310`: what it finds is refused, and nothing is stored while it is away. Empty: none.',
  /** The text itself, so that it is shown as it was given. */
  parse(text: string): string {
    scannerAt(text);
    return text;
  },
};

/** Of the setting; undefined: none. Throws Error saying what it must be. */
export function scannerAt(text: string): ScannerAddress | undefined {
  if (text === '') return undefined;
  const [, bracketed, plain, port] = /^tcp:\/\/(?:\[([0-9a-fA-F:]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) throw new Error('tcp://host:port');
  return { host, port: Number(port) };
}
