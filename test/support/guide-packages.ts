/** FHIR packages made for a test, and folders of guides. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { after } from 'mocha';

/** One entry of a tar archive in the ustar form. */
export function tarOf(name: string, content: string | Buffer, kind = '0', leadsTo = ''): Buffer {
  const bytes = Buffer.from(content);
  const head = Buffer.alloc(512);
  head.write(name.slice(-100), 0);
  head.write(bytes.length.toString(8).padStart(11, '0'), 124);
  head.write(kind, 156);
  head.write(leadsTo, 157);
  head.write('ustar\u000000', 257);
  return Buffer.concat([head, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

export const tgzOf = (...entries: readonly Buffer[]): Buffer =>
  gzipSync(Buffer.concat([...entries, Buffer.alloc(1024)]));

export interface MadePackage {
  readonly name: string;
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  /** Default: R4. */
  readonly fhirVersions?: readonly string[];
  readonly resources?: readonly object[];
  /** More entries, as they are. */
  readonly entries?: readonly Buffer[];
}

export function packageOf({ resources = [], entries = [], ...rest }: MadePackage): Buffer {
  const manifest = { fhirVersions: ['4.0.1'], ...rest };
  return tgzOf(
    tarOf('package/package.json', JSON.stringify(manifest)),
    ...resources.map((resource, at) => tarOf(`package/resource-${at}.json`, JSON.stringify(resource))),
    ...entries,
  );
}

/** A value set of a guide: its version is that of the guide. */
export const valueSetOf = (url: string, version: string, ...codes: readonly string[]) => ({
  resourceType: 'ValueSet',
  ...{ id: url.slice(url.lastIndexOf('/') + 1), url, version, status: 'active' },
  text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">for people</div>' },
  compose: { include: [{ system: 'http://example.org/codes', concept: codes.map(code => ({ code })) }] },
});

/** A folder that is gone when the suite is over. Call it in a suite. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'chartroom-guides-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes a package into a folder; gives its path. */
export function writePackage(folder: string, made: MadePackage): string {
  const file = join(folder, `${made.name}-${made.version}.tgz`);
  writeFileSync(file, packageOf(made));
  return file;
}
