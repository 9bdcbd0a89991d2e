/** A dialog over the page, which takes the focus and gives it back: the native element does both. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

interface ModalShape {
  readonly title: string;
  readonly close: () => void;
  readonly children: ComponentChildren;
  readonly isAlert?: boolean;
}

export function Modal({ title, close, children, isAlert = false }: ModalShape) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const { current } = dialog;
    current?.showModal();
    return () => current?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      role={isAlert ? 'alertdialog' : undefined}
      aria-labelledby="modal-title"
      onCancel={event => {
        event.preventDefault();
        close();
      }}
    >
      <h2 id="modal-title">{title}</h2>
      {children}
    </dialog>
  );
}
