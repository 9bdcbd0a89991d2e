/**
 * Frames of a stack by the sources that they come from, for people: what runs is one file (build/bundle.ts), whose source map lies beside
 * it. It is read when the first frame is asked for, as that costs tens of milliseconds which no start should pay for errors that never
 * happen. https://tc39.es/ecma426/
 */
import { readFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { fileURLToPath } from 'node:url';

const maps = new Map<string, SourceMap | undefined>();

/** Undefined: there is none, as of a package, or it cannot be read. */
function mapOf(url: string): SourceMap | undefined {
  if (maps.has(url)) return maps.get(url);
  let map: SourceMap | undefined;
  try {
    map = new SourceMap(JSON.parse(readFileSync(`${fileURLToPath(url)}.map`, 'utf8')) as SourceMapPayload);
  } catch {
    map = undefined;
  }
  maps.set(url, map);
  return map;
}

/** Text with places of the form `file:///….js:line:column`, counted from 1; those that no map knows are left as they are. */
export const inSources = (stack: string): string =>
  stack.replaceAll(/(file:\/\/[^\s()]+\.js):(\d+):(\d+)/g, (place, url: string, line: string, column: string) => {
    const entry = mapOf(url)?.findEntry(Number(line) - 1, Number(column) - 1);
    if (!entry || !('originalSource' in entry)) return place;
    return `${new URL(entry.originalSource, url).href}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
  });
