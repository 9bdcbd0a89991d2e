/**
 * The published R4 examples through both formats. https://hl7.org/fhir/R4/json.html, https://hl7.org/fhir/R4/xml.html
 * The XML side is checked against the plain tree of elements, not against our own reader.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { SaxesParser } from 'saxes';
import { type Definitions, loadDefinitions } from '../../src/fhir/definitions.js';
import { parseJson } from '../../src/fhir/json/json.js';
import { stamp } from '../../src/fhir/json/stamp.js';
import { print } from '../../src/fhir/json/print.js';
import type { Decimals, Json, JsonObject, Resource } from '../../src/fhir/resource.js';
import { parseXml } from '../../src/fhir/xml/read.js';
import { printXml } from '../../src/fhir/xml/write.js';
import { FULL, sampleOf } from '../support/depth.js';
import { skipWithout } from '../support/shared.js';

const limits = { maxDepth: 64 };

/** XML examples whose content, not form, differs from the JSON example of the same id: the two are different editions. */
const OTHER_EDITION: Record<string, string> = {
  'capabilitystatement-base.xml': 'no meta.lastUpdated',
  'capabilitystatement-base2.xml': 'no meta.lastUpdated',
  'claim-example-oral-contained-identifier.xml': 'reference corrected',
  'claim-example-vision-glasses-3tier.xml': 'reference corrected',
  'claim-example-vision-glasses.xml': 'reference corrected',
  'claimresponse-example.xml': 'reference corrected',
  'contract-example.xml': 'content type corrected',
  'coverageeligibilityresponse-example-benefits-2.xml': 'reference corrected',
  'coverageeligibilityresponse-example-benefits.xml': 'reference corrected',
  'coverageeligibilityresponse-example-error.xml': 'reference corrected',
  'coverageeligibilityresponse-example.xml': 'reference corrected',
  'deviceusestatement-example.xml': 'reference corrected',
  'document-example-dischargesummary.xml': 'content type corrected',
  'enrollmentresponse-example.xml': 'reference corrected',
  'immunizationrecommendation-example.xml': 'codes changed',
  'library-fhir-model-definition.xml': 'the attachment was left out',
  'medicationrequest0301.xml': 'reference corrected',
  'observation-decimal.xml': 'the JSON writes 1E-22 and 1.0 where the XML writes 0.0000000000000000000001 and 1.0e0',
  'observation-example-clinical-gender.xml': 'reference corrected',
  'orgrole-example-services.xml': 'reference corrected',
  'parameters-example.xml': 'test data by meta.tag in the JSON, by meta.security in the XML',
  'patient-examples-cypress-template.xml': 'another bundle under the same id',
  'paymentreconciliation-example.xml': 'reference corrected',
};

/** JSON with sorted keys and the digits that were read. */
function canonical(value: Json, decimals: Decimals | undefined): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const texts = decimals?.get(value);
  if (Array.isArray(value))
    return `[${value.map((item, index) => texts?.[index] ?? canonical(item, decimals)).join(',')}]`;
  const members = Object.keys(value)
    .toSorted()
    .map(key => `${JSON.stringify(key)}:${texts?.[key] ?? canonical(value[key]!, decimals)}`);
  return `{${members.join(',')}}`;
}

