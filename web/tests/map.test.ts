// The map in a real browser, against the built program.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { VectorTile } from '@mapbox/vector-tile';
import type { Feature, FeatureCollection } from 'geojson';
import type { Map as MapLibre } from 'maplibre-gl';
import { PbfReader } from 'pbf';
import { type Browser, type Page, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insideOf } from '../src/geometry';
import { shiftPosition } from '../src/shift';
import { NOTICE, type Service, startService } from './service';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const SHOTS = fileURLToPath(new URL('../../target/screenshots/', import.meta.url));
const FLAGS = [
  '--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist',
];

declare global {
  // What the page leaves for tests.
  // eslint-disable-next-line no-var
  var gridkeeper: { map: MapLibre };
}

let service: Service;
let browser: Browser;
let page: Page;
const complaints: string[] = [];
const elsewhere: string[] = [];

async function open(width: number, height: number, fragment: string, locale = 'zh-CN'): Promise<Page> {
  const context = await browser.newContext({ viewport: { width, height }, locale });
  const opened = await context.newPage();
  opened.on('console', (message) => {
    // Software rendering tells of itself; that is no fault of the page.
    if (['error', 'warning'].includes(message.type()) && !/GPU stall|WebGL|swiftshader/i.test(message.text())) complaints.push(message.text());
  });
  opened.on('pageerror', (error) => complaints.push(String(error)));
  opened.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(service.base) && !/^(data|blob):/.test(url)) elsewhere.push(url);
  });
  await opened.goto(`${service.base}/app/${fragment}`);
  await idle(opened);
  return opened;
}

async function idle(on: Page): Promise<void> {
  await on.waitForFunction(() => globalThis.gridkeeper?.map?.loaded() && !globalThis.gridkeeper.map.isMoving());
  await on.waitForTimeout(700);
  await on.waitForFunction(() => globalThis.gridkeeper.map.loaded() && globalThis.gridkeeper.map.areTilesLoaded());
}

async function json<T>(path: string): Promise<T> {
  return (await fetch(service.base + path)).json() as Promise<T>;
}

async function someGrid(): Promise<{ feature: Feature; code: string; inside: [number, number] }> {
  const { features } = await json<FeatureCollection>('/collections/grid/items?limit=40');
  const feature = features[25]!;
  return { feature, code: String(feature.properties!.code), inside: insideOf(feature.geometry) as [number, number] };
}

const card = (on: Page = page) => on.locator('#answer .card');
const code = (on: Page = page) => on.locator('#answer .code-line');

beforeAll(async () => {
  if (!existsSync(CHROMIUM)) throw new Error(`${CHROMIUM} is missing: install the package chromium (scripts/install-tools test)`);
  mkdirSync(SHOTS, { recursive: true });
  service = await startService();
  browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  page = await open(1280, 800, `#key=${service.key}`);
});

afterAll(async () => {
  await browser?.close();
  await service?.stop();
});

