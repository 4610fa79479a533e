// The units of the draft on the map, coloured by how much there is to do.
import { computed, effect, signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { GeoJSONSource, ExpressionSpecification, Map as MapLibre } from 'maplibre-gl';
import type { Feature, Position } from 'geojson';
import { NOTHING, type Overlay, draw, emptySource, feature, shift, useOverlay } from '../../map/layers';
import { ringsOf } from '../../map/geometry';
import { shownAt } from '../../map/pick';
import { shiftGeometry } from '../../map/shift';
import { map } from '../../map/view';
import { type Unit, chosen, faultPlace, units } from './draft';

export const colour = signal<'unit' | 'parent'>('unit');

/** What is being drawn: a lasso, a line across, a corner on its way. */
export const stroke = signal<Position[]>([]);
/** Corners of borders, to be taken hold of; shown while borders are moved. */
export const showsCorners = signal(false);

export const COLOURS = ['#f1eef6', '#bdc9e1', '#74a9cf', '#2b8cbe', '#045a8d'] as const;

/** How much a unit has to do beside the mean: 1 is the mean. */
const heat = (mean: number): ExpressionSpecification => ['interpolate', ['linear'], ['/', ['get', 'amount'], mean], 0, COLOURS[0], 0.5, COLOURS[1], 1, COLOURS[2], 1.5, COLOURS[3], 2.5, COLOURS[4]];

const OVERLAY: Overlay = {
  sources: { units: { type: 'geojson', data: NOTHING, promoteId: 'code' }, chosen: emptySource(), corners: emptySource(), fault: emptySource() },
  layers: [
    { id: 'draft-fill', type: 'fill', source: 'units', paint: { 'fill-color': heat(1), 'fill-opacity': 0.62 } },
    { id: 'draft-line', type: 'line', source: 'units', paint: { 'line-color': ['case', ['get', 'locked'], '#7a4b00', '#44596a'], 'line-width': ['case', ['get', 'locked'], 2.4, 0.8] } },
    { id: 'draft-chosen', type: 'line', source: 'chosen', paint: { 'line-color': '#c2410c', 'line-width': 3.4 } },
    { id: 'corners', type: 'circle', source: 'corners', paint: { 'circle-radius': 5, 'circle-color': '#ffffff', 'circle-stroke-color': '#c2410c', 'circle-stroke-width': 2 } },
    { id: 'fault', type: 'line', source: 'fault', paint: { 'line-color': '#b3261e', 'line-width': 4 } },
    { id: 'fault-point', type: 'circle', source: 'fault', paint: { 'circle-radius': 9, 'circle-color': '#b3261e', 'circle-opacity': 0.5 } },
  ],
};

/** The layers that show the draft. */
export const DRAFT_LAYERS = OVERLAY.layers.map(({ id }) => id);

/** A unit as it is drawn. It stays the same until the unit, or how much it has to do, becomes another. */
interface Drawn {
  unit: Unit;
  amount: number;
  feature: Feature;
}

/** The units as they were drawn last, by code. */
let known: ReadonlyMap<string, Drawn> = new Map();

/** Every unit with how much it has to do, and the mean of that. Where there is no load, its area stands in. */
const coloured = computed(() => {
  const weigh = ({ load, area_m2 }: Unit['properties']): number => load ?? area_m2;
  const sums = new Map<string, number>();
  let total = 0;
  for (const { properties } of units.value.values()) {
    const weight = weigh(properties);
    sums.set(properties.parent ?? '', (sums.get(properties.parent ?? '') ?? 0) + weight);
    total += weight;
  }
  const isUnit = colour.value === 'unit';
  const drawn = new Map<string, Drawn>();
  for (const [code, unit] of units.value) {
    const amount = isUnit ? weigh(unit.properties) : (sums.get(unit.properties.parent ?? '') ?? 0);
    const before = known.get(code);
    const isSame = before && before.amount === amount && (before.unit === unit || (before.unit.geometry === unit.geometry && before.unit.properties.locked === unit.properties.locked));
    drawn.set(code, isSame ? before : { unit, amount, feature: feature(shiftGeometry(unit.geometry, shift()), { code, locked: unit.properties.locked, amount }) });
  }
  known = drawn;
  return { drawn, mean: total / Math.max(1, isUnit ? units.value.size : sums.size) || 1 };
});

/** How far the mean may be from that by which the map is coloured: less is not seen, and colouring the map anew takes as long as drawing it. */
const DRIFT_MAX = 0.02;

/** What a map shows of the units, and beside which mean. */
interface OnMap {
  drawn: ReadonlyMap<string, Drawn>;
  mean: number;
}

/** Brings a map from one state of the units to another: of a few only those are sent. */
function drawUnits(on: MapLibre, { drawn: before, mean: shownMean }: OnMap, { drawn: now, mean }: OnMap): OnMap {
  const add = [...now].flatMap(([code, one]) => (before.get(code) === one ? [] : [one.feature]));
  const remove = [...before.keys()].filter((code) => !now.has(code));
  const source = on.getSource<GeoJSONSource>('units');
  if (add.length + remove.length > now.size / 2) void source?.setData({ type: 'FeatureCollection', features: [...now.values()].map(({ feature }) => feature) });
  else if (add.length + remove.length > 0) void source?.updateData({ add, remove });
  const isFar = Math.abs(mean / shownMean - 1) > DRIFT_MAX;
  if (isFar && on.getLayer('draft-fill')) on.setPaintProperty('draft-fill', 'fill-color', heat(mean));
  return { drawn: now, mean: isFar ? mean : shownMean };
}

const SVG = 'http://www.w3.org/2000/svg';

/** Draws what is being drawn over the map and not on it, which would be drawn anew with each step of the pointer. Returns what ends that. */
function drawStroke(on: MapLibre): () => void {
  const [above, line] = [document.createElementNS(SVG, 'svg'), document.createElementNS(SVG, 'polyline')];
  above.setAttribute('class', 'stroke');
  above.setAttribute('aria-hidden', 'true');
  above.append(line);
  on.getCanvasContainer().append(above);
  const show = (): void => {
    const points = stroke.value.map((at) => on.project(shownAt(at)));
    line.setAttribute('points', points.map(({ x, y }) => `${x},${y}`).join(' '));
  };
  const stop = effect(show);
  on.on('move', show);
  return () => {
    stop();
    on.off('move', show);
    above.remove();
  };
}

/** Corners drawn at once; more would not be told apart. */
const CORNERS_MAX = 4_000;

export function useDraftOnMap(): void {
  useOverlay(OVERLAY);
  const shown = useRef<OnMap>({ drawn: new Map(), mean: 1 });
  // A map that is new has nothing yet.
  useEffect(() => void (shown.current = { drawn: new Map(), mean: 1 }), [map.value]);
  useEffect(() => void (map.value && (shown.current = drawUnits(map.value, shown.current, coloured.value))), [map.value, coloured.value]);
  useEffect(() => draw(map.value, 'chosen', [...chosen.value].flatMap((code) => units.value.get(code) ?? [])), [map.value, chosen.value, units.value]);
  useEffect(() => (map.value ? drawStroke(map.value) : undefined), [map.value]);
  useEffect(() => draw(map.value, 'fault', faultPlace.value ? [feature(faultPlace.value)] : []), [map.value, faultPlace.value]);
  useEffect(() => {
    const on = map.value;
    if (!on || !showsCorners.value) return;
    const show = (): void => {
      const bounds = on.getBounds();
      const corners = [...units.value.values()].flatMap(({ geometry }) => ringsOf(geometry).flat()).filter((corner) => bounds.contains(shownAt(corner)));
      draw(on, 'corners', corners.length > CORNERS_MAX ? [] : [...new Map(corners.map((corner) => [corner.join(), corner])).values()].map((corner) => feature({ type: 'Point', coordinates: corner })));
    };
    show();
    on.on('moveend', show);
    return () => void on.off('moveend', show);
  }, [map.value, showsCorners.value && units.value]);
  useEffect(() => void (showsCorners.value || draw(map.value, 'corners', [])), [map.value, showsCorners.value]);
}
