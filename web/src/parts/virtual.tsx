// A list of which only what is seen is drawn, so that ten thousand rows scroll like ten.
import { Virtualizer, elementScroll, observeElementOffset, observeElementRect } from '@tanstack/virtual-core';
import type { ComponentChildren } from 'preact';
import { useEffect, useReducer, useRef } from 'preact/hooks';

interface Props<T> {
  items: readonly T[];
  keyOf: (item: T) => string;
  height: number;
  label: string;
  children: (item: T, at: number) => ComponentChildren;
}

/** Rows are of one height. Up and down go from row to row; what is focused in a row is its first button or link. */
export function VirtualList<T>({ items, keyOf, height, label, children }: Props<T>) {
  const scroller = useRef<HTMLDivElement>(null);
  const [, redraw] = useReducer((times: number) => times + 1, 0);
  const virtualizer = useRef<Virtualizer<HTMLDivElement, HTMLElement>>(null as never);
  const options = {
    count: items.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    getItemKey: (at: number) => keyOf(items[at] as T),
    overscan: 8,
    observeElementRect, observeElementOffset, scrollToFn: elementScroll,
    onChange: () => redraw(undefined as never),
  };
  virtualizer.current ??= new Virtualizer<HTMLDivElement, HTMLElement>(options);
  virtualizer.current.setOptions(options);
  useEffect(() => virtualizer.current._didMount(), []);
  useEffect(() => virtualizer.current._willUpdate());

  const step = (event: KeyboardEvent): void => {
    const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    const row = (event.target as HTMLElement).closest<HTMLElement>('[data-at]');
    if (by === 0 || !row) return;
    event.preventDefault();
    const to = Math.max(0, Math.min(items.length - 1, Number(row.dataset.at) + by));
    virtualizer.current.scrollToIndex(to);
    requestAnimationFrame(() => requestAnimationFrame(() => scroller.current?.querySelector<HTMLElement>(`[data-at="${to}"] :is(button, a)`)?.focus()));
  };

  return (
    <div class="virtual" ref={scroller} onKeyDown={step} role="region" aria-label={label} tabIndex={-1}>
      <ul class="plain" style={{ height: `${virtualizer.current.getTotalSize()}px`, position: 'relative' }}>
        {virtualizer.current.getVirtualItems().map(({ index, start, key }) => (
          <li key={key} data-at={index} aria-setsize={items.length} aria-posinset={index + 1} style={{ position: 'absolute', top: 0, left: 0, right: 0, height: `${height}px`, transform: `translateY(${start}px)` }}>
            {children(items[index] as T, index)}
          </li>
        ))}
      </ul>
    </div>
  );
}
