import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { before, describe, it } from 'mocha';
import { DEMO_FOLDER, type DemoBinary, readDemoData } from '../../../src/cli/demo-data.js';
import { loadDefinitions } from '../../../src/fhir/definitions.js';
import type { Json, JsonObject, Resource } from '../../../src/fhir/resource.js';
import { validateStructure } from '../../../src/validation/gate/structure.js';

const keyOf = (resource: Resource): string => `${resource.resourceType}/${resource['id'] as string}`;

/** Calls `visit` with every object in the value. */
function walk(value: Json, visit: (node: JsonObject) => void): void {
  if (Array.isArray(value)) for (const child of value) walk(child, visit);
  else if (typeof value === 'object' && value !== null) {
    visit(value);
    for (const child of Object.values(value)) walk(child, visit);
  }
}

const SOURCES = {
  Epic: 'https://epic.example.org/mrn',
  'Oracle Health': 'urn:oid:2.25.90002',
  athenahealth: 'https://athenahealth.example.org/sid/patient',
  NextGen: 'https://nextgen.example.org/nge/person-nbr',
  Veradigm: 'https://veradigm.example.org/fhirroute/10421/patient-id',
  Medidata: 'https://rave.example.org/CR-HF-01/subject-key',
};

describe('demo data', () => {
  const resources: Resource[] = [];
  const binaries = new Map<string, DemoBinary>();
  /** Type/id of everything, in the order in which it comes. */
  const order: string[] = [];

  before(async () => {
    for await (const item of readDemoData(DEMO_FOLDER)) {
      if ('resource' in item) {
        resources.push(item.resource);
        order.push(keyOf(item.resource));
      } else {
        binaries.set(`Binary/${item.binary.id}`, item.binary);
        order.push(`Binary/${item.binary.id}`);
      }
    }
  });

  const ofType = (type: string): Resource[] => resources.filter(resource => resource.resourceType === type);

  it('holds 250 to 350 resources of the kinds a chart needs', () => {
    assert.ok(order.length >= 250 && order.length <= 350, `${order.length} resources`);
    const expected = [
      'AllergyIntolerance Condition Consent Coverage Device DiagnosticReport DocumentReference Encounter Immunization List',
      'Location MedicationRequest Observation Organization Patient Practitioner PractitionerRole Procedure Provenance Task',
    ];
    for (const type of expected.join(' ').split(' ')) assert.notEqual(ofType(type).length, 0, type);
    assert.equal(ofType('Patient').length, 14);
  });

  it('gives every resource an id of its own that FHIR allows', () => {
    assert.equal(new Set(order).size, order.length);
    for (const key of order) assert.match(key, /^[A-Z][A-Za-z]+\/demo-[a-z0-9-]{1,59}$/);
  });

  it('is valid R4', () => {
    const definitions = loadDefinitions();
    const uploads = [...binaries.values()].map(({ id, contentType, bytes }): Resource => {
      return { resourceType: 'Binary', id, contentType, data: bytes.toString('base64') };
    });
    for (const resource of [...resources, ...uploads])
      assert.deepEqual(validateStructure(resource, definitions), [], keyOf(resource));
  });

  it('refers only to what is in the demo data, and backwards except where references come in circles', () => {
    const position = new Map(order.map((key, index) => [key, index]));
    let seen = 0;
    for (const resource of resources) {
      const own = position.get(keyOf(resource))!;
      walk(resource, node => {
        const target = node['reference'];
        if (typeof target !== 'string') return;
        seen += 1;
        const at = position.get(target);
        assert.ok(at !== undefined, `${order[own]} refers to ${target}, which is missing`);
        if (resource.resourceType !== 'Patient') assert.ok(at < own, `${order[own]} refers forwards to ${target}`);
      });
    }
    assert.ok(seen > 500, `only ${seen} references were looked at`);
    for (const { securityContext } of binaries.values()) assert.ok(position.has(securityContext ?? ''));
  });

  it('names the right size and hash for every attachment, and its bytes come first', () => {
    const named = new Set<string>();
    for (const resource of resources) {
      walk(resource, node => {
        const url = node['url'];
        if (typeof url !== 'string' || !url.startsWith('Binary/')) return;
        const binary = binaries.get(url);
        assert.ok(binary, `${url} is missing`);
        named.add(url);
        assert.equal(node['size'], binary.bytes.length, url);
        assert.equal(node['hash'], createHash('sha1').update(binary.bytes).digest('base64'), url);
        assert.equal(node['contentType'], binary.contentType, url);
        assert.ok(order.indexOf(url) < order.indexOf(keyOf(resource)), url);
      });
    }
    assert.deepEqual(
      [...binaries.keys()].filter(key => !named.has(key)),
      [],
    );
  });

  it('lists every file of the documents folder in the manifest', async () => {
    const manifest = JSON.parse(await readFile(new URL('documents/manifest.json', DEMO_FOLDER), 'utf8')) as {
      file: string;
    }[];
    const files = (await readdir(new URL('documents/', DEMO_FOLDER))).filter(name => name !== 'manifest.json');
    assert.deepEqual(manifest.map(row => row.file).toSorted(), files.toSorted());
  });

  it('carries numbers of six source systems', () => {
    const systems = new Map<string, number>();
    for (const patient of ofType('Patient')) {
      for (const { system } of patient['identifier'] as { system: string }[]) {
        systems.set(system, (systems.get(system) ?? 0) + 1);
      }
    }
    for (const [name, system] of Object.entries(SOURCES)) assert.ok((systems.get(system) ?? 0) >= 2, name);
    assert.equal(systems.size, 6);
  });

  it('has no number twice', () => {
    const seen = new Set<string>();
    for (const patient of ofType('Patient')) {
      for (const { system, value } of patient['identifier'] as { system: string; value: string }[]) {
        assert.ok(!seen.has(`${system}|${value}`), `${system}|${value}`);
        seen.add(`${system}|${value}`);
      }
    }
  });

  it('holds documents of every kind, and their first bytes fit their type', () => {
    const starts: Record<string, RegExp> = {
      'application/pdf': /^%PDF-1\.4\n/,
      'text/plain;charset=utf-8': /^[A-Z]/,
      'application/xml': /^<\?xml /,
      'image/png': /^\x89PNG\r\n/,
      'text/html;charset=utf-8': /^<!DOCTYPE html>/,
      'text/rtf': /^\{\\rtf1/,
    };
    const kinds = new Set<string>();
    for (const { id, contentType, bytes } of binaries.values()) {
      assert.match(bytes.toString('latin1', 0, 16), starts[contentType] ?? /^$/, id);
      kinds.add(contentType);
    }
    assert.deepEqual([...kinds].toSorted(), Object.keys(starts).toSorted());
    assert.ok(
      [...binaries.values()].some(({ bytes }) => bytes.includes('2.16.840.1.113883.10.20.22.1.2')),
      'a CCD',
    );
  });

  it('has PDF files whose cross-reference table points at their objects', () => {
    let files = 0;
    for (const { id, contentType, bytes } of binaries.values()) {
      if (contentType !== 'application/pdf') continue;
      files += 1;
      const text = bytes.toString('latin1');
      const table = Number(/startxref\n(\d+)\n%%EOF\n$/.exec(text)?.[1]);
      const rows = text.slice(table).matchAll(/^(\d{10}) \d{5} n /gm);
      const offsets = [...rows].map(row => Number(row[1]));
      assert.ok(text.startsWith('xref\n', table) && offsets.length >= 7, id);
      for (const [index, offset] of offsets.entries()) assert.ok(text.startsWith(`${index + 1} 0 obj\n`, offset), id);
    }
    assert.equal(files, 7);
  });

  it('shows documents in every state that the workflows know', () => {
    const states = new Set(
      ofType('DocumentReference').map(one => `${one['status'] as string} ${one['docStatus'] as string}`),
    );
    // What is replaced becomes superseded when it is loaded: docs/requests/04-documents.http asks for it.
    for (const state of ['current final', 'current preliminary', 'current amended']) {
      assert.ok(states.has(state), state);
    }
    assert.ok(states.has('entered-in-error entered-in-error'));
    const relations = ofType('DocumentReference').flatMap(
      document => (document['relatesTo'] ?? []) as { code: string }[],
    );
    assert.deepEqual(new Set(relations.map(({ code }) => code)), new Set(['replaces', 'appends']));
    const decisions = ofType('Consent').map(consent => (consent['provision'] as { type: string }).type);
    assert.deepEqual(new Set(decisions), new Set(['permit', 'deny']));
  });
});
