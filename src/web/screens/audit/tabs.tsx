/** The two views of the trail. */
import { sayAudit } from '../../messages/audit.js';
import { HOME } from '../../session/server.js';
import { Tabs } from '../../ui/parts.js';

export const AuditTabs = ({ at }: { readonly at: 'questions' | 'ledger' }) => (
  <Tabs
    label={sayAudit('tabs')}
    at={at}
    tabs={[
      { id: 'questions', text: sayAudit('tab.questions'), href: `${HOME}audit` },
      { id: 'ledger', text: sayAudit('tab.ledger'), href: `${HOME}audit/ledger` },
    ]}
  />
);
