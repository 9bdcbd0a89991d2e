/**
 * `$deliver` by email: the recipient gets the link alone (link-way.ts), and the passcode by another way. Mail is no safe place: it says nothing of the patient, of who has asked, or of
 * what was released. 45 CFR 164.312(e): https://www.ecfr.gov/current/title-45/section-164.312
 */
import { FhirError } from '../../../fhir/error.js';
import { jsonText } from '../../../interactions/operations/operation.js';
import { badParameter } from '../../../interactions/operations/parameters.js';
import { isMailAddress, type Mail } from '../../../outgoing/mail.js';
import type { DeliveryWay } from './deliver-operation.js';
import { LINK_WAY } from './link-way.js';
import { type DeliverySender, sendLater } from './sending.js';

export const EMAIL_WAY: DeliveryWay = {
  parameters: [...LINK_WAY.parameters, 'to'],
  async prepare(asked) {
    const to = asked.text('to')?.trim() ?? '';
    if (!isMailAddress(to))
      throw badParameter('to is one address of a mailbox, as in ada@example.org.', asked.at('to'));
    const { details, answer = [] } = await LINK_WAY.prepare(asked);
    const link = answer.find(({ name }) => name === 'link')?.['valueUrl'];
    await sendLater(asked, 'email', { to, link: jsonText(link), until: jsonText(details['expires']) });
    return { details: { ...details, to }, answer: answer.filter(({ name }) => name !== 'link') };
  },
};

const SUBJECT = 'Records are ready / Hay registros disponibles';

const mailedWords = (link: string, until: string, desk: string): string =>
  [
    'Records that were asked for are ready. Open this link, and type the passcode that you were given another way:',
    'Hay registros solicitados disponibles. Abra este enlace y escriba el código que recibió por otro medio:',
    link,
    `The link ends at ${until}. / El enlace termina el ${until}.`,
    'If you have not asked for records, delete this mail. / Si no solicitó registros, elimine este correo.',
    ...(desk === '' ? [] : [desk]),
  ].join('\n\n');

/** `desk`: how mail ends. */
export const emailSender =
  (mail: Mail, desk: string): DeliverySender =>
  async (caller, { to, link, until }, id) => {
    if (Date.parse(jsonText(until)) <= caller.engine.clock.now())
      throw new FhirError('unprocessable', 'The link has ended before the relay took the mail: deliver it again.');
    const text = mailedWords(jsonText(link), jsonText(until), desk);
    return mail.send({ to: jsonText(to), id, subject: SUBJECT, text });
  };
