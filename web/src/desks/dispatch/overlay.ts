// Cases on the map, drawn together where they would hide each other.
import { useEffect } from 'preact/hooks';
import type { GeoJSONSource, LayerSpecification, MapLayerMouseEvent } from 'maplibre-gl';
import type { Point } from 'geojson';
import { type Overlay, draw, emptySource, feature, useOverlay } from '../../map/layers';
import { duration } from '../../map/room';
import { map, pickers } from '../../map/view';
import { now } from '../../parts/now';
import { go } from './open';
import { filter, isLate, listed } from './filter';

const OVERLAY: Overlay = {
  sources: {
    cases: { ...emptySource(), type: 'geojson', data: { type: 'FeatureCollection', features: [] }, cluster: true, clusterRadius: 44, clusterMaxZoom: 15, clusterProperties: { late: ['+', ['get', 'late']] } },
    chosen: emptySource(),
  },
  layers: [
    {
      id: 'clusters', type: 'circle', source: 'cases', filter: ['has', 'point_count'],
      paint: {
        'circle-color': ['case', ['>', ['get', 'late'], 0], '#b3261e', '#1f5f8b'], 'circle-opacity': 0.88,
        'circle-radius': ['interpolate', ['linear'], ['get', 'point_count'], 2, 12, 50, 17, 500, 25, 5000, 34],
        'circle-stroke-color': '#ffffff', 'circle-stroke-width': 2,
      },
    },
    {
      id: 'cluster-count', type: 'symbol', source: 'cases', filter: ['has', 'point_count'],
      layout: { 'text-field': ['get', 'point_count_abbreviated'], 'text-size': 12, 'text-allow-overlap': true }, paint: { 'text-color': '#ffffff' },
    },
    {
      id: 'cases', type: 'circle', source: 'cases', filter: ['!', ['has', 'point_count']],
      paint: { 'circle-color': ['case', ['==', ['get', 'late'], 1], '#b3261e', '#1f5f8b'], 'circle-radius': 6, 'circle-stroke-color': '#ffffff', 'circle-stroke-width': 1.5 },
    },
    { id: 'chosen', type: 'circle', source: 'chosen', paint: { 'circle-color': '#f59e0b', 'circle-opacity': 0.35, 'circle-radius': 15, 'circle-stroke-color': '#c2410c', 'circle-stroke-width': 2.5 } },
  ] satisfies LayerSpecification[],
};

export function useCasesOnMap(): void {
  useOverlay(OVERLAY);
  useEffect(() => {
    const features = listed.value.map((one) => feature({ type: 'Point', coordinates: [one.position.lon, one.position.lat] }, { id: one.id, late: isLate(one, now.peek()) ? 1 : 0 }));
    draw(map.value, 'cases', features);
  }, [map.value, listed.value]);
  useEffect(() => {
    const on = map.value;
    if (!on) return;
    const pick = (event: MapLayerMouseEvent): void => {
      if (pickers.peek() === 0) go(String(event.features?.[0]?.properties.id));
    };
    const enter = async (event: MapLayerMouseEvent): Promise<void> => {
      const cluster = event.features?.[0];
      if (!cluster || pickers.peek() > 0) return;
      const zoom = await on.getSource<GeoJSONSource>('cases')?.getClusterExpansionZoom(Number(cluster.properties.cluster_id));
      on.easeTo({ center: (cluster.geometry as Point).coordinates as [number, number], zoom: zoom ?? on.getZoom() + 2, duration: duration() });
    };
    const rest = (): void => {
      if (filter.peek().bounds) filter.value = { ...filter.peek(), bounds: on.getBounds().toArray().flat() as [number, number, number, number] };
    };
    const enterNow = (event: MapLayerMouseEvent): void => void enter(event);
    on.on('click', 'cases', pick);
    on.on('click', 'clusters', enterNow);
    on.on('moveend', rest);
    return () => {
      on.off('click', 'cases', pick);
      on.off('click', 'clusters', enterNow);
      on.off('moveend', rest);
    };
  }, [map.value]);
}
