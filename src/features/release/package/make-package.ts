/**
 * Makes a package of an order: a stream of bytes, and then what is in it. Of an item no more than ITEM_LIMITS.bytes is held at a time, and of
 * the package nothing but the places of its parts. The same order gives the same bytes.
 */
import { createHash } from 'node:crypto';
import { makeBundle } from './make-bundle.js';
import { type FormMaking, makePdf } from './make-pdf.js';
import { makeZip } from './make-zip.js';
import {
  type MadeForm,
  type PackageForm,
  type PackageManifest,
  type PackageOrder,
  PackageRefused,
  type PageRedaction,
  type RedactedArea,
} from './order.js';
import { type ItemPool, theItemPool } from './read/read-item.js';
import { type Tally, tallied } from './source-bytes.js';

export interface PackageFile {
  readonly contentType: string;
  /** `pdf`, `zip`, `json`. */
  readonly extension: string;
  /**
   * Once. Throws PackageRefused where the order cannot be carried out: what came before is no package then.
   */
  readonly bytes: AsyncIterable<Uint8Array>;
  /** When the bytes have been read. Rejects with what stopped them, also where whoever reads them stops. */
  readonly manifest: Promise<PackageManifest>;
}

/** Throws PackageRefused where the order contradicts itself. `pool`: for tests. */
export function makePackage(order: PackageOrder, pool: ItemPool = theItemPool()): PackageFile {
  checkOrder(order);
  const digest = orderDigest(order);
  const [contentType, extension] = FORM_TYPES[order.form];
  const made = formOfOrder({ order, digest, pool });
  let resolve: (manifest: PackageManifest) => void;
  let reject: (error: unknown) => void;
  const manifest = new Promise<PackageManifest>((done, failed) => ([resolve, reject] = [done, failed]));
  // Whoever reads the bytes learns it from them.
  manifest.catch(() => {});

  async function* bytes(): AsyncGenerator<Uint8Array> {
    let form: MadeForm = { items: [] };
    async function* parts(): AsyncGenerator<Uint8Array> {
      form = yield* made;
    }
    const counted = tallied(parts());
    try {
      let tally: Tally | undefined;
      while (!tally) {
        const step = await counted.next();
        if (step.done) tally = step.value;
        else yield step.value;
      }
      const { trackingId, passphrase } = order;
      resolve({ trackingId, form: order.form, contentType, ...tally, encrypted: passphrase !== undefined, ...form });
    } catch (error) {
      reject(error);
      throw error;
    } finally {
      // Says nothing where it has been resolved or rejected.
      reject(new Error('The package was not read to its end.'));
      await counted.return({ size: 0, sha256: '' });
    }
  }
  return { contentType, extension, bytes: bytes(), manifest };
}

const ZIP = ['application/zip', 'zip'] as const;
const FORM_TYPES: Readonly<Record<PackageForm, readonly [contentType: string, extension: string]>> = {
  ...{ pdf: ['application/pdf', 'pdf'], zip: ZIP, both: ZIP, document: ['application/fhir+json', 'json'] },
};

function formOfOrder(making: FormMaking): AsyncGenerator<Uint8Array, MadeForm> {
  const { order } = making;
  if (order.form === 'pdf') return makePdf({ ...making, items: order.items, front: true });
  return order.form === 'document' ? makeBundle(making) : makeZip(making);
}

function checkOrder({ form, passphrase, items, released }: PackageOrder): void {
  if (items.length === 0) throw new PackageRefused('bad-order', 'A package has one item at least.');
  if (new Set(items.map(({ id }) => id)).size < items.length)
    throw new PackageRefused('bad-order', 'A package has no item twice.');
  if (passphrase !== undefined && form !== 'pdf')
    throw new PackageRefused(
      'bad-order',
      'Only a package in the form pdf has a passphrase: a ZIP would hold the originals without one.',
    );
  if (passphrase === '') throw new PackageRefused('bad-order', 'A passphrase has one character at least.');
  if (Number.isNaN(Date.parse(released)))
    throw new PackageRefused('bad-order', 'The time of the release is no instant.');
  for (const { id, sha256, redactions = [] } of items) {
    if (!/^[0-9a-f]{64}$/i.test(sha256)) throw new PackageRefused('bad-order', `${id} has no SHA-256.`, id);
    if (!redactions.every(isRedaction))
      throw new PackageRefused(
        'bad-order',
        `A redaction of ${id} is none: pages count from 1 and have a width and a height, areas are fractions of a page.`,
        id,
      );
  }
}

/** What is burnt in as nothing is no redaction, however it came to be so. */
function isRedaction({ page, width, height, areas }: PageRedaction): boolean {
  const isPage = Number.isSafeInteger(page) && page >= 1 && isLength(width) && isLength(height);
  return isPage && (areas === 'all' || (Array.isArray(areas) && areas.length > 0 && areas.every(isArea)));
}

const isLength = (value: number): boolean => Number.isFinite(value) && value > 0;
const isFraction = (value: number): boolean => Number.isFinite(value) && value >= 0 && value <= 1;
const isArea = ({ x, y, width, height }: RedactedArea): boolean =>
  [x, y, width, height].every(isFraction) && width > 0 && height > 0;

/** Of everything that the bytes follow from but the passphrase. */
function orderDigest(order: PackageOrder): string {
  return createHash('sha256')
    .update(JSON.stringify({ ...order, passphrase: undefined }))
    .digest('hex');
}
