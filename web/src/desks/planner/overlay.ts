// The units of the draft on the map, coloured by how much there is to do.
import { computed, signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Feature, Position } from 'geojson';
import { type Overlay, draw, emptySource, feature, useOverlay } from '../../map/layers';
import { ringsOf } from '../../map/geometry';
import { map } from '../../map/view';
import { chosen, faultPlace, units } from './draft';

export const colour = signal<'unit' | 'parent'>('unit');

/** What is being drawn: a lasso, a line across, a corner on its way. */
export const stroke = signal<Position[]>([]);
/** Corners of borders, to be taken hold of; shown while borders are moved. */
export const showsCorners = signal(false);

export const COLOURS = ['#f1eef6', '#bdc9e1', '#74a9cf', '#2b8cbe', '#045a8d'] as const;

const OVERLAY: Overlay = {
  sources: { units: emptySource(), stroke: emptySource(), corners: emptySource(), fault: emptySource() },
  layers: [
    {
      id: 'draft-fill', type: 'fill', source: 'units',
      paint: { 'fill-color': ['interpolate', ['linear'], ['get', 'heat'], 0, COLOURS[0], 0.5, COLOURS[1], 1, COLOURS[2], 1.5, COLOURS[3], 2.5, COLOURS[4]], 'fill-opacity': 0.62 },
    },
    { id: 'draft-line', type: 'line', source: 'units', paint: { 'line-color': ['case', ['get', 'locked'], '#7a4b00', '#44596a'], 'line-width': ['case', ['get', 'locked'], 2.4, 0.8] } },
    { id: 'draft-chosen', type: 'line', source: 'units', filter: ['==', ['get', 'chosen'], true], paint: { 'line-color': '#c2410c', 'line-width': 3.4 } },
    { id: 'stroke', type: 'line', source: 'stroke', paint: { 'line-color': '#c2410c', 'line-width': 2.5, 'line-dasharray': [2, 1] } },
    { id: 'corners', type: 'circle', source: 'corners', paint: { 'circle-radius': 5, 'circle-color': '#ffffff', 'circle-stroke-color': '#c2410c', 'circle-stroke-width': 2 } },
    { id: 'fault', type: 'line', source: 'fault', paint: { 'line-color': '#b3261e', 'line-width': 4 } },
    { id: 'fault-point', type: 'circle', source: 'fault', paint: { 'circle-radius': 9, 'circle-color': '#b3261e', 'circle-opacity': 0.5 } },
  ],
};

/** The layers that show the draft. */
export const DRAFT_LAYERS = OVERLAY.layers.map(({ id }) => id);

/** Every unit with how much it has to do, beside the mean: 1 is the mean. Where there is no load, its area stands in. */
const coloured = computed<Feature[]>(() => {
  const all = [...units.value.values()];
  const weigh = ({ load, area_m2 }: (typeof all)[number]['properties']): number => load ?? area_m2;
  const sums = new Map<string, number>();
  for (const { properties } of all) sums.set(properties.parent ?? '', (sums.get(properties.parent ?? '') ?? 0) + weigh(properties));
  const amount = colour.value === 'unit' ? weigh : (one: (typeof all)[number]['properties']) => sums.get(one.parent ?? '') ?? 0;
  const mean = colour.value === 'unit' ? all.reduce((sum, { properties }) => sum + weigh(properties), 0) / Math.max(1, all.length) : [...sums.values()].reduce((sum, one) => sum + one, 0) / Math.max(1, sums.size);
  return all.map(({ geometry, properties }) => feature(geometry, { code: properties.code, locked: properties.locked, chosen: chosen.value.has(properties.code), heat: amount(properties) / (mean || 1) }));
});

/** Corners drawn at once; more would not be told apart. */
const CORNERS_MAX = 4_000;

export function useDraftOnMap(): void {
  useOverlay(OVERLAY);
  useEffect(() => draw(map.value, 'units', coloured.value), [map.value, coloured.value]);
  useEffect(() => draw(map.value, 'stroke', stroke.value.length > 1 ? [feature({ type: 'LineString', coordinates: stroke.value })] : []), [map.value, stroke.value]);
  useEffect(() => draw(map.value, 'fault', faultPlace.value ? [feature(faultPlace.value)] : []), [map.value, faultPlace.value]);
  useEffect(() => {
    const on = map.value;
    if (!on) return;
    const show = (): void => {
      const bounds = on.getBounds();
      const corners = showsCorners.value ? [...units.value.values()].flatMap(({ geometry }) => ringsOf(geometry).flat()).filter(([x = 0, y = 0]) => bounds.contains([x, y])) : [];
      draw(on, 'corners', corners.length > CORNERS_MAX ? [] : [...new Map(corners.map((corner) => [corner.join(), corner])).values()].map((corner) => feature({ type: 'Point', coordinates: corner })));
    };
    show();
    on.on('moveend', show);
    return () => void on.off('moveend', show);
  }, [map.value, units.value, showsCorners.value]);
}
