/** The schema of DICOM's audit messages, by hand: https://dicom.nema.org/medical/dicom/current/output/chtml/part15/sect_A.5.html#sect_A.5.1 */
import { SaxesParser } from 'saxes';

export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  readonly text: string;
}

/** Throws for what is not well-formed. */
export function parseXml(text: string): XmlElement {
  interface Open {
    readonly name: string;
    readonly attributes: Record<string, string>;
    readonly children: XmlElement[];
    text: string;
  }
  const root: Open = { name: '', attributes: {}, children: [], text: '' };
  const open = [root];
  const parser = new SaxesParser();
  parser.on('error', error => {
    throw error;
  });
  parser.on('opentag', ({ name, attributes }) =>
    open.push({ name, attributes: { ...attributes }, children: [], text: '' }),
  );
  parser.on('text', more => (open.at(-1)!.text += more));
  parser.on('closetag', () => {
    const closed = open.pop()!;
    open.at(-1)!.children.push(closed);
  });
  parser.write(text).close();
  return root.children[0]!;
}

interface Rule {
  /** Name → what its value must be; optional ones end with `?`. */
  readonly attributes?: Readonly<Record<string, RegExp>>;
  /** Names of children, one after the other, each with a blank behind it. */
  readonly children?: RegExp;
}

const TEXT = /^[^]*$/;
const TOKEN = /^[^]+$/;
const BASE64 = /^[A-Za-z0-9+/\s]*={0,2}$/;
const CODED: Rule = {
  attributes: { 'csd-code': TOKEN, codeSystemName: TOKEN, 'displayName?': TOKEN, originalText: TOKEN },
};
const RULES: Readonly<Record<string, Rule>> = {
  AuditMessage: {
    children:
      /^EventIdentification (?:ActiveParticipant )+AuditSourceIdentification (?:ParticipantObjectIdentification )*$/,
  },
  EventIdentification: {
    attributes: {
      'EventActionCode?': /^[CRUDE]$/,
      EventDateTime: /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)$/,
      EventOutcomeIndicator: /^(?:0|4|8|12)$/,
    },
    children: /^EventID (?:EventTypeCode )*(?:EventOutcomeDescription )?(?:PurposeOfUse )*$/,
  },
  EventID: CODED,
  EventTypeCode: CODED,
  PurposeOfUse: CODED,
  EventOutcomeDescription: {},
  ActiveParticipant: {
    attributes: {
      UserID: TEXT,
      'AlternativeUserID?': TEXT,
      'UserName?': TEXT,
      UserIsRequestor: /^(?:true|false)$/,
      'NetworkAccessPointID?': TOKEN,
      'NetworkAccessPointTypeCode?': /^[1-5]$/,
    },
    children: /^(?:RoleIDCode )*(?:MediaIdentifier )?$/,
  },
  RoleIDCode: CODED,
  MediaIdentifier: { children: /^MediaType $/ },
  MediaType: CODED,
  AuditSourceIdentification: {
    attributes: { 'AuditEnterpriseSiteID?': TOKEN, AuditSourceID: TOKEN },
    children: /^(?:AuditSourceTypeCode )*$/,
  },
  AuditSourceTypeCode: {
    attributes: { 'csd-code': TOKEN, 'codeSystemName?': TOKEN, 'displayName?': TOKEN, 'originalText?': TOKEN },
  },
  ParticipantObjectIdentification: {
    attributes: {
      ParticipantObjectID: TOKEN,
      'ParticipantObjectTypeCode?': /^[1-4]$/,
      'ParticipantObjectTypeCodeRole?': /^(?:[1-9]|1\d|2[0-6])$/,
      'ParticipantObjectDataLifeCycle?': /^(?:[1-9]|1[0-5])$/,
      'ParticipantObjectSensitivity?': TOKEN,
    },
    children:
      /^ParticipantObjectIDTypeCode (?:ParticipantObjectName|ParticipantObjectQuery) (?:ParticipantObjectDetail )*$/,
  },
  ParticipantObjectIDTypeCode: CODED,
  ParticipantObjectName: {},
  ParticipantObjectQuery: {},
  ParticipantObjectDetail: { attributes: { type: TOKEN, value: BASE64 } },
};

/** What the schema does not allow; none: it is valid. */
export function schemaFaults({ name, attributes, children, text }: XmlElement): readonly string[] {
  const rule = RULES[name];
  if (!rule) return [`${name} is no element of an audit message`];
  const allowed = new Map(Object.entries(rule.attributes ?? {}));
  const names = new Set([...allowed.keys()].map(each => each.replace('?', '')));
  return [
    ...[...allowed].flatMap(([key, pattern]) => {
      const value = attributes[key.replace('?', '')];
      if (value === undefined) return key.endsWith('?') ? [] : [`${name} has no ${key}`];
      return pattern.test(value) ? [] : [`${name}.${key} is ${JSON.stringify(value)}`];
    }),
    ...Object.keys(attributes).flatMap(key => (names.has(key) ? [] : [`${name} has ${key}`])),
    ...((rule.children ?? /^$/).test(children.map(each => `${each.name} `).join(''))
      ? []
      : [`${name} has wrong children`]),
    ...(name === 'ParticipantObjectQuery' && !BASE64.test(text) ? [`${name} is no base64`] : []),
    ...children.flatMap(schemaFaults),
  ];
}
