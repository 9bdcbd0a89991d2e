/**
 * `$deliver` by a SMART Health Link, as for a patient's own app: the package is encrypted once, by a key that stands in the link and nowhere else, and the server
 * keeps what it cannot read by the link alone. https://build.fhir.org/ig/HL7/smart-health-cards-and-links/links-specification.html
 */
import { createHash, randomBytes } from 'node:crypto';
import { CompactEncrypt } from 'jose';
import { toString as qrText } from 'qrcode';
import type { Companion } from '../../../interactions/interaction.js';
import { bytesHandedOut, linkRecords } from '../../../interactions/handing-out.js';
import { badParameter } from '../../../interactions/operations/parameters.js';
import { newId } from '../../../platform/ids.js';
import type { DeliveryWay } from './deliver-operation.js';
import { refuseDelivery } from './delivery.js';
import { healthLinkAddress } from './health-link-route.js';
import { linkTerms, passcodeGiven } from './link-way.js';
import { anyToken, keepLink } from './links.js';
import { hashOfPasscode } from './passcode.js';

/** What is encrypted is held in memory as a whole. */
const MOST_BYTES = 16 * 1024 * 1024;
const FHIR_JSON = 'application/fhir+json';
const LONGEST_LABEL = 80;

/** A file that a link may hold: FHIR as it is, and anything else as the attachment of a document. */
function fileOf(bytes: Buffer, contentType: string): Buffer {
  if (contentType.startsWith(FHIR_JSON)) return bytes;
  const attachment = { contentType, data: bytes.toString('base64') };
  const resource = { resourceType: 'DocumentReference', status: 'current', content: [{ attachment }] };
  return Buffer.from(JSON.stringify({ resourceType: 'Bundle', type: 'collection', entry: [{ resource }] }));
}

export const HEALTH_LINK_WAY: DeliveryWay = {
  parameters: ['passcode', 'expires', 'downloads', 'tries', 'direct', 'label'],
  async prepare(asked) {
    const { context, text, at, document, delivery, now, patient, task } = asked;
    const { engine } = context;
    const passcode = passcodeGiven(asked);
    const isDirect = text('direct') === 'true';
    if (isDirect && passcode !== undefined)
      throw badParameter('A link that leads to its file directly has no passcode.', at('direct'));
    const label = text('label') ?? 'Released records';
    if (label.length > LONGEST_LABEL) throw badParameter(`label has ${LONGEST_LABEL} characters at most.`, at('label'));
    const { expires, ...counts } = linkTerms(asked);
    // Before anything is kept.
    healthLinkAddress(engine.settings.base, anyToken());
    if (document.size > MOST_BYTES)
      throw refuseDelivery('The package is too large for a SMART Health Link.', 'Task.output', 'package-too-large');
    const parts: Buffer[] = [];
    for await (const part of await bytesHandedOut(engine, document)) parts.push(part);
    const key = randomBytes(32);
    const encrypted = Buffer.from(
      await new CompactEncrypt(fileOf(Buffer.concat(parts), document.contentType))
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', cty: FHIR_JSON })
        .encrypt(key),
    );
    const binary: Companion = {
      ...({ kind: 'create', own: true, type: 'Binary', id: newId(now) } as const),
      body: {
        resource: {
          resourceType: 'Binary',
          contentType: 'application/jose',
          securityContext: { reference: `Task/${task}` },
          data: encrypted.toString('base64'),
        },
        decimals: undefined,
      },
    };
    const token = await keepLink(
      linkRecords(engine),
      {
        ...{ form: isDirect ? 'direct' : 'manifest', passcode: passcode && (await hashOfPasscode(passcode)) },
        ...{ hash: createHash('sha256').update(encrypted).digest('hex'), size: encrypted.length },
        ...{ contentType: 'application/jose', fileName: 'records.jose', document: document.id, patient, delivery },
        ...{ expires, ...counts },
      },
      now,
    );
    const url = healthLinkAddress(engine.settings.base, token);
    const flag = isDirect ? 'U' : passcode === undefined ? undefined : 'P';
    const payload = { url, key: key.toString('base64url'), exp: Math.floor(expires / 1000), flag, label };
    const link = `shlink:/${Buffer.from(JSON.stringify(payload)).toString('base64url')}`;
    const svg = await qrText(link, { type: 'svg', errorCorrectionLevel: 'M' });
    const until = new Date(expires).toISOString();
    return {
      details: { expires: until, downloads: counts.downloads, tries: counts.tries },
      companions: [binary],
      answer: [
        { name: 'health-link', valueUri: link },
        {
          name: 'qr',
          valueAttachment: { contentType: 'image/svg+xml', data: Buffer.from(svg).toString('base64') },
        },
        { name: 'expires', valueInstant: until },
      ],
    };
  },
};
