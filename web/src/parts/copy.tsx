import { useSignal } from '@preact/signals';

/** A button that copies a text, and says so. Where the browser does not let it, the text is shown to be copied by hand. */
export function Copy({ text, label, done }: { text: () => string; label: string; done: string }) {
  const state = useSignal<'ready' | 'done' | 'byHand'>('ready');
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text());
      state.value = 'done';
    } catch {
      state.value = 'byHand';
    }
  };
  if (state.value === 'byHand') return <input class="grow" readOnly aria-label={label} value={text()} ref={(element) => element?.select()} />;
  return <button type="button" class="quiet" onClick={() => void copy()} aria-live="polite">{state.value === 'done' ? done : label}</button>;
}
