/** Which reader reads which type. For threads: a reader may take as long as it likes, and throw anything. */
import { readCda } from './cda.js';
import { readDicom } from './dicom.js';
import { type DocumentMetadata, READ_LIMITS, type ReadLimits } from './document-metadata.js';
import { readJpeg, readPng } from './image.js';
import { readPdf } from './pdf.js';
import { readTiff } from './tiff.js';

type Reader = (
  bytes: Uint8Array,
  limits: ReadLimits,
) => DocumentMetadata | undefined | Promise<DocumentMetadata | undefined>;

/** By the type that `contentTypeOf` tells. */
const READERS: Readonly<Record<string, Reader>> = {
  'application/xml': readCda,
  'application/pdf': readPdf,
  'application/dicom': readDicom,
  'image/jpeg': readJpeg,
  'image/png': readPng,
  'image/tiff': readTiff,
};

/** Undefined where there is no reader, or it cannot read the file. */
export async function metadataIn(
  bytes: Uint8Array,
  contentType: string,
  limits: ReadLimits = READ_LIMITS,
): Promise<DocumentMetadata | undefined> {
  try {
    return await READERS[contentType]?.(bytes, limits);
  } catch {
    // Readers of other people's files throw whatever they like, strings among it.
    return undefined;
  }
}
