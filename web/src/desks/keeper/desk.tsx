// The keeper's page, for a telephone in the street: my grid, my tasks, am I inside, report; also without a network.
import './desk.css';
import { useEffect } from 'preact/hooks';
import type { MapMouseEvent } from 'maplibre-gl';
import { loadCategories } from '../../cases/categories';
import { moment } from '../../i18n/figures';
import { type Overlay, draw, emptySource, feature, useOverlay } from '../../map/layers';
import { frame } from '../../map/frame';
import { placeOf } from '../../map/pick';
import { map, pickers } from '../../map/view';
import { Notice } from '../../parts/notice';
import { keepSending } from '../../parts/outbox';
import { Consent, Notices, Skills, Who } from './aboutme';
import { AmInside } from './aminside';
import { Border } from './borderwords';
import { BorderWrong } from './borderwrong';
import { installOffline } from './install';
import { keptAt, loadMine, mine, trouble, where } from './mine';
import { Outbox } from './outboxlist';
import { PIN_LAYERS, PIN_SOURCE, Tapped, tap, usePins } from './pins';
import { Reports } from './reports';
import { TaskList } from './tasklist';
import { t } from './words';

const OVERLAY: Overlay = {
  sources: { mine: emptySource(), work: PIN_SOURCE, me: emptySource() },
  layers: [
    { id: 'mine-fill', type: 'fill', source: 'mine', paint: { 'fill-color': '#1f6b45', 'fill-opacity': 0.12 } },
    { id: 'mine-line', type: 'line', source: 'mine', layout: { 'line-join': 'round' }, paint: { 'line-color': '#1f6b45', 'line-width': 3 } },
    ...PIN_LAYERS,
    { id: 'me', type: 'circle', source: 'me', paint: { 'circle-radius': 8, 'circle-color': '#1a73e8', 'circle-stroke-color': '#ffffff', 'circle-stroke-width': 3 } },
  ],
};

export default function KeeperDesk() {
  useEffect(() => {
    installOffline();
    void loadCategories();
    void loadMine();
    return keepSending(() => void loadMine());
  }, []);
  // The walk begins where one is.
  useEffect(() => {
    if (where.value && mine.peek()?.me) void loadMine();
  }, [where.value?.join()]);
  useOverlay(OVERLAY);
  useEffect(() => draw(map.value, 'mine', (mine.value?.units ?? []).map(({ feature }) => feature)), [map.value, mine.value]);
  useEffect(() => {
    const first = mine.value?.units[0];
    if (first && map.value) frame(first.feature.geometry);
  }, [map.value, mine.value?.units[0]?.code]);
  usePins();
  useEffect(() => draw(map.value, 'me', where.value ? [feature({ type: 'Point', coordinates: where.value })] : []), [map.value, where.value]);
  useEffect(() => {
    const on = map.value;
    const pick = async (event: MapMouseEvent): Promise<void> => {
      if (on && pickers.peek() === 0 && !(await tap(on, event))) where.value = placeOf(event);
    };
    on?.on('click', pick);
    return () => void on?.off('click', pick);
  }, [map.value]);
  return (
    <div class="keeper">
      <h1>{t('title')}</h1>
      {trouble.value && <Notice kind="error">{trouble.value()}</Notice>}
      {keptAt.value !== null && <Notice kind="warning">{t('offline', moment(new Date(keptAt.value).toISOString()))}</Notice>}
      {mine.value?.units.length === 0 && <Notice kind="warning">{t(mine.value.me ? 'noPost' : 'notBound')}</Notice>}
      <Tapped />
      <Who />
      <Notices />
      <Outbox />
      <AmInside />
      <TaskList />
      <Reports />
      <BorderWrong />
      <Border />
      <Skills />
      <Consent />
    </div>
  );
}
