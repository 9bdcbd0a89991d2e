/**
 * A package as a ZIP: the originals as they are, the PDF where the form is `both`, and a manifest with their hashes. Of what must be withheld
 * in part there is no original in it, but a PDF of pictures.
 */
import { once } from 'node:events';
import { PassThrough, type Readable } from 'node:stream';
import { ZipFile } from 'yazl';
import { itemFileName } from './file-names.js';
import { type FormMaking, makePdf, redactedItem } from './make-pdf.js';
import type { ItemOutcome, MadeForm, PackageItem, PackageOrder } from './order.js';
import { checkedBytes, withEnd, type Tally, tallied } from './source-bytes.js';

/** A line of the manifest. */
interface ZippedFile extends Tally {
  readonly file: string;
}

/** Types whose bytes are packed already. */
const PACKED = /^(?:image\/(?!svg|bmp|tiff)|video\/|audio\/|application\/(?:pdf|zip|gzip))/;

const UNREAD = 'The ZIP is not read any more.';

export async function* makeZip({ order, digest, pool }: FormMaking): AsyncGenerator<Uint8Array, MadeForm> {
  const zip = new ZipFile();
  // What stops an entry is told by the entry.
  zip.on('error', () => {});
  const output = zip.outputStream as Readable;
  const files: ZippedFile[] = [];
  const outcomes: ItemOutcome[] = [];
  let pages: number | undefined;
  let missingGlyphs: true | undefined;
  let isStopped = false;
  /** What is being written. */
  let entry: PassThrough | undefined;
  const time = { mtime: wallClock(order.released), mode: 0o100_644, forceDosTimestamp: true };

  /** Puts a file into the ZIP, and gives what its parts give at their end. */
  const put = async <End>(file: string, parts: AsyncGenerator<Uint8Array, End>, compress: boolean): Promise<End> => {
    const whole = withEnd(parts);
    const counted = withEnd(tallied(whole.parts));
    const written = new PassThrough();
    entry = written.on('error', () => {});
    zip.addReadStream(written, file, { ...time, compress });
    for await (const part of counted.parts) {
      if (isStopped) throw new Error(UNREAD);
      if (!written.write(part)) await once(written, 'drain');
    }
    if (isStopped) throw new Error(UNREAD);
    files.push({ file, ...counted.end() });
    written.end();
    await once(written, 'end');
    entry = undefined;
    return whole.end();
  };

  const fill = async (): Promise<void> => {
    for (const [at, item] of order.items.entries())
      outcomes.push(item.redactions?.length ? await putRedacted(item, at) : await putOriginal(item, at));
    if (order.form === 'both') {
      const made = await put('release.pdf', makePdf({ order, items: order.items, front: true, digest, pool }), false);
      ({ pages, missingGlyphs } = made);
      for (const [at, outcome] of made.items.entries()) {
        const { firstPage, pages: own, reason } = outcome;
        outcomes[at] = {
          ...outcomes[at]!,
          ...(firstPage === undefined ? {} : { firstPage, pages: own! }),
          ...(reason === undefined ? {} : { reason }),
        };
      }
    }
    const manifest = Buffer.from(`${JSON.stringify(manifestOf(order, files, outcomes), undefined, 2)}\n`);
    zip.addBuffer(manifest, 'manifest.json', { ...time, compress: true });
    zip.end();
  };

  const putOriginal = async (item: PackageItem, at: number): Promise<ItemOutcome> => {
    const file = itemFileName(item, at);
    await put(file, checkedBytes(item), !PACKED.test(item.contentType));
    return { ...saidOf(item), state: 'attached', file };
  };

  const putRedacted = async (item: PackageItem, at: number): Promise<ItemOutcome> => {
    const file = itemFileName({ title: item.title, contentType: 'application/pdf' }, at);
    return { ...(await put(file, redactedItem({ order, digest, pool }, item, at), false)), file };
  };

  const filling = fill().catch((error: unknown) => {
    output.destroy(error instanceof Error ? error : new Error('A ZIP was not made.'));
    throw error;
  });
  filling.catch(() => {});
  try {
    for await (const part of output) yield part as Uint8Array;
  } finally {
    // Whoever reads no further leaves nobody waiting to write.
    isStopped = true;
    entry?.destroy(new Error(UNREAD));
    // Until then what it reads is open.
    await filling.catch(() => {});
  }
  await filling;
  return {
    ...(pages === undefined ? {} : { pages }),
    ...(missingGlyphs ? { missingGlyphs } : {}),
    items: outcomes,
  };
}

const saidOf = ({ id, title, sha256, size, contentType }: PackageItem) => ({
  ...{ id, title, sha256: sha256.toLowerCase(), size, contentType },
});

const manifestOf = (order: PackageOrder, files: readonly ZippedFile[], items: readonly ItemOutcome[]) => ({
  ...{ trackingId: order.trackingId, released: order.released, recipient: order.recipient, purpose: order.purpose },
  ...{ notices: order.notices, files, items: items.map(toldOf) },
});

/** Hash and size of what is withheld in part would tell whether somebody has guessed it. */
const toldOf = (outcome: ItemOutcome) =>
  outcome.redacted === undefined && outcome.state !== 'withheld'
    ? outcome
    : { ...outcome, sha256: undefined, size: undefined };

/** A ZIP has local times: this is the one in every time zone that shows UTC. */
function wallClock(instant: string): Date {
  const at = new Date(instant);
  const [year, month, day] = [at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()];
  return new Date(year, month, day, at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds());
}
