/** Where the virus scanner is, by which all bytes pass before they are stored (../../../outgoing/scanner.ts). */
import type { ScannerAddress } from '../../../outgoing/scanner.js';

export const scannerSetting = {
  env: 'SCAN',
  default: undefined as ScannerAddress | undefined,
  about:
    'A virus scanner that speaks the INSTREAM of clamd, as in `tcp://127.0.0.1:3310`: what it finds is refused, and nothing is stored while it is away. Empty: none.',
  parse(text: string): ScannerAddress | undefined {
    if (text === '') return undefined;
    const [, bracketed, plain, port] = /^tcp:\/\/(?:\[([0-9a-fA-F:]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(text) ?? [];
    const host = bracketed ?? plain;
    if (host === undefined || Number(port) < 1 || Number(port) > 65_535) throw new Error('tcp://host:port');
    return { host, port: Number(port) };
  },
};
