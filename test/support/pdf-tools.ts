/** Programs of others that read documents: Debian's qpdf, poppler-utils and libtiff-tools. A test that needs them is skipped, with the reason printed, without them. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PACKAGES = {
  qpdf: 'qpdf',
  pdftotext: 'poppler-utils',
  pdftoppm: 'poppler-utils',
  tiff2rgba: 'libtiff-tools',
} as const;
const found = new Map<string, boolean>();

export function skipWithoutProgram(test: Mocha.Context, name: keyof typeof PACKAGES): void {
  if (!found.has(name)) found.set(name, spawnSync(name, ['--version']).error === undefined);
  if (found.get(name)) return;
  process.stderr.write(`      skipped: no ${name} on the PATH (apt-get install ${PACKAGES[name]})\n`);
  test.skip();
}

/** What the program says of the file; throws where it finds a fault. */
export function toolOutput(name: keyof typeof PACKAGES, pdf: Uint8Array, options: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-pdf-'));
  try {
    const file = join(folder, 'file.pdf');
    writeFileSync(file, pdf);
    const given = name === 'qpdf' ? [...options, file] : [...options, file, '-'];
    const { status, stdout, stderr } = spawnSync(name, given, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
    if (status !== 0) throw new Error(`${name}: ${stderr}${stdout}`);
    return stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The texts of a PDF, page by page, as pdftotext reads them, without the marks of direction that it puts around lines. */
export function pageTexts(pdf: Uint8Array, options: readonly string[] = []): readonly string[] {
  const text = toolOutput('pdftotext', pdf, options).replaceAll(/[\u200E\u200F\u202A-\u202E]/g, '');
  return text.split('\f').slice(0, -1);
}
