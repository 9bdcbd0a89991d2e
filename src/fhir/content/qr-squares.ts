/** A QR code as black squares for a page of PDF, in its units. https://www.iso.org/standard/83389.html */
import { create } from 'qrcode';

/** A run of black modules in a row: in fractions of the side of the code, from its lower left corner. */
interface QrRun {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** `level`: how much of it may be lost (M: 15 %, Q: 25 %, H: 30 %). */
export function qrRuns(text: string, level: 'M' | 'Q' | 'H'): readonly QrRun[] {
  const { modules } = create(text, { errorCorrectionLevel: level });
  const { size } = modules;
  const runs: QrRun[] = [];
  for (let row = 0; row < size; row++)
    for (let column = 0; column < size; column++) {
      if (!modules.get(row, column)) continue;
      let end = column + 1;
      while (end < size && modules.get(row, end)) end++;
      runs.push({ x: column / size, y: 1 - (row + 1) / size, width: (end - column) / size, height: 1 / size });
      column = end;
    }
  return runs;
}
