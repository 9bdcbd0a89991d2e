/** What the engine knows of its settings: those that interactions go by, and the key of paging links. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineSettings } from '../interactions/engine.js';
import { type Config, isLoopback, isMongo, namesListed } from '../platform/config.js';
import { makeFolder } from '../platform/folder.js';
import { makeSecretFile } from '../platform/secret-file.js';
import { VERSION } from '../platform/version.js';
import { WORDS_RULE } from '../search/words-of.js';
import { type IndexLayout } from '../store/index-layout.js';

/** `started`: ms, when the server was. No secret is among them: whoever has the engine could show it. */
export function engineSettings(config: Config, started: number): EngineSettings {
  const {
    store: _store,
    secret: _secret,
    auditKey: _auditKey,
    auditAnchors: _auditAnchors,
    mail: _mail,
    mailFrom: _mailFrom,
    mailCa: _mailCa,
    tokens: _tokens,
    roles: _roles,
    labels: _labels,
    issuers: _issuers,
    clients: _clients,
    clientKeyHosts: _clientKeyHosts,
    registration: _registration,
    issuerRules: _issuerRules,
    tlsCert: _tlsCert,
    tlsKey: _tlsKey,
    syslog: _syslog,
    syslogCa: _syslogCa,
    syslogCert: _syslogCert,
    syslogKey: _syslogKey,
    fulltext: _fulltext,
    validateBase: _validateBase,
    validateClaims: _validateClaims,
    validateRules: _validateRules,
    tx: _tx,
    txTokenFile: _txTokenFile,
    txTimeout: _txTimeout,
    txSystems: _txSystems,
    unknownExtensions: _unknownExtensions,
    bestPractice: _bestPractice,
    htmlInStrings: _htmlInStrings,
    exampleUrls: _exampleUrls,
    guides: _guides,
    registry: _registry,
    ofFeatures: _ofFeatures,
    ...rest
  } = config;
  const { handling, linkMinutes, auth, corsOrigins, ...shared } = rest;
  const served = basesOf(config);
  return {
    ...shared,
    base: served[0]!,
    served,
    bases: [...served, ...namesListed(config.formerBaseUrls)],
    linkLifetime: linkMinutes * 60_000,
    fullText: keepsWords(config),
    software: { name: 'Chartroom', version: VERSION, started },
    authentication: auth,
    lenient: handling === 'lenient',
    corsOrigins: corsOrigins.split(',').filter(origin => origin !== ''),
  };
}

/** Whether words are kept, and which, is a part of how resources are indexed. A layout that grows goes on to tell its version. */
export function withWords(layout: IndexLayout, config: Pick<Config, 'fulltext' | 'store'>): IndexLayout {
  if (!keepsWords(config)) return layout;
  return {
    ...layout,
    hash: `${layout.hash} ${WORDS_RULE}`,
    get version() {
      return layout.version;
    },
  };
}

/** By default a MongoDB store keeps none: they would double the keys of a resource. */
const keepsWords = (config: Pick<Config, 'fulltext' | 'store'>): boolean =>
  config.fulltext === 'on' || (config.fulltext === 'auto' && !isMongo(config));

/** What links say, and the other addresses under which the same server is reached: references to all are our own. */
function basesOf({ baseUrl, host, port, tlsCert }: Config): string[] {
  const scheme = tlsCert === '' ? 'http' : 'https';
  const hosts = isLoopback(host) ? ['localhost', '127.0.0.1'] : [host.includes(':') ? `[${host}]` : host];
  return [...(baseUrl ? [baseUrl] : []), ...hosts.map(name => `${scheme}://${name}:${port}/fhir`)];
}

/** The key of paging links, made on the first start. */
export function keptSecret(folder: string): string {
  const file = join(folder, 'secret');
  if (existsSync(file)) return readFileSync(file, 'utf8').trim();
  makeFolder(folder);
  // Where another process was quicker, its key is as good.
  makeSecretFile(file, randomBytes(32).toString('hex'));
  return readFileSync(file, 'utf8').trim();
}
