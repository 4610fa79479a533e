import type { ComponentChildren } from 'preact';

/** Something that is said beside what was asked for. Errors are read out at once. */
export function Notice({ kind, children }: { kind: 'error' | 'warning' | 'info' | 'done'; children: ComponentChildren }) {
  return <p class={`notice ${kind}`} role={kind === 'error' ? 'alert' : 'status'}>{children}</p>;
}
