// Makes the map. This file and MapLibre are loaded beside the first desk, not before it.
import 'maplibre-gl/dist/maplibre-gl.css';
import { Map as MapLibre, addProtocol, prewarm, setWorkerUrl } from 'maplibre-gl';
import type { StyleSpecification, VectorTileSource } from 'maplibre-gl';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url';
import { address, isOwn } from '../api/address';
import { headers } from '../api/key';
import { type Settings, wasKeyRefused } from '../api/settings';
import { addControls, locale } from './controls';
import { type Parts, loadParts } from './parts';
import { addUnderlay, escapeHtml } from './underlay';
import { language } from '../i18n/language';
import { room } from './room';
import type { Bounds } from './geometry';
import { isMapMissing, map, version } from './view';

setWorkerUrl(workerUrl);
// The workers begin while style and bounds are still on their way.
prewarm();

/** How long desks wait for the first map to be drawn: where tiles are slow, places can be clicked before they are there. */
const FIRST_MAP_MS_MAX = 1_500;

/** Has the labels in the language that is spoken now. */
async function relabel(made: MapLibre, shift: string | null | undefined): Promise<void> {
  const { style } = await loadParts(shift);
  for (const layer of style.layers) {
    if (layer.type === 'symbol' && made.getLayer(layer.id)) made.setLayoutProperty(layer.id, 'text-field', layer.layout?.['text-field']);
  }
}

/** Draws the map into an element, and says that it is there as soon as it can be used. `early` are the parts of a map that is not shifted, as most are, asked for before that was known. */
export async function openMap(container: HTMLElement, settingsAsked: Promise<Settings>, early: Promise<Parts>): Promise<void> {
  try {
    const settings = await settingsAsked;
    const shift = settings.basemap?.shift;
    // A key that was refused was shown for the early parts too.
    const { style, bounds } = shift || wasKeyRefused.peek() ? await loadParts(shift) : await early;
    if (settings.basemap?.kind === 'pmtiles') await (await import('./basemap')).addPmtiles(style, settings.basemap, addProtocol);
    else if (settings.basemap) addRaster(style, settings.basemap);
    const made = makeMap(container, style, bounds);
    const isDrawn = made.once('load').then(() => performance.mark('first map'));
    await made.once('style.load');
    // What desks put on the map would be drawn with the first map, which would come a fifth later.
    await Promise.race([isDrawn, new Promise((resolve) => setTimeout(resolve, FIRST_MAP_MS_MAX))]);
    map.value = made;
    let spoken = language.value;
    language.subscribe((now) => {
      if (now !== spoken) void relabel(made, shift);
      spoken = now;
    });
    version.subscribe((parameters) => showVersion(made, parameters, shift ?? ''));
    // For tests and for the curious; nothing in the page reads it.
    Object.assign(window, { gridkeeper: { map: made } });
  } catch (error) {
    console.warn(error);
    isMapMissing.value = true;
  }
}

function makeMap(container: HTMLElement, style: StyleSpecification, bounds: Bounds | undefined): MapLibre {
  const made = new MapLibre({
    container,
    style,
    ...(bounds ? { bounds, fitBoundsOptions: { padding: room() } } : {}),
    maxZoom: 20,
    fadeDuration: 0,
    // The service's own style is judged by the tests.
    validateStyle: false,
    attributionControl: false,
    locale: locale(),
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    // All labels are drawn from the viewer's own fonts; the style names no font server.
    localIdeographFontFamily: '"Noto Sans CJK SC", "Noto Sans SC", "PingFang SC", "Microsoft YaHei", sans-serif',
    transformRequest: (url) => (isOwn(url) ? { url, headers: headers() } : { url }),
  });
  // Without a network no tile can be had, which the page tells in words.
  made.on('error', ({ error }) => {
    if (navigator.onLine) console.error(error);
  });
  made.touchZoomRotate.disableRotation();
  addControls(made);
  return made;
}

/** Draws another version of the boundaries, a past or future one or a draft. */
function showVersion(made: MapLibre, parameters: string, shift: string): void {
  const source = made.getSource<VectorTileSource>('boundaries');
  if (!source) return;
  const members = new URLSearchParams(parameters);
  if (shift) members.set('shift', shift);
  const query = members.toString();
  const tiles = address(`tiles/boundaries/{z}/{x}/{y}${query && `?${query}`}`).replaceAll('%7B', '{').replaceAll('%7D', '}');
  if (source.tiles?.[0] !== tiles) source.setTiles([tiles]);
}

function addRaster(style: StyleSpecification, basemap: NonNullable<Settings['basemap']>): void {
  style.sources.basemap = { type: 'raster', tiles: [basemap.url], tileSize: 256, attribution: escapeHtml(basemap.attribution) };
  addUnderlay(style, [{ id: 'basemap', type: 'raster', source: 'basemap' }]);
}
