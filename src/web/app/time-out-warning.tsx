/** A minute before somebody who does nothing is signed out. */
import { say } from '../messages/common.js';
import { useCell } from '../session/cell.js';
import { secondsLeft, touch } from '../session/time-out.js';
import { signOut } from '../session/session.js';
import { Modal } from '../ui/modal.js';

export function TimeOutWarning() {
  const left = useCell(secondsLeft);
  if (left === undefined) return null;
  return (
    <Modal title={say('time-out.title')} close={touch} isAlert>
      <p>{say('time-out.text', { n: left })}</p>
      <div class="buttons">
        <button type="button" onClick={touch}>
          {say('time-out.stay')}
        </button>
        <button type="button" class="secondary" onClick={() => void signOut('asked')}>
          {say('sign-out')}
        </button>
      </div>
    </Modal>
  );
}