describe('the map', () => {
  it('opens on the district with its notice, attribution and no key in the address', async () => {
    expect(page.url()).not.toContain('key');
    expect(await page.locator('#notice').textContent()).toBe(NOTICE);
    expect(await page.locator('.maplibregl-ctrl-attrib').textContent()).toMatch(/gridkeeper sample.*审图号：示例/);
    const drawn = await page.evaluate(() => gridkeeper.map.queryRenderedFeatures().map((feature) => feature.sourceLayer));
    expect(drawn).toContain('district');
    expect(drawn).toContain('street');
    expect(drawn).not.toContain('grid');
    await page.screenshot({ path: join(SHOTS, 'district.png') });
  });

  it('answers a click with grid, path, keeper and border, and highlights the grid', async () => {
    const grid = await someGrid();
    await page.evaluate((center) => gridkeeper.map.jumpTo({ center: center as [number, number], zoom: 14.5 }), grid.inside);
    await idle(page);
    const drawn = await page.evaluate(() => gridkeeper.map.queryRenderedFeatures().map((feature) => feature.sourceLayer));
    expect(drawn).toContain('grid');
    const at = await page.evaluate((center) => gridkeeper.map.project(center as [number, number]), grid.inside);
    await page.mouse.click(at.x, at.y);
    await expect.poll(() => code().textContent()).toBe(grid.code);
    const path = await card().locator('.path').textContent();
    for (const level of ['区县', '街道乡镇', '社区村', '网格']) expect(path).toContain(level);
    expect(await card().textContent()).toMatch(/距边界\s*[\d.]+ k?m/);
    await idle(page);
    expect(await page.evaluate(() => gridkeeper.map.queryRenderedFeatures({ layers: ['unit-line'] }).length)).toBeGreaterThan(0);
    expect(await page.evaluate(() => gridkeeper.map.queryRenderedFeatures({ layers: ['incidents'] }).length)).toBeGreaterThan(0);
    await page.screenshot({ path: join(SHOTS, 'grid.png') });
  });

  it('answers typed coordinates in GCJ-02 as those in WGS 84', async () => {
    const grid = await someGrid();
    const [lon, lat] = shiftPosition(grid.inside, 'gcj02');
    await page.fill('#query', `${lon!.toFixed(7)}, ${lat!.toFixed(7)}`);
    await page.selectOption('#crs', 'GCJ02');
    await page.click('#search button');
    await expect.poll(() => card().textContent()).toContain(`${grid.inside[0].toFixed(6)}, ${grid.inside[1].toFixed(6)}`);
    expect(await code().textContent()).toBe(grid.code);
    await page.selectOption('#crs', '');
  });

  it('finds a code, of a grid or of a coarser unit, and says where there is none', async () => {
    const grid = await someGrid();
    await page.fill('#query', grid.code);
    await page.press('#query', 'Enter');
    await expect.poll(() => code().textContent()).toBe(grid.code);
    await idle(page);
    const center = await page.evaluate(() => gridkeeper.map.getBounds().toArray().flat());
    expect(center[0]).toBeLessThan(grid.inside[0]);
    expect(center[2]).toBeGreaterThan(grid.inside[0]);
    const street = grid.code.slice(0, 9);
    await page.fill('#query', street);
    await page.press('#query', 'Enter');
    await expect.poll(() => code().textContent()).toBe(street);
    const path = await card().locator('.path').textContent();
    for (const level of ['区县', '街道乡镇']) expect(path).toContain(level);
    expect(path).not.toContain('社区村');
    expect(await card().locator('.holder .phone').count()).toBeGreaterThan(0);
    await page.fill('#query', 'X1');
    await page.press('#query', 'Enter');
    await expect.poll(() => card().textContent()).toContain('没有编码 X1');
  });

  it('says that a position lies outside, and what is nearest', async () => {
    await page.fill('#query', '0, 0');
    await page.press('#query', 'Enter');
    await expect.poll(() => card().textContent()).toContain('不在任何网格内');
    expect(await card().textContent()).toContain('最近的网格');
  });

  it('speaks English at a press, also on the card that stands', async () => {
    await page.click('#language');
    expect(await page.locator('html').getAttribute('lang')).toBe('en');
    expect(await card().textContent()).toContain('Nearest grid');
    await page.click('#language');
    expect(await card().textContent()).toContain('最近的网格');
  });

  it('shows a caller without a key the post only, at phone width, asked by keyboard', async () => {
    const grid = await someGrid();
    const phone = await open(390, 844, '', 'en-GB');
    expect(await phone.locator('html').getAttribute('lang')).toBe('en');
    await phone.evaluate((center) => gridkeeper.map.jumpTo({ center: center as [number, number], zoom: 15 }), grid.inside);
    await phone.locator('#map canvas').focus();
    await phone.keyboard.press('Enter');
    await expect.poll(() => code(phone).textContent()).toBe(grid.code);
    expect(await phone.locator('.phone').count()).toBe(0);
    expect(await phone.locator('#incidents-switch').isVisible()).toBe(false);
    expect(await phone.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
    await idle(phone);
    await phone.screenshot({ path: join(SHOTS, 'phone.png') });
    await phone.context().close();
  });

  it('asked nobody else, broke no policy and complained of nothing', () => {
    expect(elsewhere).toEqual([]);
    expect(complaints).toEqual([]);
  });
});

describe('a tile', () => {
  it('is read by another decoder', async () => {
    const tilejson = await json<{ center: [number, number, number]; tiles: string[]; vector_layers: { id: string }[] }>('/tiles/boundaries');
    expect(tilejson.vector_layers.map((layer) => layer.id)).toContain('grid_label');
    const [lon, lat] = tilejson.center;
    const z = 12;
    const x = Math.floor(((lon + 180) / 360) * 2 ** z);
    const y = Math.floor((0.5 - Math.asinh(Math.tan((lat * Math.PI) / 180)) / (2 * Math.PI)) * 2 ** z);
    const response = await fetch(tilejson.tiles[0]!.replace('{z}', `${z}`).replace('{x}', `${x}`).replace('{y}', `${y}`));
    expect(response.headers.get('content-type')).toBe('application/vnd.mapbox-vector-tile');
    const tile = new VectorTile(new PbfReader(new Uint8Array(await response.arrayBuffer())));
    const grids = tile.layers.grid!;
    expect([grids.version, grids.extent]).toEqual([2, 4096]);
    const feature = grids.feature(0);
    expect(feature.type).toBe(3);
    expect(Number.isSafeInteger(feature.id)).toBe(true);
    expect(feature.properties.code).toMatch(/^431102\d{9,10}$/);
  });
});

describe('the committed bundle', () => {
  it('names the licences of what it holds', () => {
    const licences = readFileSync(new URL('../dist/LICENSES.txt', import.meta.url), 'utf8');
    for (const name of ['maplibre-gl', 'pmtiles', '@mapbox/tiny-sdf']) expect(licences).toContain(name);
  });
});
