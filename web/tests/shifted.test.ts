// The example of boundaries over a basemap with an offset, in a real browser, against the built program.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Feature, FeatureCollection, Geometry, LineString, Point, Polygon, Position } from 'geojson';
import type { Map as MapLibre } from 'maplibre-gl';
import { type Browser, type Page, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insideOf as findInside } from '../src/map/geometry';
import { type Shift, shiftGeometry, shiftPosition } from '../src/map/shift';
import { FLAGS } from './bare';
import { type Service, startService } from './service';

const EXAMPLE = new URL('../../examples/shifted/', import.meta.url);
const SHOTS = fileURLToPath(new URL('../../target/screenshots/', import.meta.url));
const SHIFTS = ['gcj02', 'bd09'] as const;

declare global {
  // What the example leaves for tests.
  // eslint-disable-next-line no-var
  var shifted: { map: MapLibre; tilejson: { shift?: string } };
}

let service: Service;
let server: ChildProcess;
let address: string;
let browser: Browser;

beforeAll(async () => {
  mkdirSync(SHOTS, { recursive: true });
  service = await startService();
  server = spawn('node', [fileURLToPath(new URL('serve.mjs', EXAMPLE)), '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  address = await new Promise((found) => server.stdout?.once('data', (said: Buffer) => found(said.toString().trim())));
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
});

afterAll(async () => {
  await browser?.close();
  server?.kill();
  await service?.stop();
});

/** The borders of the sample's streets as roads, and the middles of some grids, moved by the map's own code, which is not the service's. */
function drawing(shift: Shift): FeatureCollection<LineString | Point> {
  const read = (name: string) => JSON.parse(readFileSync(new URL(`../../shapes/lingling/${name}`, import.meta.url), 'utf8')) as FeatureCollection;
  const rings = read('streets.geojson').features.flatMap(({ geometry }) =>
    geometry.type === 'Polygon' ? geometry.coordinates : geometry.type === 'MultiPolygon' ? geometry.coordinates.flat() : [],
  );
  const round = (value: unknown): unknown => (Array.isArray(value) ? value.map(round) : Number((value as number).toFixed(6)));
  const feature = <G extends LineString | Point>(geometry: G): Feature<G> => {
    const moved = shiftGeometry(geometry, shift);
    return { type: 'Feature', properties: {}, geometry: { ...moved, coordinates: round(moved.coordinates) } as G };
  };
  const roads = rings.map((coordinates) => feature({ type: 'LineString', coordinates }));
  const dots = read('communities.geojson').features.map(({ geometry }) =>
    feature({ type: 'Point', coordinates: insideOf(geometry) }),
  );
  return { type: 'FeatureCollection', features: [...roads, ...dots] };
}

function insideOf(geometry: Geometry): Position {
  const found = findInside(geometry);
  if (!found) throw new Error('a unit has an inside');
  return found;
}

async function open(query: string): Promise<Page> {
  const page = await (await browser.newContext({ viewport: { width: 900, height: 640 }, locale: 'zh-CN' })).newPage();
  await page.goto(`${address}?service=${service.base}&${query}`);
  await page.waitForFunction(() => globalThis.shifted?.map.loaded() && globalThis.shifted.map.areTilesLoaded());
  await page.waitForTimeout(500);
  return page;
}

/** The grids that the page draws where a maker's map would show a position. */
async function gridsAt(page: Page, shown: Position): Promise<string[]> {
  await page.evaluate((center) => globalThis.shifted.map.jumpTo({ center: center as [number, number], zoom: 15 }), shown);
  await page.waitForFunction(() => globalThis.shifted.map.loaded() && globalThis.shifted.map.areTilesLoaded());
  await page.waitForTimeout(300);
  return page.evaluate((at) => {
    const { map } = globalThis.shifted;
    return map.queryRenderedFeatures(map.project(at as [number, number]), { layers: ['grid-fill'] }).map((feature) => String(feature.properties.code));
  }, shown);
}

/** Places beside borders of some grids, with the grid that the service finds there. */
async function placesNearBorders(): Promise<{ position: Position; code: string }[]> {
  const { features } = (await (await fetch(`${service.base}/collections/grid/items?limit=60`)).json()) as FeatureCollection;
  const places = [5, 20, 35, 50].map((at) => {
    const geometry = features[at]!.geometry as Polygon;
    const [inside, corner] = [insideOf(geometry), geometry.coordinates.flat(9).slice(0, 2) as unknown as Position];
    return [0, 1].map((axis) => corner[axis]! + (inside[axis]! - corner[axis]!) * 0.08) as Position;
  });
  const look = async (position: Position) => {
    const answer = (await (await fetch(`${service.base}/v1/locate?lon=${position[0]}&lat=${position[1]}`)).json()) as { grid: { code: string } };
    return { position, code: answer.grid.code };
  };
  return Promise.all(places.map(look));
}

describe('boundaries over a basemap with an offset', () => {
  it.each(SHIFTS)('the drawing in %s is that of the sample', (shift) => {
    const file = new URL(`basemap-${shift}.geojson`, EXAMPLE);
    const expected = `${JSON.stringify(drawing(shift))}\n`;
    if (process.env.DRAW) writeFileSync(file, expected);
    expect(readFileSync(file, 'utf8')).toBe(expected);
  });

  it.each(SHIFTS)('in %s each place of the basemap lies in its grid, and without the shift in none or another', async (shift) => {
    const asked = await placesNearBorders();
    const page = await open(`shift=${shift}`);
    expect(await page.evaluate(() => globalThis.shifted.tilejson.shift)).toBe(shift);
    await page.screenshot({ path: join(SHOTS, `shifted-${shift}.png`) });
    for (const { position, code } of asked) expect(await gridsAt(page, shiftPosition(position, shift))).toEqual([code]);
    await page.screenshot({ path: join(SHOTS, `shifted-${shift}-near.png`) });
    await page.context().close();
    const wrong = await open(`shift=none&basemap=basemap-${shift}.geojson`);
    await wrong.screenshot({ path: join(SHOTS, `shifted-${shift}-without.png`) });
    const found = [];
    for (const { position, code } of asked) found.push((await gridsAt(wrong, shiftPosition(position, shift)))[0] === code);
    expect(found).toContain(false);
    await wrong.context().close();
  });
});
