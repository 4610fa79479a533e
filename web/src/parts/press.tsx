import type { ComponentProps } from 'preact';

type Props = Omit<ComponentProps<'button'>, 'disabled' | 'onClick'> & {
  /** Whether there is nothing for it to do now. */
  isOff: boolean;
  onClick?: () => void;
};

/** A button that keeps the focus while there is nothing for it to do: one that is disabled drops it, and who works by keyboard would begin anew at the top of the page. */
export function Press({ isOff, onClick, type = 'button', ...rest }: Props) {
  const press = (event: Event): void => (isOff ? event.preventDefault() : onClick?.());
  return <button {...rest} type={type} aria-disabled={isOff || undefined} onClick={press} />;
}
