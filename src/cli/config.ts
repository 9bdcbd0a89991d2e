/** `chartroom config`: the settings in force, or their table for the documentation. */
import { configTable, describeConfig } from '../platform/config-table.js';
import type { Invocation } from './invocation.js';

export async function config({ config: settings, options }: Invocation): Promise<number> {
  const text = options['markdown']
    ? configTable(settings.ofFeatures.table)
    : describeConfig(settings)
        .map(({ name, value }) => `${name}=${value}`)
        .join('\n');
  process.stdout.write(`${text}\n`);
  return 0;
}
