/** The licences of packages that are inside files which the bundler has written: whoever gets these gets them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';

/** As text, in alphabetical order; a package that is there twice is there with each version. `root`: what paths of the inputs start at. */
export function licences({ inputs }: Pick<Metafile, 'inputs'>, root: string): string {
  const folders = Object.keys(inputs).flatMap(
    path => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0] ?? [],
  );
  const nameOf = (folder: string): string => folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length);
  return [...new Set(folders)]
    .toSorted((a, b) => nameOf(a).localeCompare(nameOf(b)))
    .map(folder => {
      const { version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as {
        version: string;
        license?: string;
      };
      const texts = readdirSync(join(root, folder))
        .filter(each => /^(?:licen[cs]e|copying|notice)/i.test(each))
        .map(each => readFileSync(join(root, folder, each), 'utf8').trim());
      return `${nameOf(folder)} ${version} (${license ?? 'no licence named'})\n\n${texts.join('\n\n')}\n`;
    })
    .join(`\n${'-'.repeat(80)}\n\n`);
}
