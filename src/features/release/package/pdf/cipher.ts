/**
 * AES-256 for PDF 2.0 (revision 6 of the standard security handler): ISO 32000-2 §7.6.4, https://www.iso.org/standard/75839.html
 *
 * The same order gives the same bytes here, too: the key of the file follows from the passphrase and a digest of the order, and what is
 * random elsewhere follows from that key and the place where it is used, which is used once.
 */
import { createCipheriv, createHash, createHmac, scrypt } from 'node:crypto';
import {
  type PdfCipher,
  type PdfDictionary,
  pdfDictionary,
  pdfName,
  type PdfValue,
} from '../../../../fhir/content/pdf-values.js';

const NO_IV = Buffer.alloc(16);

/** Seals in the name of a place: no two ciphers of a file may have the same. */
export function pdfCipher(key: Uint8Array, place: string): PdfCipher {
  let count = 0;
  return {
    seal(bytes) {
      const iv = drawn(key, `${place}:${count++}`).subarray(0, 16);
      const cipher = createCipheriv('aes-256-cbc', key, iv);
      return Buffer.concat([iv, cipher.update(bytes), cipher.final()]);
    },
  };
}

/** The same for a stream that comes in parts. */
export async function* sealedParts(
  key: Uint8Array,
  place: string,
  parts: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const iv = drawn(key, `${place}:parts`).subarray(0, 16);
  const cipher = createCipheriv('aes-256-cbc', key, iv);
  yield iv;
  for await (const part of parts) yield cipher.update(part);
  yield cipher.final();
}

/** 32 bytes. `digest`: of everything else that the file follows from. */
export const fileKey = (passphrase: string, digest: string): Promise<Buffer> =>
  new Promise((resolve, reject) =>
    scrypt(prepared(passphrase), digest, 32, (error, key) => (error ? reject(error) : resolve(key))),
  );

/** The dictionary `Encrypt`, which is not encrypted itself. The owner's password is known to nobody: all may be done with the file. */
export function encryptDictionary(passphrase: string, key: Buffer): PdfDictionary {
  const user = prepared(passphrase);
  const owner = drawn(key, 'owner');
  const userSalts = drawn(key, 'user-salts').subarray(0, 16);
  const ownerSalts = drawn(key, 'owner-salts').subarray(0, 16);
  const U = Buffer.concat([hashed(user, userSalts.subarray(0, 8)), userSalts]);
  const UE = unpadded('aes-256-cbc', hashed(user, userSalts.subarray(8)), NO_IV, key);
  const O = Buffer.concat([hashed(owner, ownerSalts.subarray(0, 8), U), ownerSalts]);
  const OE = unpadded('aes-256-cbc', hashed(owner, ownerSalts.subarray(8), U), NO_IV, key);
  const allowed = Buffer.alloc(16);
  allowed.writeInt32LE(EVERYTHING);
  allowed.fill(0xff, 4, 8);
  allowed.write('Tadb', 8);
  drawn(key, 'permissions').copy(allowed, 12, 0, 4);
  const Perms = unpadded('aes-256-ecb', key, null, allowed);
  const filter = pdfDictionary({ CFM: pdfName('AESV3'), AuthEvent: pdfName('DocOpen'), Length: 32 });
  const string = (bytes: Buffer): PdfValue => ({ string: bytes });
  return pdfDictionary({
    ...{ Filter: pdfName('Standard'), V: 5, R: 6, Length: 256, P: EVERYTHING, EncryptMetadata: true },
    ...{ U: string(U), UE: string(UE), O: string(O), OE: string(OE), Perms: string(Perms) },
    ...{ CF: pdfDictionary({ StdCF: filter }), StmF: pdfName('StdCF'), StrF: pdfName('StdCF') },
  });
}

/** All permissions of Table 22. */
const EVERYTHING = -4;

/** 127 bytes at most of UTF-8 (§7.6.4.3.2), in a form that two keyboards have in common. */
const prepared = (passphrase: string): Buffer => Buffer.from(passphrase.normalize('NFKC')).subarray(0, 127);

const drawn = (key: Uint8Array, use: string): Buffer => createHmac('sha256', key).update(use).digest();

function unpadded(algorithm: string, key: Uint8Array, iv: Uint8Array | null, bytes: Uint8Array): Buffer {
  const cipher = createCipheriv(algorithm, key, iv).setAutoPadding(false);
  return Buffer.concat([cipher.update(bytes), cipher.final()]);
}

const DIGESTS = ['sha256', 'sha384', 'sha512'] as const;

/** Algorithm 2.B. */
function hashed(password: Uint8Array, salt: Uint8Array, user: Uint8Array = new Uint8Array()): Buffer {
  let digest = createHash('sha256').update(password).update(salt).update(user).digest();
  for (let round = 0; ; round++) {
    const once = Buffer.concat([password, digest, user]);
    const repeated = Buffer.concat(Array.from({ length: 64 }, () => once));
    const sealed = unpadded('aes-128-cbc', digest.subarray(0, 16), digest.subarray(16, 32), repeated);
    const rest = sealed.subarray(0, 16).reduce((sum, byte) => sum + byte, 0) % 3;
    digest = createHash(DIGESTS[rest]!).update(sealed).digest();
    if (round >= 63 && sealed.at(-1)! <= round - 31) return digest.subarray(0, 32);
  }
}
