/** The relay that mail of this server goes to. */
import { readFileSync } from 'node:fs';
import { type Mail, openMail } from '../outgoing/mail.js';
import { type Config, ConfigError } from '../platform/config.js';

/** Undefined: nothing is mailed. Throws ConfigError for what cannot be used. */
export function openRelay({ mail, mailFrom, mailCa }: Pick<Config, 'mail' | 'mailFrom' | 'mailCa'>): Mail | undefined {
  if (mail === '') return undefined;
  let ca: string | undefined;
  try {
    if (mailCa !== '') ca = readFileSync(mailCa, 'utf8');
  } catch (cause) {
    throw new ConfigError(`The file of CHARTROOM_MAIL_CA, ${mailCa}, cannot be read.`, { cause });
  }
  return openMail({ url: mail, from: mailFrom, ca });
}
