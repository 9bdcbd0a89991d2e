/** Settings of the relay that mail of this server goes to (outgoing/mail.ts). */
import { textSetting } from './setting.js';

export const MAIL_SETTINGS = {
  mail: textSetting(
    'MAIL',
    '',
    'Relay that mail goes to: `smtps://user:password@relay.example.org:465`, or `smtp://…:587` with STARTTLS, which is required. Empty: nothing is mailed.',
    { secret: true },
  ),
  mailFrom: textSetting('MAIL_FROM', '', 'Address that mail comes from, as in `records@hospital.example.org`.'),
  mailCa: textSetting(
    'MAIL_CA',
    '',
    'PEM file with the authorities that vouch for the relay. Empty: those that Node trusts.',
  ),
};
