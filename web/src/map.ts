import { AttributionControl, GeolocateControl, Map as MapLibre, NavigationControl, ScaleControl, addProtocol, setWorkerUrl } from 'maplibre-gl';
import type { GeoJSONSource, StyleSpecification, VectorTileSource } from 'maplibre-gl';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url';
import type { FeatureCollection, Geometry, Position } from 'geojson';
import { addPmtiles } from './basemap';
import type { Bounds } from './geometry';
import { type Settings, address, headers, isOwn } from './service';

const NOTHING: FeatureCollection = { type: 'FeatureCollection', features: [] };
const ACCENT = '#c2410c';

/** The map with its boundaries, the unit asked about, the position asked about, and incidents. */
export async function makeMap(settings: Settings): Promise<MapLibre> {
  setWorkerUrl(workerUrl);
  const shift = settings.basemap?.shift ? `?shift=${settings.basemap.shift}` : '';
  const style = await load<StyleSpecification>(`styles/boundaries${shift}`);
  const bounds = (await load<{ bounds?: Bounds }>(`tiles/boundaries${shift}`)).bounds;
  if (settings.basemap?.kind === 'pmtiles') await addPmtiles(style, settings.basemap, addProtocol);
  else if (settings.basemap) addRaster(style, settings.basemap);
  const map = new MapLibre({
    container: 'map',
    style,
    ...(bounds ? { bounds, fitBoundsOptions: { padding: padding() } } : {}),
    maxZoom: 20,
    attributionControl: false,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    // All labels are drawn from the viewer's own fonts; the style names no font server.
    localIdeographFontFamily: '"Noto Sans CJK SC", "Noto Sans SC", "PingFang SC", "Microsoft YaHei", sans-serif',
    transformRequest: (url) => (isOwn(url) ? { url, headers: headers() } : { url }),
  });
  map.touchZoomRotate.disableRotation();
  map.addControl(new AttributionControl({ compact: false }), 'bottom-right');
  map.addControl(new NavigationControl({ showCompass: false }), 'top-right');
  if (isSecureContext) map.addControl(new GeolocateControl({ trackUserLocation: false }), 'top-right');
  map.addControl(new ScaleControl(), 'bottom-right');
  await new Promise<void>((resolve) => map.once('load', () => resolve()));
  addAnswerLayers(map);
  return map;
}

async function load<T>(path: string): Promise<T> {
  const response = await fetch(address(path), { headers: headers() });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return (await response.json()) as T;
}

/** Room around what is shown, so that the panel does not hide it. */
export function padding(): { top: number; bottom: number; left: number; right: number } {
  const isNarrow = innerWidth < 720;
  return { top: 56, right: 32, left: isNarrow ? 32 : 400, bottom: isNarrow ? Math.round(innerHeight * 0.45) : 48 };
}

function addRaster(style: StyleSpecification, basemap: NonNullable<Settings['basemap']>): void {
  style.sources.basemap = { type: 'raster', tiles: [basemap.url], tileSize: 256, attribution: escapeHtml(basemap.attribution) };
  addUnderlay(style, [{ id: 'basemap', type: 'raster', source: 'basemap' }]);
}

/** Puts layers under the boundaries and lets them shine through the fills. */
export function addUnderlay(style: StyleSpecification, layers: StyleSpecification['layers']): void {
  const background = style.layers.findIndex((layer) => layer.type === 'background');
  style.layers.splice(background + 1, 0, ...layers);
  for (const layer of style.layers) {
    if (layer.type === 'fill' && layer.source === 'boundaries' && layer.id !== 'grid-fill') {
      layer.paint = { ...layer.paint, 'fill-opacity': layer.id.startsWith('district') ? 0 : 0.35 };
    }
  }
}

export function escapeHtml(plain: string): string {
  return plain.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function addAnswerLayers(map: MapLibre): void {
  const below = map.getStyle().layers.find((layer) => layer.type === 'symbol')?.id;
  map.addSource('unit', { type: 'geojson', data: NOTHING });
  map.addSource('position', { type: 'geojson', data: NOTHING });
  map.addSource('incidents', { type: 'geojson', data: NOTHING });
  map.addLayer({ id: 'unit-fill', type: 'fill', source: 'unit', paint: { 'fill-color': ACCENT, 'fill-opacity': 0.14 } }, below);
  map.addLayer(
    { id: 'unit-line', type: 'line', source: 'unit', layout: { 'line-join': 'round' }, paint: { 'line-color': ACCENT, 'line-width': 2.6 } },
    below,
  );
  map.addLayer({
    id: 'incidents',
    type: 'circle',
    source: 'incidents',
    minzoom: 10,
    paint: {
      'circle-radius': ['interpolate', ['linear'], ['zoom'], 10, 1.6, 14, 3.5, 17, 5.5],
      'circle-color': '#1f5f8b',
      'circle-opacity': 0.75,
      'circle-stroke-color': '#ffffff',
      'circle-stroke-width': ['interpolate', ['linear'], ['zoom'], 11, 0, 14, 1],
    },
  });
  map.addLayer({
    id: 'position',
    type: 'circle',
    source: 'position',
    paint: { 'circle-radius': 7, 'circle-color': ACCENT, 'circle-stroke-color': '#ffffff', 'circle-stroke-width': 2.5 },
  });
}

function setData(map: MapLibre, source: string, data: FeatureCollection): void {
  void map.getSource<GeoJSONSource>(source)?.setData(data);
}

export function showUnit(map: MapLibre, geometry: Geometry | null): void {
  setData(map, 'unit', geometry ? { type: 'FeatureCollection', features: [{ type: 'Feature', geometry, properties: {} }] } : NOTHING);
}

export function showPosition(map: MapLibre, position: Position | null): void {
  const geometry = position && { type: 'Point' as const, coordinates: position };
  setData(map, 'position', geometry ? { type: 'FeatureCollection', features: [{ type: 'Feature', geometry, properties: {} }] } : NOTHING);
}

export function showIncidents(map: MapLibre, incidents: FeatureCollection | null): void {
  setData(map, 'incidents', incidents ?? NOTHING);
}

/** Says whether the boundaries have any tiles at all. */
export function hasBoundaries(map: MapLibre): boolean {
  return map.getSource<VectorTileSource>('boundaries') !== undefined && map.getStyle().layers.some((layer) => layer.type === 'fill');
}
