/** Part of a PDF that was made elsewhere: whole objects, numbered as they will be, and the forms that are its pages. */
import { ITEM_LIMITS, TooCostly } from '../read/limits.js';
import { pdfCipher } from './cipher.js';
import { type PdfCipher, type PdfStream, type PdfValue, pdfObject } from '../../../../fhir/content/pdf-values.js';

/** A page as a form (Form XObject): its box begins at 0 0. */
export interface PageForm {
  /** The number of its object. */
  readonly form: number;
  /** Points. */
  readonly width: number;
  readonly height: number;
}

export interface PdfFragment {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The object `first + n` begins at `offsets[n]`. */
  readonly first: number;
  readonly offsets: readonly number[];
  readonly pages: readonly PageForm[];
}

/** Where a fragment begins, and how it is sealed. */
export interface FragmentStart {
  readonly first: number;
  readonly key?: Uint8Array;
}

export interface FragmentWriter {
  /** A number for an object that is written later, which it has to be. */
  reserve(): number;
  write(number: number, value: PdfValue | PdfStream): void;
  readonly add: (value: PdfValue | PdfStream) => number;
  end(pages: readonly PageForm[]): PdfFragment;
}

/** TooCostly beyond ITEM_LIMITS. */
export function fragmentWriter({ first, key }: FragmentStart): FragmentWriter {
  const objects: (Buffer | undefined)[] = [];
  let size = 0;
  const reserve = (): number => {
    if (objects.push(undefined) > ITEM_LIMITS.objects) throw new TooCostly('The pages have too many objects.');
    return first + objects.length - 1;
  };
  const write = (number: number, value: PdfValue | PdfStream): void => {
    const cipher: PdfCipher | undefined = key && pdfCipher(key, String(number));
    const bytes = pdfObject(number, value, cipher);
    size += bytes.length;
    if (size > ITEM_LIMITS.fragment) throw new TooCostly('The pages are too large.');
    objects[number - first] = bytes;
  };
  return {
    reserve,
    write,
    add(value) {
      const number = reserve();
      write(number, value);
      return number;
    },
    end(pages) {
      const bytes = new Uint8Array(size);
      const offsets: number[] = [];
      let at = 0;
      for (const object of objects) {
        if (!object) throw new Error('A reserved object was not written.');
        bytes.set(object, at);
        offsets.push(at);
        at += object.length;
      }
      return { bytes, first, offsets, pages };
    },
  };
}
