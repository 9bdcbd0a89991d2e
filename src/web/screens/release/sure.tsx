/** What cannot be taken back is asked for once more, with what it does in numbers. */
import { sayRelease } from '../../messages/release.js';
import { Modal } from '../../ui/modal.js';

interface SureShape {
  /** What is asked for, in words. */
  readonly what: string;
  readonly does: string;
  readonly yes: () => void;
  readonly no: () => void;
}

export const Sure = ({ what, does, yes, no }: SureShape) => (
  <Modal title={sayRelease('sure.title', { what })} close={no} isAlert>
    <p>{does}</p>
    <div class="buttons">
      <button type="button" class="danger" onClick={yes}>
        {sayRelease('sure.yes', { what })}
      </button>
      <button type="button" class="secondary" onClick={no}>
        {sayRelease('sure.no')}
      </button>
    </div>
  </Modal>
);
