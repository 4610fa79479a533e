// The frame of the console: a bar with the desks, the map, and the desk that is open beside it.
import { signal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { role, settings, wasKeyRefused } from '../api/settings';
import { language, switchLanguage } from '../i18n/language';
import { isMapMissing, map } from '../map/view';
import { Notice } from '../parts/notice';
import { type DeskEntry, desksOf, offeredOf } from './desks';
import { route } from './route';
import { SignIn } from './signin';
import { Tabs } from './tabs';
import { t } from './words';

/** Why nothing can be shown at all. */
export const trouble = signal<string | null>(null);

const opened = signal<{ id: string; Desk: ComponentType } | null>(null);

/** Starts to load the desk that the address names, before it is known who asks. */
export function prefetchDesk(): void {
  const desk = desksOf('admin').find((desk) => desk.id === route.value.desk) ?? desksOf('public')[0];
  void desk?.load();
}

export function App({ onMap }: { onMap: (container: HTMLElement) => void }) {
  const container = useRef<HTMLDivElement>(null);
  const known = settings.value;
  const desks = known ? desksOf(role()) : [];
  const desk = desks.find((desk) => desk.id === route.value.desk) ?? desks[0];
  useEffect(() => onMap(container.current as HTMLElement), [onMap]);
  useEffect(() => {
    document.documentElement.lang = language.value === 'zh' ? 'zh-CN' : 'en';
    document.title = desk ? `${t(desk.title)} · gridkeeper` : 'gridkeeper';
    container.current?.setAttribute('aria-label', t('map'));
  }, [language.value, desk]);
  useEffect(() => void open(desk), [desk]);
  // The map's own size follows the room that the desk leaves it.
  useEffect(() => void map.value?.resize(), [desk?.layout, map.value]);
  const isRefused = known && route.value.desk !== '' && desk?.id !== route.value.desk;
  const Opened = opened.value && opened.value.id === desk?.id ? opened.value.Desk : null;
  return (
    <div id="app" class={desk?.layout ?? 'side'}>
      <a class="skip" href="#panel" onClick={skip}>{t('toPanel')}</a>
      <header id="bar">
        <strong class="brand">gridkeeper</strong>
        <Tabs desks={known ? offeredOf(role()) : []} chosen={desk?.id} />
        <div class="tools">
          <button type="button" class="quiet" id="language" lang={language.value === 'zh' ? 'en' : 'zh-CN'} onClick={switchLanguage}>{t('otherLanguage')}</button>
          <SignIn />
        </div>
      </header>
      <main id="panel" tabIndex={-1}>
        {trouble.value && <Notice kind="error">{trouble.value}</Notice>}
        {wasKeyRefused.value && <Notice kind="error">{t('keyRefused')}</Notice>}
        {isRefused && <Notice kind="error">{t('notForYou')}</Notice>}
        {known && known.layers.length === 0 && <Notice kind="info">{t('noBoundaries')}</Notice>}
        {isMapMissing.value && <Notice kind="info">{t('noWebgl')}</Notice>}
        {Opened ? <Opened /> : !trouble.value && <p class="soft">{t('loading')}</p>}
      </main>
      <section id="ground" aria-label={t('map')}>
        <div id="map" role="group" ref={container} />
        <div id="crosshair" aria-hidden="true" />
        {known?.notice && <p id="notice" role="note">{known.notice}</p>}
      </section>
    </div>
  );
}

async function open(desk: DeskEntry | undefined): Promise<void> {
  if (!desk) return;
  const { default: Desk } = await desk.load();
  opened.value = { id: desk.id, Desk };
}

function skip(event: Event): void {
  event.preventDefault();
  document.getElementById('panel')?.focus();
}
