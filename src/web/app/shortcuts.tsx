/** Keys that lead to screens: two after another, never while something is typed, and off where nobody wants them (WCAG 2.1.4). */
import { useLocation } from 'preact-iso/router';
import { useEffect, useState } from 'preact/hooks';
import { say } from '../messages/common.js';
import { ALL_SCREENS } from '../screens.js';
import { mayUse } from '../session/session.js';
import { Modal } from '../ui/modal.js';

const FIRST = 'g';

const isTyping = ({ target }: Event): boolean =>
  target instanceof HTMLElement && target.closest('input, textarea, select, dialog, [contenteditable]') !== null;

export function Shortcuts() {
  const [isOpen, open] = useState(false);
  const [isOn, switchOn] = useState(true);
  const { route } = useLocation();
  useEffect(() => {
    let wasFirst = false;
    const pressed = (event: KeyboardEvent): void => {
      if (!isOn || event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
      const screen = wasFirst ? ALL_SCREENS.find(({ shortcut }) => shortcut === event.key) : undefined;
      wasFirst = event.key === FIRST;
      if (event.key === '?') open(true);
      if (screen && mayUse(screen.name)) route(screen.home);
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  }, [isOn, route]);
  return (
    <>
      <button type="button" class="link" onClick={() => open(true)}>
        {say('footer.shortcuts')}
      </button>
      {isOpen && (
        <Modal title={say('shortcuts.title')} close={() => open(false)}>
          <p class="hint">{say('shortcuts.keys')}</p>
          <dl class="summary-list">
            {ALL_SCREENS.filter(({ name }) => mayUse(name)).map(({ name, shortcut }) => (
              <div key={name}>
                <dt>{say(`nav.${name}`)}</dt>
                <dd>
                  <kbd>{FIRST}</kbd> <kbd>{shortcut}</kbd>
                </dd>
              </div>
            ))}
            <div>
              <dt>{say('shortcuts.help')}</dt>
              <dd>
                <kbd>?</kbd>
              </dd>
            </div>
          </dl>
          <label class="check">
            <input type="checkbox" checked={isOn} onChange={({ currentTarget }) => switchOn(currentTarget.checked)} />
            {say('shortcuts.on')}
          </label>
          <button type="button" onClick={() => open(false)}>
            {say('close')}
          </button>
        </Modal>
      )}
    </>
  );
}