/** Elements, attributes and, inside a div, text with white space collapsed; one line each. */
function treeOf(xml: string): string[] {
  const lines: string[] = [];
  const parser = new SaxesParser({ xmlns: true });
  let divs = 0;
  let text = '';
  const endText = () => {
    if (divs > 0 && text.trim() !== '') lines.push(`" ${text.replace(/\s+/g, ' ').trim()}`);
    text = '';
  };
  parser.on('opentag', ({ local, uri, attributes }) => {
    endText();
    if (divs > 0 || local === 'div') divs++;
    const named = Object.values(attributes)
      .filter(({ name, uri: of }) => !name.startsWith('xmlns') && !of.endsWith('XMLSchema-instance'))
      .map(({ name, value }) => `${name}=${JSON.stringify(value)}`);
    lines.push(['<', uri, local, ...named.toSorted()].join(' '));
  });
  for (const name of ['text', 'cdata'] as const)
    parser.on(name, part => {
      text += part;
    });
  parser.on('closetag', ({ local }) => {
    endText();
    if (divs > 0) divs--;
    lines.push(`> ${local}`);
  });
  parser.write(xml.replace(/^\uFEFF/, '')).close();
  return lines;
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Leaves out what only one of the publications has: the test-data label of the XML, narratives of the JSON. */
function align(xml: Json | undefined, json: Json | undefined): void {
  if (Array.isArray(xml)) return xml.forEach((item, index) => align(item, (json as Json[] | undefined)?.[index]));
  if (!isObject(xml)) return;
  const other = isObject(json) ? json : {};
  const { meta } = xml;
  if (isObject(meta) && Array.isArray(meta['security'])) {
    const labels = meta['security'].filter(label => !JSON.stringify(label).includes('"HTEST"'));
    if (labels.length > 0) meta['security'] = labels;
    else delete meta['security'];
    if (Object.keys(meta).length === 0) delete xml['meta'];
  }
  if (isObject(other['text']) && other['text']['div'] !== undefined && xml['text'] === undefined) delete other['text'];
  for (const side of [xml, other]) if (typeof side['div'] === 'string') side['div'] = treeOf(side['div']).join('\n');
  for (const key of Object.keys(xml)) align(xml[key], other[key]);
}

const nameOf = (resource: Resource) => `${resource.resourceType}/${JSON.stringify(resource['id'])}`;
/** What an example is of, by the name of its file. */
const kindOf = ([file]: readonly [string, Buffer]): string => file.toLowerCase().split('-')[0]!;

/** Runs a check over all files, at every change over one in sixteen of each type; fails with the names of those that fail it. */
function each(files: readonly [string, Buffer][], check: (body: Buffer) => void): void {
  const failures: string[] = [];
  for (const [name, body] of sampleOf(files, 16, kindOf))
    try {
      check(body);
    } catch (error) {
      failures.push(`${name}: ${(error as Error).message.slice(0, 400)}`);
    }
  assert.deepEqual(failures, []);
}

describe('the published examples', () => {
  let folder: string | undefined;
  let definitions: Definitions;
  let jsonFiles: [string, Buffer][];
  let xmlFiles: [string, Buffer][];

  const unpack = (archive: string, name: string): [string, Buffer][] => {
    const to = join(folder!, name);
    mkdirSync(to);
    assert.equal(spawnSync('tar', ['-xf', archive, '-C', to]).status, 0, 'tar unpacks the archive');
    return readdirSync(to, { recursive: true, encoding: 'utf8' })
      .filter(file => file.endsWith(`.${name}`))
      .map(file => [file.replace(/.*[/\\]/, ''), readFileSync(join(to, file))]);
  };

  before(function () {
    const json = skipWithout(this, 'data', 'r4-examples', 'r4-examples-instances.tar.gz');
    const xml = skipWithout(this, 'data', 'r4-examples', 'r4-examples-xml.tar.xz');
    definitions = loadDefinitions();
    folder = mkdtempSync(join(tmpdir(), 'chartroom-examples-'));
    jsonFiles = unpack(json, 'json');
    xmlFiles = unpack(xml, 'xml');
    assert.ok(jsonFiles.length > 700 && xmlFiles.length > 800);
  });
  after(() => folder && rmSync(folder, { recursive: true, force: true }));

  it('come back from XML as the same JSON, digits included', () =>
    each(jsonFiles, body => {
      const { resource, decimals } = parseJson(body, limits);
      const expected = canonical(resource, decimals);
      for (const pretty of [false, true]) {
        const again = parseXml(Buffer.from(printXml(resource, definitions, decimals, { pretty })), definitions, limits);
        assert.equal(canonical(again.resource, again.decimals), expected);
      }
    }));

  it('come back from JSON as the same XML, digits included', () =>
    each(xmlFiles, body => {
      const read = parseXml(body, definitions, limits);
      const { resource, decimals } = parseJson(Buffer.from(print(read.resource, read.decimals)), limits);
      assert.deepEqual(treeOf(printXml(resource, definitions, decimals)), treeOf(body.toString()));
    }));

  it('say the same in XML as in JSON, but for those published in different editions', () => {
    const bodies = new Map(jsonFiles.map(([, body]) => [nameOf(JSON.parse(body.toString()) as Resource), body]));
    const looked = sampleOf(xmlFiles, 6, kindOf);
    const differ: string[] = [];
    let compared = 0;
    for (const [name, body] of looked) {
      const inXml = parseXml(body, definitions, limits);
      const twin = bodies.get(nameOf(inXml.resource));
      if (!twin) continue;
      const inJson = parseJson(twin, limits);
      compared++;
      align(inXml.resource, inJson.resource);
      if (canonical(inXml.resource, inXml.decimals) !== canonical(inJson.resource, inJson.decimals)) differ.push(name);
    }
    assert.ok(compared > (FULL ? 700 : 150), `${compared} compared`);
    const others = Object.keys(OTHER_EDITION).filter(name => looked.some(([file]) => file === name));
    assert.deepEqual(differ.toSorted(), others.toSorted());
  });

  it('are stored with every digit and value, id and meta apart', () =>
    each(jsonFiles, body => {
      const sent = parseJson(body, limits);
      const stored = stamp(parseJson(body, limits), { id: 'x', versionId: '1', lastUpdated: '2026-01-02T03:04:05Z' });
      const kept = parseJson(stored, limits);
      assert.equal(kept.resource['id'], 'x');
      assert.ok(
        JSON.stringify(kept.resource['meta']).startsWith('{"versionId":"1","lastUpdated":"2026-01-02T03:04:05Z"'),
      );
      assert.ok(!stored.includes('\n'), 'one line');
      for (const { resource } of [sent, kept]) {
        delete resource['id'];
        delete resource['meta'];
      }
      assert.equal(canonical(kept.resource, kept.decimals), canonical(sent.resource, sent.decimals));
    }));
});
