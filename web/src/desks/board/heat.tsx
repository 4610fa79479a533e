// Where it happens, and where again and again: on the map, listed, and printed with the page.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { VectorTileSource } from 'maplibre-gl';
import { categories, categoryName } from '../../cases/categories';
import { count, percent } from '../../i18n/figures';
import { goTo } from '../../map/frame';
import { type Overlay, draw, emptySource, feature, useOverlay } from '../../map/layers';
import { PrintedMap } from '../../map/printed';
import { room } from '../../map/room';
import { usePrinted } from '../../map/snapshot';
import { map } from '../../map/view';
import { SHOWN, type Shown, category, legend, shown, useBoardMap } from './boardmap';
import type { Indicators } from './data';
import { t } from './words';

const OVERLAY: Overlay = {
  sources: { repeats: emptySource() },
  layers: [
    { id: 'repeats', type: 'circle', source: 'repeats', paint: { 'circle-radius': ['interpolate', ['linear'], ['zoom'], 9, 3, 14, 7], 'circle-color': '#9a1b1b', 'circle-stroke-color': '#ffffff', 'circle-stroke-width': 1.5 } },
  ],
};

/** The map is printed as it is shown. */
const AS_SHOWN = [[]];

/** Places listed; the map has all. */
const LISTED = 12;

const NAMES = { heat: 'heatOf', load: 'byLoad', overdue: 'byOverdue', vacancy: 'byVacancy' } as const;

export function Heat({ found }: { found: Indicators }) {
  const isShown = useSignal(false);
  const place = useRef<[number, number] | null>(null);
  const printed = usePrinted(AS_SHOWN);
  useOverlay(OVERLAY);
  useBoardMap(found, isShown.value);
  useEffect(() => {
    const points = isShown.value && shown.value === 'heat' ? [...found.repeat_places, ...found.hot_spots] : [];
    draw(map.value, 'repeats', points.map(({ lon, lat, cases }) => feature({ type: 'Point', coordinates: [lon, lat] }, { cases })));
  }, [map.value, found, isShown.value, shown.value]);
  useEffect(() => {
    // The board stands over the map until the map is wanted.
    document.getElementById('app')?.classList.toggle('half', isShown.value);
    map.value?.resize();
    // A map that had no room was framed for none.
    const bounds = map.value?.getSource<VectorTileSource>('boundaries')?.bounds;
    if (isShown.value && bounds && !place.current) map.value?.fitBounds(bounds, { padding: room(), duration: 0 });
    return () => document.getElementById('app')?.classList.remove('half');
  }, [isShown.value]);
  // It is framed anew only where no place was asked for.
  const show = (lon: number, lat: number): void => {
    [place.current, isShown.value] = [[lon, lat], true];
    goTo([lon, lat], 14);
  };
  return (
    <section class="tile" aria-labelledby="places-title" id="places">
      <h2 id="places-title">{t('places')}</h2>
      <div class="row no-print">
        <button type="button" class="plainly" id="show-heat" aria-pressed={isShown} onClick={() => [(place.current = null), (isShown.value = !isShown.value)]}>{t(isShown.value ? 'hideMap' : 'onMap')}</button>
        <label>{t('mapShows')} <select id="map-shows" value={shown} onChange={(event) => [(shown.value = event.currentTarget.value as Shown), (isShown.value = true)]}>{SHOWN.map((kind) => <option key={kind} value={kind}>{t(NAMES[kind])}</option>)}</select></label>
        {shown.value === 'heat' && <label>{t('category')} <select id="heat-category" value={category} onChange={(event) => [(category.value = event.currentTarget.value), (isShown.value = true)]}><option value="">{t('allCategories')}</option>{categories.value.map(({ code, name }) => <option key={code} value={code}>{code} {name}</option>)}</select></label>}
      </div>
      {isShown.value && <Legend />}
      {printed.value[0] && <PrintedMap picture={printed.value[0]} name={[t(NAMES[shown.value]), shown.value === 'heat' && category.value && categoryName(category.value)].filter(Boolean).join(' · ')} />}
      {found.repeat_places.length + found.hot_spots.length === 0 && <p class="soft">{t('none')}</p>}
      <ul class="plain">
        {found.repeat_places.slice(0, LISTED).map((place) => <li key={`${place.lon}${place.lat}${place.category}`}><button type="button" class="code" onClick={() => show(place.lon, place.lat)}>{t('repeat', count(place.cases), categoryName(place.category))}</button></li>)}
        {found.hot_spots.slice(0, LISTED).map((spot) => <li key={`${spot.lon}${spot.lat}`}><button type="button" class="code" onClick={() => show(spot.lon, spot.lat)}>{t('hot', count(spot.cases), spot.z.toFixed(1))}</button></li>)}
      </ul>
    </section>
  );
}

/** What the colours of units mean: nothing, then from one figure to the next. */
function Legend() {
  if (!legend.value) return shown.value === 'heat' ? <p class="soft" id="map-legend">{t('heatExplained')}</p> : null;
  const { colors, steps } = legend.value;
  // The first figure stands for more than nothing.
  const figure = (at: number): string => (shown.value === 'vacancy' ? percent : count)(at === 0 ? 0 : (steps[at] ?? 0));
  const range = (at: number): string => (at === 0 ? figure(0) : at < steps.length ? `${figure(at - 1)} – ${figure(at)}` : `≥ ${figure(at - 1)}`);
  return (
    <ul class="plain map-legend" id="map-legend">
      {colors.map((colour, at) => <li key={colour}><svg viewBox="0 0 10 10" aria-hidden="true"><rect width="10" height="10" fill={colour} /></svg> {range(at)}</li>)}
    </ul>
  );
}
