/** Settings of the audit trail: its ledger, how it is asked for, and where it goes as syslog messages. */
import { parseBucketAddress } from './blob-settings.js';
import { choice, type Setting, type SettingTable, textSetting } from './setting.js';

export interface SyslogAddress {
  readonly host: string;
  readonly port: number;
  /** Without TLS, on this machine alone. */
  readonly plain: boolean;
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** `tls://host:6514`. Throws an Error that says what is allowed. */
export function parseSyslogAddress(text: string): SyslogAddress {
  const [, scheme, host = '', port = '6514'] =
    /^(tls|tcp):\/\/([A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\])(?::(\d{1,5}))?\/?$/.exec(text) ?? [];
  if (scheme === undefined || Number(port) < 1 || Number(port) > 65_535)
    throw new Error(
      'tls://host:6514, or tcp://127.0.0.1:port for a receiver on this machine (udp would lose events, and nobody would know)',
    );
  if (scheme === 'tcp' && !LOOPBACK.test(host))
    throw new Error(
      'tls://host:6514: without TLS the trail goes to a receiver on this machine alone (tcp://127.0.0.1:port)',
    );
  return { host: host.replaceAll(/^\[|\]$/g, ''), port: Number(port), plain: scheme === 'tcp' };
}

/** Where anchors are kept elsewhere. */
export type AnchorAddress =
  | { readonly way: 'url'; readonly url: string }
  | { readonly way: 'bucket'; readonly bucket: string; readonly prefix: string }
  | { readonly way: 'mail'; readonly to: string }
  | { readonly way: 'syslog' }
  | { readonly way: 'witness'; readonly url: string; readonly key: string };

/** With commas between. Throws an Error that says what is allowed. */
export function parseAnchorAddresses(text: string): readonly AnchorAddress[] {
  const addresses = text
    .split(',')
    .map(part => part.trim())
    .filter(part => part !== '')
    .map(parseAnchorAddress);
  const twice = addresses.find(({ way }, i) => addresses.findIndex(other => other.way === way) < i);
  if (twice) throw new Error('one address of each kind (https, s3, mailto, syslog, witness)');
  return addresses;
}

function parseAnchorAddress(text: string): AnchorAddress {
  if (text === 'syslog:') return { way: 'syslog' };
  if (text.startsWith('s3:')) return { way: 'bucket', ...parseBucketAddress(text) };
  const to = /^mailto:([^?]+)$/.exec(text)?.[1];
  if (to !== undefined) return { way: 'mail', to };
  const [, witness, key] = /^witness:(https?:\/\/[^#@]+)#(.+)$/.exec(text) ?? [];
  if (witness !== undefined && URL.canParse(witness)) return { way: 'witness', url: witness, key: key! };
  if (URL.canParse(text) && /^https?:\/\/[^#@]+$/.test(text)) return { way: 'url', url: text };
  throw new Error(
    'https://host/path, s3://bucket/prefix, mailto:officer@example.org, syslog: or witness:https://host/path#KEY, with commas between',
  );
}

const anchors: Setting<string> = {
  ...textSetting(
    'AUDIT_ANCHORS',
    '',
    'Who keeps anchors of the audit trail elsewhere: `https://host/path`, `s3://bucket/prefix`, `mailto:officer@example.org` (one a day), `syslog:` (of CHARTROOM_SYSLOG), `witness:https://host/path#KEY` (one an hour), with commas between: see docs/audit.md. Empty: nobody does.',
  ),
  parse(text) {
    parseAnchorAddresses(text);
    return text;
  },
};

const address: Setting<string> = {
  ...textSetting(
    'SYSLOG',
    '',
    'Where all audit events go as DICOM audit messages, `tls://host:6514`: see docs/audit.md. Empty: nowhere.',
  ),
  parse(text) {
    parseSyslogAddress(text);
    return text;
  },
};

/** 45 CFR 164.316(b)(2)(i): six years. */
const LEAST_YEARS = 6;

const years: Setting<number> = {
  env: 'AUDIT_YEARS',
  default: 0,
  about:
    'Years after which what the audit trail says is removed, but for hashes that prove the rest, and for patients under legal hold: 6 or more. 0: never.',
  parse(text) {
    const number = Number(text);
    if (!/^\d{1,3}$/.test(text) || (number !== 0 && number < LEAST_YEARS))
      throw new Error(`0, or a whole number of years from ${LEAST_YEARS} to 999`);
    return number;
  },
};

export const AUDIT_SETTINGS = {
  auditKey: textSetting(
    'AUDIT_KEY',
    '',
    'Ed25519 key that signs the ledger of the audit trail, PKCS #8 in PEM, or the path of such a file; of several the last one signs. Empty: made in DATA.',
    { secret: true },
  ),
  auditAnchors: anchors,
  acceptFork: choice(
    'ACCEPT_FORK',
    'off',
    ['off', 'on'],
    '`on`, for one start: an older copy of the store was put in its place, and what the audit trail lacks is lost; the trail says so',
  ),
  auditDate: choice(
    'AUDIT_DATE',
    'optional',
    ['optional', 'required'],
    '`required`: a search of AuditEvents names an interval by `date`, as ITI-81 has it',
  ),
  auditYears: years,
  syslog: address,
  syslogCa: textSetting(
    'SYSLOG_CA',
    '',
    'PEM file of the authorities by which that receiver must prove who it is. Empty: those that Node trusts.',
  ),
  syslogCert: textSetting('SYSLOG_CERT', '', 'PEM file of the certificate that it is shown. Empty: none.'),
  syslogKey: textSetting('SYSLOG_KEY', '', 'PEM file of the key of that certificate.'),
} satisfies SettingTable;
