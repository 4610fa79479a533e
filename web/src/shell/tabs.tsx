import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { language } from '../i18n/language';
import type { DeskEntry } from './desks';
import { link } from './route';
import { t } from './words';

/** The desks that are offered. On a phone they may be more than fit: the row fades where it goes on, and keeps the chosen one in sight. */
export function Tabs({ desks, chosen }: { desks: readonly DeskEntry[]; chosen: string | undefined }) {
  const row = useRef<HTMLElement>(null);
  const goesOn = useSignal('');
  const look = (): void => {
    const { scrollLeft, scrollWidth, clientWidth } = row.current as HTMLElement;
    // Widths are rounded, and places in the row are not.
    const [before, after] = [scrollLeft > 1, scrollLeft + clientWidth < scrollWidth - 1];
    goesOn.value = [before && 'before', after && 'after'].filter(Boolean).join(' ');
  };
  const codes = desks.map(({ id }) => id).join();
  useEffect(() => {
    row.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
    look();
  }, [chosen, codes, language.value]);
  useEffect(() => {
    const sized = new ResizeObserver(look);
    sized.observe(row.current as HTMLElement);
    return () => sized.disconnect();
  }, []);
  return (
    <nav aria-label={t('desks')} ref={row} data-goes-on={goesOn} onScroll={look}>
      {desks.map(({ id, title }) => <a key={id} href={link(id)} aria-current={id === chosen ? 'page' : undefined}>{t(title)}</a>)}
    </nav>
  );
}
