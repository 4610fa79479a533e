/** Goes by the arrow keys from one button of a list to the next. */
export function step(event: KeyboardEvent): void {
  const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
  if (by === 0) return;
  event.preventDefault();
  const all = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLButtonElement>('button.choice')];
  all[all.indexOf(document.activeElement as HTMLButtonElement) + by]?.focus();
}
