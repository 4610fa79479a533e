// Cases as points, asked for anew wherever the map comes to rest.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { FeatureCollection } from 'geojson';
import { address } from '../../api/address';
import { getJson } from '../../api/client';
import { role } from '../../api/settings';
import { count } from '../../i18n/figures';
import { type Overlay, draw, emptySource, shift, useOverlay } from '../../map/layers';
import { map } from '../../map/view';
import { t } from './words';

/** Most cases asked for at once; more would not be told apart on a screen. */
const CASES_MAX = 2000;

/** Shifted basemaps lie at most about 0.02° off, so the window is wider by that. */
const SHIFT_DEG_MAX = 0.02;

const OVERLAY: Overlay = {
  sources: { incidents: emptySource() },
  layers: [
    {
      id: 'incidents', type: 'circle', source: 'incidents', minzoom: 10,
      paint: {
        'circle-radius': ['interpolate', ['linear'], ['zoom'], 10, 1.6, 14, 3.5, 17, 5.5],
        'circle-color': '#1f5f8b', 'circle-opacity': 0.75, 'circle-stroke-color': '#ffffff',
        'circle-stroke-width': ['interpolate', ['linear'], ['zoom'], 11, 0, 14, 1],
      },
    },
  ],
};

export function Cases() {
  return role() === 'public' ? null : <Switch />;
}

function Switch() {
  const isOn = useSignal(true);
  const found = useSignal<number | null>(null);
  useOverlay(OVERLAY);
  useEffect(() => {
    const on = map.value;
    if (!on) return;
    let loading: AbortController | null = null;
    const refresh = async (): Promise<void> => {
      loading?.abort();
      if (!isOn.value) return draw(on, 'incidents', []);
      loading = new AbortController();
      const { signal } = loading;
      const bounds = on.getBounds();
      const room = shift() ? SHIFT_DEG_MAX : 0;
      const bbox = [bounds.getWest() - room, bounds.getSouth() - room, bounds.getEast() + room, bounds.getNorth() + room];
      const query = new URLSearchParams({ bbox: bbox.map((value) => value.toFixed(6)).join(','), limit: String(CASES_MAX) });
      try {
        const page = await getJson<FeatureCollection>(address(`collections/incidents/items?${query}`), signal);
        draw(on, 'incidents', page.features);
        found.value = page.features.length;
      } catch {
        // The map stands without them.
        if (!signal.aborted) draw(on, 'incidents', []);
      }
    };
    const moved = (): void => void refresh();
    on.on('moveend', moved);
    // The first map comes first.
    if (on.loaded()) moved();
    else void on.once('idle', moved);
    return () => {
      loading?.abort();
      on.off('moveend', moved);
      on.off('idle', moved);
    };
  }, [map.value, isOn.value]);
  return (
    <p class="foot">
      <label class="check"><input type="checkbox" id="cases-switch" checked={isOn} onChange={(event) => (isOn.value = event.currentTarget.checked)} /> {t('incidents')}</label>
      {isOn.value && found.value !== null && <span class="soft"> {count(found.value)} {found.value === CASES_MAX && t('moreIncidents')}</span>}
    </p>
  );
}
