/** What cannot be taken back is asked for once more, with what it does in numbers. */
import { sayAdmin } from '../../messages/administration.js';
import { Modal } from '../../ui/modal.js';

interface SureOfShape {
  readonly title: string;
  readonly does: string;
  readonly yes: () => void;
  readonly no: () => void;
}

export const SureOf = ({ title, does, yes, no }: SureOfShape) => (
  <Modal title={title} close={no} isAlert>
    <p>{does}</p>
    <div class="buttons">
      <button type="button" class="danger" onClick={yes}>
        {sayAdmin('sure.yes')}
      </button>
      <button type="button" class="secondary" onClick={no}>
        {sayAdmin('sure.no')}
      </button>
    </div>
  </Modal>
);
