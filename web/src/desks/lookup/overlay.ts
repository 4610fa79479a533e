// What the desk draws: the unit, the position, the way from it to the border, cases, and the rows of a table.
import { useEffect } from 'preact/hooks';
import type { LayerSpecification, SourceSpecification } from 'maplibre-gl';
import { metres } from '../../i18n/figures';
import { language } from '../../i18n/language';
import { nearestOnBorder } from '../../map/border';
import { type Overlay, draw, emptySource, feature, useOverlay } from '../../map/layers';
import { map } from '../../map/view';
import { position, shown, unit } from './state';

export const ACCENT = '#c2410c';

const OVERLAY: Overlay = {
  sources: { unit: emptySource(), way: emptySource(), position: emptySource() } satisfies Record<string, SourceSpecification>,
  layers: [
    { id: 'unit-fill', type: 'fill', source: 'unit', paint: { 'fill-color': ACCENT, 'fill-opacity': 0.14 } },
    { id: 'unit-line', type: 'line', source: 'unit', layout: { 'line-join': 'round' }, paint: { 'line-color': ACCENT, 'line-width': 2.6 } },
    { id: 'way-line', type: 'line', source: 'way', paint: { 'line-color': '#1d3c52', 'line-width': 2, 'line-dasharray': [2, 1.5] } },
    {
      id: 'way-label', type: 'symbol', source: 'way', minzoom: 13,
      layout: { 'text-field': ['get', 'label'], 'text-size': 13, 'symbol-placement': 'line-center', 'text-rotation-alignment': 'viewport', 'text-anchor': 'left', 'text-offset': [0.6, 0], 'text-allow-overlap': true, 'text-ignore-placement': true },
      paint: { 'text-color': '#1d3c52', 'text-halo-color': '#ffffff', 'text-halo-width': 1.6 },
    },
    { id: 'position', type: 'circle', source: 'position', paint: { 'circle-radius': 7, 'circle-color': ACCENT, 'circle-stroke-color': '#ffffff', 'circle-stroke-width': 2.5 } },
  ] satisfies LayerSpecification[],
};

export function useAnswerOnMap(): void {
  useOverlay(OVERLAY);
  useEffect(drawAnswer, [map.value, shown.value, unit.value, language.value]);
}

function drawAnswer(): void {
  const [on, at, geometry] = [map.peek(), position(), unit.peek()];
  draw(on, 'unit', geometry ? [feature(geometry)] : []);
  draw(on, 'position', at ? [feature({ type: 'Point', coordinates: at })] : []);
  const border = at && geometry ? nearestOnBorder(geometry, at) : null;
  const answer = shown.peek().kind === 'answer' ? (shown.peek() as Extract<typeof shown.value, { kind: 'answer' }>).answer : null;
  const distance = answer?.distance_to_border_m;
  draw(on, 'way', at && border && distance !== null && distance !== undefined ? [feature({ type: 'LineString', coordinates: [at, border] }, { label: metres(distance) })] : []);
}
