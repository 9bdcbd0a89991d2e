/**
 * Checks Narrative.div: a well-formed XHTML fragment of formatting elements, with nothing that acts or loads code.
 * https://hl7.org/fhir/R4/narrative.html#xhtml, invariant txt-1
 *
 * Elements and attributes are those of the standard (chapters 7–11 without 9.4, and 15 of HTML 4.0, `a`, images with
 * maps, style attributes); what is not listed is refused, so that nothing new becomes dangerous by itself. Links may
 * not be `javascript:` and the like, in styles neither. Named entities of HTML are not XML and are refused.
 */
import { SaxesParser } from 'saxes';

const XHTML_NAMESPACE = 'http://www.w3.org/1999/xhtml';

const NARRATIVE_ELEMENTS = new Set(
  (
    'a abbr acronym address area b bdo big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 ' +
    'h5 h6 hr i img kbd li map ol p pre q samp small span strong sub sup table tbody td tfoot th thead tr tt ul var'
  ).split(' '),
);

const NARRATIVE_ATTRIBUTES = new Set(
  (
    'abbr accesskey align alt axis bgcolor border cellpadding cellspacing char charoff cite class colspan compact coords ' +
    'dir frame headers height href hreflang id ismap lang longdesc name nohref noshade nowrap rel rev rowspan rules scope ' +
    'shape size span src start style summary tabindex target title type usemap valign value width xml:lang xml:space'
  ).split(' '),
);

const LINKS = new Set(['href', 'src', 'cite', 'longdesc', 'usemap']);
/** Schemes that only show something; a link without a scheme is relative. */
const SAFE_SCHEME = /^(?:https?|ftp|mailto|tel|urn|cid|data)$/i;
/** What makes old browsers run code; a backslash would hide any of it. */
const ACTIVE_STYLE = /expression\s*\(|@import|behaviou?r\s*:|-moz-binding|\\|\/\*/i;
const STYLE_LINK = /url\s*\(\s*["']?([^"')]*)/gi;

/** A comment that an HTML parser ends before an XML parser does, or whose content some readers run. */
const ACTIVE_COMMENT = /^-?>|^\s*\[/;

/** Elements inside one another; the parser looks up namespaces through all of them, so this keeps it linear. */
const MAX_NARRATIVE_DEPTH = 100;

/** Characters: as many as any other string may have. */
const MAX_NARRATIVE_CHARACTERS = 2 * 1024 * 1024;

/** The first fault of the div, in words without its content; undefined where it has none. */
export function faultOfNarrative(div: string): string | undefined {
  if (div.length > MAX_NARRATIVE_CHARACTERS) return 'must not be longer than 2 MB';
  const parser = new SaxesParser({ xmlns: true, position: false });
  let fault: string | undefined;
  const refuse = (text: string): never => {
    fault ??= text;
    throw new Error(fault);
  };
  let depth = 0;
  let rooted = false;
  parser.on('error', () => refuse('is not well-formed XML'));
  parser.on('doctype', () => refuse('must not have a document type'));
  parser.on('processinginstruction', () => refuse('must not have processing instructions'));
  parser.on('xmldecl', () => refuse('must not have an XML declaration'));
  parser.on('cdata', () => refuse('must not have CDATA sections: write the text with &lt; and &amp;'));
  parser.on('comment', text => {
    if (ACTIVE_COMMENT.test(text)) refuse('has a comment that an HTML reader may run');
  });
  parser.on('closetag', () => {
    depth--;
  });
  parser.on('opentag', tag => {
    depth++;
    if (depth > MAX_NARRATIVE_DEPTH) refuse('is nested too deeply');
    if (tag.uri !== XHTML_NAMESPACE) refuse('must be in the XHTML namespace');
    if (!rooted && tag.local !== 'div') refuse('must be a div element');
    rooted = true;
    if (!NARRATIVE_ELEMENTS.has(tag.local)) refuse('has an element that narratives may not have');
    for (const { name, value, uri } of Object.values(tag.attributes)) {
      if (uri === 'http://www.w3.org/2000/xmlns/') continue;
      if (!NARRATIVE_ATTRIBUTES.has(name)) refuse('has an attribute that narratives may not have');
      if (LINKS.has(name) && !isSafeLink(name, value)) refuse('has a link that is not allowed');
      if (name === 'style' && !isSafeStyle(value)) refuse('has a style that is not allowed');
    }
  });
  try {
    parser.write(div).close();
  } catch (error) {
    if (fault === undefined) throw error;
  }
  return fault;
}

/** Browsers drop control characters and blanks in front of and within a scheme, so they are dropped here before reading it. */
function isSafeLink(attribute: string, value: string): boolean {
  const text = value.replace(/[\u0000-\u0020\u007f-\u00a0]/g, '');
  const colon = text.search(/[:/?#]/);
  if (colon < 0 || text[colon] !== ':') return true;
  const scheme = text.slice(0, colon);
  if (!SAFE_SCHEME.test(scheme)) return false;
  return scheme.toLowerCase() !== 'data' || (attribute === 'src' && /^data:image\/(?!svg)/i.test(text));
}

const isSafeStyle = (style: string): boolean =>
  !ACTIVE_STYLE.test(style) && [...style.matchAll(STYLE_LINK)].every(([, link = '']) => isSafeLink('src', link));
