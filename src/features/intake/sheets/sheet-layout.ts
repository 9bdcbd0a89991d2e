/** Where things are on a separator sheet: in points, of A4, from its lower left corner on. It is the same upside down. */

/** A box, and how dark it is: 1 is black. */
interface SheetBox {
  readonly left: number;
  readonly bottom: number;
  readonly wide: number;
  readonly high: number;
  readonly dark: number;
}

const [width, height] = [595, 842];
const margin = 48;
const code = 200;
/** Half of the modules of a code are black. */
const CODE_DARK = 0.5;
const bar = 40;
/** Codes have white around them. */
const quiet = 24;

const codes: readonly SheetBox[] = [margin, width - margin - code].flatMap(left =>
  [margin, height - margin - code].map(bottom => ({ left, bottom, wide: code, high: code, dark: CODE_DARK })),
);

/** By which a sheet is known where its codes cannot be read. */
const bars: readonly SheetBox[] = [margin + code + quiet, height - margin - code - quiet - bar].map(bottom => ({
  left: margin,
  bottom,
  wide: width - 2 * margin,
  high: bar,
  dark: 1,
}));

export const SHEET_LAYOUT = { width, height, margin, codes, bars, boxes: [...codes, ...bars] } as const;
