/** A copy of the whole store, written by a job ($backup). A store in MongoDB has tools of its own: the server does not offer it there. */
import { useState } from 'preact/hooks';
import { sayAdmin } from '../../messages/administration.js';
import { HOME } from '../../session/server.js';
import { announce } from '../../ui/announce.js';
import { FaultSummary, faultsOfParameters, RequestFailed } from '../../ui/fault-summary.js';
import { TextField } from '../../ui/fields.js';
import { Empty, Loading } from '../../ui/page.js';
import { useFaults } from '../../ui/use-faults.js';
import { useCapabilities } from './capabilities.js';
import { startJob } from './job-parts.js';
import { SureOf } from './sure-of.js';

export function Backups() {
  const { data, error, refetch } = useCapabilities();
  if (error) return <RequestFailed fault={error} again={() => void refetch()} />;
  if (!data) return <Loading />;
  const isOffered = data.rest?.[0]?.operation?.some(({ name }) => name === 'backup') === true;
  return isOffered ? <BackupForm /> : <Empty>{sayAdmin('backup.elsewhere')}</Empty>;
}

function BackupForm() {
  const [keep, setKeep] = useState('');
  const [isAsking, setAsking] = useState(false);
  const [isBegun, setBegun] = useState(false);
  const { faults, requestId, faultAt, lack, trying, isBusy } = useFaults();
  const wanted = keep.trim();
  const write = async (): Promise<void> => {
    setAsking(false);
    const parameter = wanted === '' ? {} : { parameter: [{ name: 'keep', valuePositiveInt: Number(wanted) }] };
    const job = await trying(
      () => startJob({ path: '$backup', body: { resourceType: 'Parameters', ...parameter } }),
      refused => faultsOfParameters(refused, ['keep']),
    );
    if (job === undefined) return;
    setBegun(true);
    announce(sayAdmin('backup.begun'));
  };
  const ask = (event: Event): void => {
    event.preventDefault();
    const isWrong = wanted !== '' && !/^[1-9]\d{0,5}$/.test(wanted);
    if (lack(isWrong ? [{ field: 'keep', text: sayAdmin('backup.keep.wrong') }] : [])) return;
    if (wanted === '') void write();
    else setAsking(true);
  };
  return (
    <form onSubmit={ask} noValidate>
      <FaultSummary faults={faults} requestId={requestId} />
      <p>{sayAdmin('backup.text')}</p>
      <TextField
        id="keep"
        label={sayAdmin('backup.keep')}
        hint={sayAdmin('backup.keep.hint')}
        isOptional
        value={keep}
        set={setKeep}
        fault={faultAt('keep')}
      />
      <button type="submit" disabled={isBusy}>
        {sayAdmin('backup.do')}
      </button>
      {isBegun && (
        <p class="notice">
          {sayAdmin('backup.begun')} <a href={`${HOME}administration`}>{sayAdmin('tab.jobs')}</a>
        </p>
      )}
      {isAsking && (
        <SureOf
          title={sayAdmin('backup.do')}
          does={sayAdmin('backup.sure', { n: Number(wanted) })}
          yes={() => void write()}
          no={() => setAsking(false)}
        />
      )}
    </form>
  );
}
