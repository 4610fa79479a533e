import 'maplibre-gl/dist/maplibre-gl.css';
import './style.css';
import type { Map as MapLibre } from 'maplibre-gl';
import type { Geometry } from 'geojson';
import { answerCard, messageCard, unitCard } from './card';
import { boundsOf, insideOf } from './geometry';
import { followIncidents } from './incidents';
import { hasBoundaries, makeMap, padding, showPosition, showUnit } from './map';
import { parseQuery } from './query';
import { type Answer, Refusal, type Settings, type Wanted, findByCode, key, loadSettings, loadUnit, locate, setKey, takeKeyFromAddress } from './service';
import { type Shift, shiftGeometry, shiftPosition } from './shift';
import { type Word, language, switchLanguage, text } from './text';

const byId = <E extends HTMLElement>(id: string): E => document.getElementById(id) as E;
const panel = byId('answer');

let settings: Settings | null = null;
let map: MapLibre | null = null;
let asking: AbortController | null = null;
/** Draws what the panel shows once more, in the language of the moment. */
let redraw: () => HTMLElement = () => document.createElement('span');

function show(draw: () => HTMLElement): void {
  redraw = draw;
  panel.replaceChildren(draw());
}

function shift(): Shift {
  return settings?.basemap?.shift ?? null;
}

function collections(): string[] {
  return (settings?.layers ?? []).flatMap((layer) => [...layer.collections].reverse());
}

function explain(error: unknown): void {
  if (error instanceof DOMException && error.name === 'AbortError') return;
  if (error instanceof Refusal && error.status === 401 && key()) {
    setKey(null);
    drawTexts();
    return show(() => messageCard(text('keyRefused'), true));
  }
  if (error instanceof Refusal) return show(() => messageCard(`${text('failed')}: ${error.message}`, true));
  show(() => messageCard(text('offline'), true));
}

async function ask(lon: number, lat: number, crs: string, note: Word | null, move: boolean, wanted: Wanted | null = null): Promise<void> {
  asking?.abort();
  asking = new AbortController();
  show(() => messageCard(text('asking'), false));
  try {
    const answer = await locate(lon, lat, crs, wanted, asking.signal);
    showAnswer(answer, note);
    const position = shiftPosition([answer.position.lon, answer.position.lat], shift());
    if (map) {
      showPosition(map, position);
      if (move) map.easeTo({ center: position as [number, number], zoom: Math.max(map.getZoom(), 15), padding: padding(), duration: duration() });
    }
    await highlight(answer);
  } catch (error) {
    explain(error);
  }
}

function showAnswer(answer: Answer, note: Word | null): void {
  show(() => answerCard(answer, note && text(note), (code) => void askCode(code)));
}

async function highlight(answer: Answer): Promise<void> {
  if (!map) return;
  if (!answer.grid) return showUnit(map, null);
  // The border of the unit is an extra; without it the answer stands.
  const geometry = await loadUnit(answer.grid.href).catch(() => null);
  showUnit(map, geometry && shiftGeometry(geometry, shift()));
}

async function askCode(code: string): Promise<void> {
  show(() => messageCard(text('asking'), false));
  try {
    const found = await findByCode(code, collections());
    if (!found) return show(() => messageCard(`${text('noCode')} ${code}`, true));
    const { collection, feature } = found;
    frame(feature.geometry);
    const layer = settings?.layers.find((layer) => layer.collections.includes(collection))?.name;
    const level = collection.split('.').at(-1) ?? collection;
    const inside = insideOf(feature.geometry);
    if (layer && inside) return await ask(inside[0] ?? 0, inside[1] ?? 0, '', null, false, { layer, level });
    const properties = (feature.properties ?? {}) as { name?: string; parent?: string };
    if (map) showPosition(map, null);
    show(() => unitCard(level, code, properties.name ?? '', properties.parent ?? null, (other) => void askCode(other)));
  } catch (error) {
    explain(error);
  }
}

function frame(geometry: Geometry): void {
  if (!map) return;
  const shown = shiftGeometry(geometry, shift());
  showUnit(map, shown);
  const bounds = boundsOf(shown);
  if (bounds) map.fitBounds(bounds, { padding: padding(), maxZoom: 17, duration: duration() });
}

function duration(): number {
  return matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : 500;
}

function submitQuery(event: Event): void {
  event.preventDefault();
  const crs = byId<HTMLSelectElement>('crs').value;
  const query = parseQuery(byId<HTMLInputElement>('query').value, crs.startsWith('EPSG'));
  if (query.kind === 'position') void ask(query.lon, query.lat, crs, query.swapped ? 'swapped' : null, true);
  else if (query.kind === 'code') void askCode(query.code);
  else show(() => messageCard(text('notPosition'), true));
}

function drawTexts(): void {
  document.documentElement.lang = language() === 'zh' ? 'zh-CN' : 'en';
  for (const element of document.querySelectorAll<HTMLElement>('[data-text]')) element.textContent = text(element.dataset.text as Word);
  byId('language').textContent = text('otherLanguage');
  byId('language').lang = language() === 'zh' ? 'en' : 'zh-CN';
  byId('map').setAttribute('aria-label', text('map'));
  if (key()) document.querySelector('#key-box summary')!.textContent = text('keyInUse');
  byId('forget').hidden = !key();
  panel.replaceChildren(redraw());
}

function listen(): void {
  byId('search').addEventListener('submit', submitQuery);
  byId('language').addEventListener('click', () => {
    switchLanguage();
    drawTexts();
  });
  byId('key-form').addEventListener('submit', (event) => {
    event.preventDefault();
    setKey(byId<HTMLInputElement>('key').value.trim() || null);
    location.reload();
  });
  byId('forget').addEventListener('click', () => {
    setKey(null);
    location.reload();
  });
}

function listenToMap(map: MapLibre): void {
  const crs = shift() === 'gcj02' ? 'GCJ02' : shift() === 'bd09' ? 'BD09' : '';
  map.on('click', (event) => void ask(event.lngLat.lng, event.lngLat.lat, crs, null, false));
  map.getCanvas().addEventListener('keydown', (event) => {
    if (event.key !== 'Enter') return;
    const middle = map.getCenter();
    void ask(middle.lng, middle.lat, crs, null, false);
  });
  map.getCanvas().style.cursor = 'crosshair';
}

async function start(): Promise<void> {
  takeKeyFromAddress();
  drawTexts();
  listen();
  try {
    settings = await loadSettings();
  } catch (error) {
    return explain(error);
  }
  byId('notice').textContent = settings.notice;
  byId('notice').hidden = settings.notice === '';
  if (settings.layers.length === 0) show(() => messageCard(text('noBoundaries'), true));
  try {
    map = await makeMap(settings);
  } catch (error) {
    console.warn(error);
    return show(() => messageCard(text('noWebgl'), true));
  }
  if (hasBoundaries(map)) listenToMap(map);
  await followIncidents(map, shift(), byId('incidents-switch'), byId<HTMLInputElement>('incidents'), byId('incident-count'));
  // For tests and for the curious; nothing in the page reads it.
  Object.assign(window, { gridkeeper: { map } });
}

void start();
