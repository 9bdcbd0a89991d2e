/** The certificate and key that HTTPS is served with: read at start, and again when their files change. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import type { Engine } from '../interactions/engine.js';
import { type Config, ConfigError } from '../platform/config.js';

export interface TlsFiles {
  readonly cert: Buffer;
  readonly key: Buffer;
}

type TlsSettings = Pick<Config, 'tlsCert' | 'tlsKey'>;

/** ms between two looks at the files: who renews a certificate does it days before it is over. */
const LOOK_EVERY_MINUTE = 60_000;

/** Undefined where the settings name none. Throws ConfigError where they cannot be used, or do not belong together. */
export function readTls({ tlsCert, tlsKey }: TlsSettings): TlsFiles | undefined {
  if (tlsCert === '') return undefined;
  const read = <T>(name: string, file: string, understand: (bytes: Buffer) => T): { bytes: Buffer; meaning: T } => {
    try {
      const bytes = readFileSync(file);
      return { bytes, meaning: understand(bytes) };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const why = code === 'ENOENT' ? 'does not exist' : 'cannot be used as PEM';
      throw new ConfigError(`The file of ${name}, ${file}, ${why}.`);
    }
  };
  const cert = read('CHARTROOM_TLS_CERT', tlsCert, bytes => new X509Certificate(bytes));
  const key = read('CHARTROOM_TLS_KEY', tlsKey, bytes => createPrivateKey(bytes));
  if (!cert.meaning.checkPrivateKey(key.meaning))
    throw new ConfigError(`CHARTROOM_TLS_KEY, ${tlsKey}, is not the key of the certificate of CHARTROOM_TLS_CERT.`);
  return { cert: cert.bytes, key: key.bytes };
}

/** Goes on with what the files hold as soon as they change; what cannot be used changes nothing, and the log says so. */
export function renewTls(server: Server, { clock, log }: Pick<Engine, 'clock' | 'log'>, settings: TlsSettings): void {
  if (!('setSecureContext' in server)) return;
  const secure = server as TlsServer;
  const mark = async (): Promise<string> => {
    const files = await Promise.all([settings.tlsCert, settings.tlsKey].map(file => stat(file).catch(() => undefined)));
    return files.map(file => `${file?.ino} ${file?.mtimeMs} ${file?.size}`).join();
  };
  let seen: string | undefined;
  void mark().then(first => (seen ??= first));
  const end = clock.every(LOOK_EVERY_MINUTE, async () => {
    const now = await mark();
    if (now === seen) return;
    seen = now;
    try {
      const files = readTls(settings);
      if (files) secure.setSecureContext({ ...files, minVersion: 'TLSv1.2' });
      log.warn('The certificate of HTTPS was read again.');
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      log.warn(`${error.message} The certificate read before stays in force.`);
    }
  });
  server.once('close', end);
}
