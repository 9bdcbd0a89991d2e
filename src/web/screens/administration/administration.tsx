/** The server itself, by parts, each of which has its address. */
import { useRoute } from 'preact-iso/router';
import { sayAdmin } from '../../messages/administration.js';
import { HOME } from '../../session/server.js';
import { Page } from '../../ui/page.js';
import { Tabs } from '../../ui/parts.js';
import { Backups } from './backups.js';
import { Guides } from './guides.js';
import { Jobs } from './jobs.js';
import { LoadFile } from './load-file.js';
import { OwnParameters } from './own-parameters.js';
import { ServerItself } from './server-itself.js';
import { Subscriptions } from './subscriptions.js';

const ADMIN_PARTS = {
  jobs: Jobs,
  'search-parameters': OwnParameters,
  guides: Guides,
  load: LoadFile,
  backups: Backups,
  subscriptions: Subscriptions,
  server: ServerItself,
} as const;
type AdminPart = keyof typeof ADMIN_PARTS;
const PART_NAMES = Object.keys(ADMIN_PARTS) as readonly AdminPart[];

export function Administration() {
  const { part = 'jobs' } = useRoute().params;
  const at = PART_NAMES.find(each => each === part) ?? 'jobs';
  const Part = ADMIN_PARTS[at];
  const home = `${HOME}administration`;
  return (
    <Page title={sayAdmin('title')}>
      <Tabs
        label={sayAdmin('tabs')}
        at={at}
        tabs={PART_NAMES.map(each => ({
          id: each,
          text: sayAdmin(`tab.${each}`),
          href: each === 'jobs' ? home : `${home}/${each}`,
        }))}
      />
      <Part key={at} />
    </Page>
  );
}
