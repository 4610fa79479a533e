// Where it happens again and again: listed, and drawn as heat on the map.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { categoryName } from '../../cases/categories';
import { count } from '../../i18n/figures';
import { goTo } from '../../map/frame';
import { type Overlay, draw, emptySource, feature, useOverlay } from '../../map/layers';
import { map } from '../../map/view';
import type { Indicators } from './data';
import { t } from './words';

const OVERLAY: Overlay = {
  sources: { heat: emptySource() },
  layers: [
    {
      id: 'heat', type: 'heatmap', source: 'heat',
      paint: { 'heatmap-weight': ['interpolate', ['linear'], ['get', 'cases'], 0, 0, 20, 1], 'heatmap-radius': ['interpolate', ['linear'], ['zoom'], 8, 8, 12, 24, 15, 50], 'heatmap-opacity': 0.7 },
    },
    { id: 'heat-points', type: 'circle', source: 'heat', minzoom: 11, paint: { 'circle-radius': 5, 'circle-color': '#9a1b1b', 'circle-stroke-color': '#ffffff', 'circle-stroke-width': 1.5 } },
  ],
};

/** Places listed; the map has all. */
const LISTED = 12;

export function Heat({ found }: { found: Indicators }) {
  const isShown = useSignal(false);
  useOverlay(OVERLAY);
  useEffect(() => {
    const points = [...found.repeat_places, ...found.hot_spots].map(({ lon, lat, cases }) => feature({ type: 'Point', coordinates: [lon, lat] }, { cases }));
    draw(map.value, 'heat', points);
  }, [map.value, found]);
  useEffect(() => {
    // The board stands over the map until the map is wanted.
    document.getElementById('app')?.classList.toggle('half', isShown.value);
    map.value?.resize();
    return () => document.getElementById('app')?.classList.remove('half');
  }, [isShown.value]);
  const show = (lon: number, lat: number): void => {
    isShown.value = true;
    goTo([lon, lat], 14);
  };
  return (
    <section class="tile" aria-labelledby="places-title" id="places">
      <h2 id="places-title">{t('places')}</h2>
      <button type="button" class="plainly no-print" id="show-heat" aria-pressed={isShown} onClick={() => (isShown.value = !isShown.value)}>{t(isShown.value ? 'hideMap' : 'onMap')}</button>
      {found.repeat_places.length + found.hot_spots.length === 0 && <p class="soft">{t('none')}</p>}
      <ul class="plain">
        {found.repeat_places.slice(0, LISTED).map((place) => <li key={`${place.lon}${place.lat}${place.category}`}><button type="button" class="code" onClick={() => show(place.lon, place.lat)}>{t('repeat', count(place.cases), categoryName(place.category))}</button></li>)}
        {found.hot_spots.slice(0, LISTED).map((spot) => <li key={`${spot.lon}${spot.lat}`}><button type="button" class="code" onClick={() => show(spot.lon, spot.lat)}>{t('hot', count(spot.cases), spot.z.toFixed(1))}</button></li>)}
      </ul>
    </section>
  );
}
