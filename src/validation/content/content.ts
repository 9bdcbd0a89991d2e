/**
 * What values say of themselves, wherever they stand in a resource: attachments of their size and hash, uris that they are UUIDs or OIDs,
 * strings that look like HTML, links in narratives, contained resources that they have an id. https://hl7.org/fhir/R4/datatypes.html#attachment, #uri,
 * https://hl7.org/fhir/R4/security.html#narrative, https://hl7.org/fhir/R4/narrative.html#linking
 *
 * This is asked of every resource, so that one pass looks at the values without their types; only what strikes is looked up.
 */
import type { Definitions } from '../../fhir/definitions.js';
import type { Json, JsonObject, Resource } from '../../fhir/resource.js';
import { checkAttachment } from './attachment.js';
import { checkNarrativeLinks, hasAnchorLinks, idsOfNarrative } from './narrative-links.js';
import { type JsonKeys, placedElement } from './placed-element.js';
import type { CheckRun, ElementCheck, Finding, ResourceSite } from '../run.js';

/** The check of a resource of any type. Resources in it are left to their own. */
export function createContentCheck(definitions: Definitions): ElementCheck {
  return ({ value, site }, run) => {
    if (site.as === 'contained' && site.resource['id'] === undefined) run.report(site.place, WITHOUT_ID);
    const looks = new ContentWalk(site, definitions, run);
    looks.enter(value as Resource);
    looks.finish();
  };
}

const URI_TYPES = new Set(['uri', 'url', 'canonical']);
const TEXT_TYPES = new Set(['string', 'markdown']);

/** A tag, with whatever attributes, or its end. Linear: nothing that a part matches may be matched by the next one. */
const HTML_TAG = /<\/?[A-Za-z][A-Za-z0-9]*(?:\s[^<>]*)?\/?>/;
/** https://www.rfc-editor.org/rfc/rfc2606 */
const EXAMPLE_URL = /^https?:\/\/(?:[\w-]+\.)*(?:example\.(?:com|net|org)|[\w-]+\.example)(?:[/:?#]|$)/i;
const UUID = /^urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:[#|].*)?$/;
const OID = /^urn:oid:[0-2](?:\.(?:0|[1-9]\d*))+(?:[#|].*)?$/;

const MALFORMED_URN: Finding = {
  severity: 'error',
  code: 'value',
  detail: 'uri-form',
  text: 'A urn:uuid: must be a UUID in lower case, a urn:oid: an OID.',
};
/** R4's own examples have some. */
const CAPITAL_UUID: Finding = {
  severity: 'warning',
  code: 'value',
  detail: 'uri-form',
  text: 'A UUID in a uri should be in lower case, as it is compared letter by letter.',
};

/** https://hl7.org/fhir/R4/references.html#contained */
const WITHOUT_ID: Finding = {
  severity: 'error',
  code: 'required',
  detail: 'contained-id',
  text: 'A contained resource has an id, by which the resource around it refers to it.',
};

class ContentWalk {
  private readonly keys: (string | number)[] = [];
  private readonly narratives: { readonly div: string; readonly keys: JsonKeys }[] = [];
  private readonly ids = new Set<string>();
  private readonly html: 'ignore' | 'warn' | 'error';
  private readonly examples: 'ignore' | 'warn' | 'error';

  private readonly site: ResourceSite;
  private readonly definitions: Definitions;
  private readonly run: CheckRun;

  constructor(site: ResourceSite, definitions: Definitions, run: CheckRun) {
    this.site = site;
    this.definitions = definitions;
    this.run = run;
    this.html = run.options.htmlInStrings;
    this.examples = run.options.exampleUrls;
  }

  enter(object: JsonObject): void {
    for (const key in object) {
      const value = object[key]!;
      if (typeof value === 'string') {
        if (key === 'div') this.narratives.push({ div: value, keys: [...this.keys, key] });
        else if (key === 'id') this.ids.add(value);
        else if (value.startsWith('urn:')) this.urn(value, key);
        else if (this.examples !== 'ignore' && EXAMPLE_URL.test(value)) this.example(key);
        else if (this.html !== 'ignore' && value.includes('<')) this.text(value, key);
      } else if (typeof value === 'object' && value !== null) this.below(value, key);
    }
    if (typeof object['data'] === 'string' && (object['size'] !== undefined || object['hash'] !== undefined))
      this.attachment(object);
  }

  finish(): void {
    const { narratives, ids, run } = this;
    const linked = narratives.filter(({ div }) => div.includes('href'));
    if (linked.length === 0) return;
    const anchored = linked.some(({ div }) => hasAnchorLinks(div));
    if (anchored) for (const { div } of narratives) for (const id of idsOfNarrative(div)) ids.add(id);
    for (const { div, keys } of linked) {
      const { place } = placedElement(this.site, keys, this.definitions);
      checkNarrativeLinks(div, anchored ? ids : undefined, place, run);
    }
  }

  private below(value: Json[] | JsonObject, key: string | number): void {
    this.keys.push(key);
    if (Array.isArray(value)) {
      for (let at = 0; at < value.length; at++) {
        const each = value[at]!;
        if (typeof each === 'object' && each !== null) this.below(each, at);
        else if (typeof each === 'string') {
          if (each.startsWith('urn:')) this.urn(each, at);
          else if (this.html !== 'ignore' && each.includes('<')) this.text(each, at);
        }
      }
    } else if (value['resourceType'] === undefined) this.enter(value);
    // Anchors may lead to what is contained.
    else if (typeof value['id'] === 'string') this.ids.add(value['id']);
    this.keys.pop();
  }

  private urn(value: string, key: string | number): void {
    const isUuid = value.startsWith('urn:uuid:');
    if (isUuid ? UUID.test(value) : !value.startsWith('urn:oid:') || OID.test(value)) return;
    const { type, place } = placedElement(this.site, [...this.keys, key], this.definitions);
    if (type === undefined || !URI_TYPES.has(type)) return;
    this.run.report(place, isUuid && UUID.test(value.toLowerCase()) ? CAPITAL_UUID : MALFORMED_URN);
  }

  private example(key: string | number): void {
    const { type, place } = placedElement(this.site, [...this.keys, key], this.definitions);
    if (type === 'url')
      this.run.report(place, {
        severity: this.examples === 'error' ? 'error' : 'warning',
        code: 'value',
        detail: 'example-url',
        text: 'The address is reserved for examples: nothing can be had from there. Give the real one, or leave it out.',
      });
  }

  private text(value: string, key: string | number): void {
    if (!HTML_TAG.test(value)) return;
    const { type, place } = placedElement(this.site, [...this.keys, key], this.definitions);
    if (type === undefined || !TEXT_TYPES.has(type)) return;
    this.run.report(place, {
      severity: this.html === 'error' ? 'error' : 'warning',
      code: 'security',
      detail: 'html-in-string',
      text: `A ${type} should hold no HTML: whoever shows it may run it.`,
    });
  }

  private attachment(object: JsonObject): void {
    const { type, place } = placedElement(this.site, this.keys, this.definitions);
    if (type === 'Attachment') checkAttachment(object, place, this.run);
  }
}
