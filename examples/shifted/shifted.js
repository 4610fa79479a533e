import { Map as MapLibre, setWorkerUrl } from '/maplibre-gl.mjs';

setWorkerUrl('/maplibre-gl-worker.mjs');
const asked = new URLSearchParams(location.search);
const service = asked.get('service') ?? 'http://localhost:8080';
const shift = asked.get('shift') ?? 'gcj02';
const basemap = asked.get('basemap') ?? `basemap-${shift === 'none' ? 'gcj02' : shift}.geojson`;

const select = document.querySelector('#shift select');
select.value = shift;
select.addEventListener('change', () => {
  asked.set('shift', select.value);
  location.search = asked.toString();
});

// The service moves the boundaries; the style, its TileJSON and its tiles all carry the parameter, and each has an ETag of its own.
const query = shift === 'none' ? '' : `?shift=${shift}`;
const style = await (await fetch(`${service}/styles/boundaries${query}`)).json();
const tilejson = await (await fetch(`${service}/tiles/boundaries${query}`)).json();

// What a maker's tiles would show: roads, and crosses where they meet. Over it the boundaries go without their fills.
style.sources.basemap = { type: 'geojson', data: new URL(basemap, location.href).href };
const isBackground = (layer) => layer.type === 'background';
style.layers = [
  ...style.layers.filter(isBackground),
  {
    id: 'basemap-road', type: 'line', source: 'basemap', filter: ['==', ['geometry-type'], 'LineString'],
    layout: { 'line-cap': 'round', 'line-join': 'round' },
    paint: { 'line-color': '#f3c66b', 'line-width': ['interpolate', ['linear'], ['zoom'], 9, 2, 14, 9] },
  },
  {
    id: 'basemap-place', type: 'circle', source: 'basemap', filter: ['==', ['geometry-type'], 'Point'],
    paint: { 'circle-radius': 5, 'circle-color': '#c2410c', 'circle-stroke-color': '#ffffff', 'circle-stroke-width': 1.5 },
  },
  ...style.layers
    .filter((layer) => !isBackground(layer))
    .map((layer) => (layer.type === 'fill' ? { ...layer, paint: { ...layer.paint, 'fill-opacity': 0 } } : layer)),
];

const map = new MapLibre({
  container: 'map',
  style,
  center: tilejson.center.slice(0, 2),
  zoom: Number(asked.get('zoom') ?? 11),
  fadeDuration: 0,
  attributionControl: { compact: false },
});
globalThis.shifted = { map, tilejson };
