// Layers that a desk puts on the map for as long as it stands there.
import { useEffect } from 'preact/hooks';
import type { GeoJSONSource, LayerSpecification, Map as MapLibre, SourceSpecification } from 'maplibre-gl';
import type { Feature, FeatureCollection, Geometry } from 'geojson';
import type { Shift } from './shift';
import { shiftGeometry } from './shift';
import { settings } from '../api/settings';
import { map } from './view';

/** Sources by name, and layers in their order, from below; `below` names a layer of the style under which they lie. */
export interface Overlay {
  sources: Record<string, SourceSpecification>;
  layers: LayerSpecification[];
  below?: 'labels';
}

export const NOTHING: FeatureCollection = { type: 'FeatureCollection', features: [] };

export const emptySource = (): SourceSpecification => ({ type: 'geojson', data: NOTHING });

/** Puts an overlay on the map while the component stands. It is to be a constant. */
export function useOverlay(overlay: Overlay): void {
  const shown = map.value;
  useEffect(() => {
    if (!shown) return;
    const below = overlay.below && shown.getStyle().layers.find((layer) => layer.type === 'symbol')?.id;
    for (const [name, source] of Object.entries(overlay.sources)) if (!shown.getSource(name)) shown.addSource(name, source);
    for (const layer of overlay.layers) if (!shown.getLayer(layer.id)) shown.addLayer(layer, below);
    return () => {
      for (const layer of overlay.layers) if (shown.getLayer(layer.id)) shown.removeLayer(layer.id);
      for (const name of Object.keys(overlay.sources)) if (shown.getSource(name)) shown.removeSource(name);
    };
  }, [shown, overlay]);
}

/** How far the basemap is moved from where things are. */
export function shift(): Shift {
  return settings.value?.basemap?.shift ?? null;
}

/** The reference system of what is clicked on the map; empty for WGS 84. */
export function mapCrs(): '' | 'GCJ02' | 'BD09' {
  return shift() === 'gcj02' ? 'GCJ02' : shift() === 'bd09' ? 'BD09' : '';
}

/** Draws features in a source of an overlay, moved as the basemap is. */
export function draw(on: MapLibre | null, source: string, features: Feature[]): void {
  const moved = shift() ? features.map((feature) => ({ ...feature, geometry: shiftGeometry(feature.geometry, shift()) })) : features;
  void on?.getSource<GeoJSONSource>(source)?.setData({ type: 'FeatureCollection', features: moved });
}

export function feature(geometry: Geometry, properties: Record<string, unknown> = {}): Feature {
  return { type: 'Feature', geometry, properties };
}
