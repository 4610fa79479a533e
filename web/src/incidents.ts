// Incidents as points, asked for anew wherever the map comes to rest.
import type { Map as MapLibre } from 'maplibre-gl';
import { showIncidents } from './map';
import { INCIDENTS_MAX, key, loadIncidents } from './service';
import { type Shift, shiftGeometry } from './shift';
import { text } from './text';

/** Shifted basemaps lie at most about 0.02° off, so the window is wider by that. */
const SHIFT_DEG_MAX = 0.02;

/** Shows incidents where the key allows it; otherwise their switch stays hidden. */
export async function followIncidents(map: MapLibre, shift: Shift, label: HTMLElement, box: HTMLInputElement, count: HTMLElement): Promise<void> {
  if (!key()) return;
  let loading: AbortController | null = null;
  const refresh = async (): Promise<void> => {
    loading?.abort();
    if (!box.checked) {
      count.textContent = '';
      return showIncidents(map, null);
    }
    loading = new AbortController();
    const bounds = map.getBounds();
    const room = shift ? SHIFT_DEG_MAX : 0;
    const bbox = [bounds.getWest() - room, bounds.getSouth() - room, bounds.getEast() + room, bounds.getNorth() + room];
    try {
      const page = await loadIncidents(bbox, loading.signal);
      label.hidden = false;
      const features = page.features.map((feature) => ({ ...feature, geometry: shiftGeometry(feature.geometry, shift) }));
      showIncidents(map, { ...page, features });
      count.textContent = `  ${features.length}${features.length === INCIDENTS_MAX ? text('moreIncidents') : ''}`;
    } catch {
      // A key without the right to see them, or a service that is away: the map stands without them.
      if (!loading.signal.aborted) showIncidents(map, null);
    }
  };
  map.on('moveend', () => void refresh());
  box.addEventListener('change', () => void refresh());
  await refresh();
}
