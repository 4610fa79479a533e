// The desk at which places are looked up, in a real browser against the built program.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { VectorTile } from '@mapbox/vector-tile';
import type { Feature, FeatureCollection } from 'geojson';
import { PbfReader } from 'pbf';
import type { Page } from 'playwright-core';
import { readSheet as readWorkbook } from 'read-excel-file/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nearestOnBorder } from '../src/map/border';
import { insideOf } from '../src/map/geometry';
import { shiftPosition } from '../src/map/shift';
import { Desktop, PHONE, expectAccessible, expectFits, idle, picture } from './browser';
import { NOTICE, type Service, loadAddresses, startService } from './service';

let service: Service;
let desktop: Desktop;
let page: Page;

async function json<T>(path: string): Promise<T> {
  return (await fetch(service.base + path)).json() as Promise<T>;
}

async function someGrid(): Promise<{ feature: Feature; code: string; name: string; inside: [number, number] }> {
  const { features } = await json<FeatureCollection>('/collections/grid/items?limit=40');
  const feature = features[25]!;
  return { feature, code: String(feature.properties!.code), name: String(feature.properties!.name), inside: insideOf(feature.geometry) as [number, number] };
}

const card = (on: Page = page) => on.locator('#answer .card');
const code = (on: Page = page) => on.locator('#answer article .code-line');
const drawnLayers = (on: Page = page) => on.evaluate(() => [...new Set(gridkeeper.map.queryRenderedFeatures().map((feature) => feature.sourceLayer))]);

async function type(on: Page, query: string): Promise<void> {
  await on.fill('#query', query);
  await on.press('#query', 'Enter');
}

beforeAll(async () => {
  service = await startService();
  desktop = await Desktop.start(service);
  page = await desktop.open(`#key=${service.key}`);
  await idle(page);
});

afterAll(async () => {
  await desktop?.close();
  await service?.stop();
});

describe('the desk for looking up', () => {
  it('opens on the district with its notice, attribution and no key in the address', async () => {
    expect(page.url()).not.toContain('key');
    expect(await page.locator('#notice').textContent()).toBe(NOTICE);
    expect(await page.locator('.maplibregl-ctrl-attrib').textContent()).toMatch(/gridkeeper sample.*审图号：示例/);
    const drawn = await drawnLayers();
    expect(drawn).toContain('district');
    expect(drawn).toContain('street');
    expect(drawn).not.toContain('grid');
    await picture(page, 'district');
  });

  it('answers a click with grid, path, keeper and border, and draws the unit and the way to its border', async () => {
    const grid = await someGrid();
    await page.evaluate((center) => gridkeeper.map.jumpTo({ center: center as [number, number], zoom: 14.5 }), grid.inside);
    await idle(page);
    expect(await drawnLayers()).toContain('grid');
    const at = await page.evaluate((center) => {
      const [place, box] = [gridkeeper.map.project(center as [number, number]), gridkeeper.map.getContainer().getBoundingClientRect()];
      return { x: place.x + box.x, y: place.y + box.y };
    }, grid.inside);
    await page.mouse.click(at.x, at.y);
    await expect.poll(() => code().textContent()).toBe(grid.code);
    const path = await card().locator('.path').textContent();
    for (const level of ['区县', '街道乡镇', '社区村', '网格']) expect(path).toContain(level);
    expect(await card().textContent()).toMatch(/距边界\s*[\d.]+ k?m/);
    await idle(page);
    for (const layer of ['unit-line', 'way-line', 'position', 'incidents']) {
      expect(await page.evaluate((layer) => gridkeeper.map.queryRenderedFeatures({ layers: [layer] }).length, layer), layer).toBeGreaterThan(0);
    }
  });

  it('draws the way to the border as long as the service says it is', async () => {
    const grid = await someGrid();
    const answer = await json<{ distance_to_border_m: number }>(`/v1/locate?lon=${grid.inside[0]}&lat=${grid.inside[1]}`);
    const [lon, lat] = nearestOnBorder(grid.feature.geometry, grid.inside)!;
    const [dx, dy] = [(lon! - grid.inside[0]) * Math.cos((lat! * Math.PI) / 180), lat! - grid.inside[1]];
    // The drawing measures on a sphere, the service on the ellipsoid.
    expect(Math.hypot(dx, dy) * 111_320).toBeCloseTo(answer.distance_to_border_m, answer.distance_to_border_m > 100 ? -1 : 0);
  });

  it('tells departments and due time of a category, and keeps all of it in the address', async () => {
    await page.selectOption('#category', 'E0110');
    await expect.poll(() => card().textContent()).toContain('处置单位');
    expect(await card().locator('.departments li').count()).toBeGreaterThan(0);
    expect(await card().textContent()).toContain('截止');
    expect(page.url()).toContain('category=E0110');
    await picture(page, 'lookup');
    const again = await desktop.open(`${page.url().split('/app/')[1]}&key=${service.key}`);
    await expect.poll(() => code(again).textContent()).toBe(await code().textContent());
    expect(await card(again).textContent()).toContain('截止');
    expect(again.url()).not.toContain('gk_');
    await again.context().close();
    await page.selectOption('#category', '');
  });

  it('answers as of an older generation, by a slider that the keyboard moves', async () => {
    await page.focus('#as-of');
    await page.keyboard.press('ArrowLeft');
    // The generation before had no grids yet, so a community answers.
    await expect.poll(() => code().textContent()).toMatch(/^431102\d{6}$/);
    expect(page.url()).toContain('generation=3');
    expect(await page.locator('.slider output').textContent()).toContain('第 3 版');
    expect(await page.evaluate(() => (gridkeeper.map.getSource('boundaries') as unknown as { tiles: string[] }).tiles[0])).toContain('generation=3');
    await page.keyboard.press('End');
    await expect.poll(() => code().textContent()).toMatch(/^431102\d{9}$/);
    expect(page.url()).not.toContain('generation');
  });

  it('answers typed coordinates in other systems as those in WGS 84', async () => {
    const grid = await someGrid();
    const [lon, lat] = shiftPosition(grid.inside, 'gcj02');
    await page.fill('#crs', 'GCJ02');
    await type(page, `${lon!.toFixed(7)}, ${lat!.toFixed(7)}`);
    await expect.poll(() => card().textContent()).toContain(`${grid.inside[0].toFixed(6)}, ${grid.inside[1].toFixed(6)}`);
    expect(await code().textContent()).toBe(grid.code);
    await page.fill('#crs', '');
    await type(page, '557000 2901000');
    await expect.poll(() => card().textContent()).toContain('请先选坐标系');
    await page.fill('#crs', 'EPSG:4546');
    await type(page, '561800 2901000');
    await expect.poll(() => code().textContent()).toMatch(/^431102/);
    await page.fill('#crs', '');
  });

  it('finds a code, of a grid or of a coarser unit, a name, and says where there is none', async () => {
    const grid = await someGrid();
    await type(page, grid.code);
    await expect.poll(() => code().textContent()).toBe(grid.code);
    const street = grid.code.slice(0, 9);
    await type(page, street);
    await expect.poll(() => code().textContent()).toBe(street);
    expect(await card().locator('.holder .phone').count()).toBeGreaterThan(0);
    await type(page, grid.name);
    await expect.poll(() => code().textContent()).toBe(grid.code);
    await type(page, '社区');
    await expect.poll(() => card().locator('.choice').count()).toBeGreaterThan(2);
    await card().locator('.choice').first().click();
    await expect.poll(() => code().count()).toBe(1);
    await type(page, 'X1');
    await expect.poll(() => card().textContent()).toContain('没有编码 X1');
  });

  it('keeps a coarser unit in the address, and answers about it by a category too', async () => {
    const street = (await someGrid()).code.slice(0, 9);
    await type(page, street);
    await expect.poll(() => code().textContent()).toBe(street);
    expect(page.url()).toContain('level=street');
    await page.selectOption('#category', 'E0110');
    await expect.poll(() => card().textContent()).toContain('处置单位');
    expect(await code().textContent()).toBe(street);
    const again = await desktop.open(`${page.url().split('/app/')[1]}&key=${service.key}`);
    await expect.poll(() => code(again).textContent()).toBe(street);
    await again.context().close();
    await page.selectOption('#category', '');
  });

  it('goes back from place to place, and not through what was only asked anew of one', async () => {
    const other = await desktop.open(`#key=${service.key}`);
    const { features } = await json<FeatureCollection>('/collections/grid/items?limit=40');
    const [first, second] = [features[25]!, features[30]!].map(({ properties }) => String(properties!.code)) as [string, string];
    await type(other, first);
    await expect.poll(() => code(other).textContent()).toBe(first);
    await other.selectOption('#category', 'E0110');
    await expect.poll(() => card(other).textContent()).toContain('处置单位');
    await type(other, second);
    await expect.poll(() => code(other).textContent()).toBe(second);
    await other.focus('#as-of');
    await other.keyboard.press('ArrowLeft');
    await expect.poll(() => other.url()).toContain('generation=3');
    await other.keyboard.press('End');
    await expect.poll(() => code(other).textContent()).toBe(second);
    await other.selectOption('#category', '');
    await expect.poll(() => other.url()).not.toContain('category');
    await other.goBack();
    await expect.poll(() => code(other).textContent()).toBe(first);
    expect(await other.inputValue('#category')).toBe('E0110');
    await other.goBack();
    await expect.poll(() => card(other).count()).toBe(0);
    expect(other.url()).toContain('/app/');
    await other.goForward();
    await expect.poll(() => code(other).textContent()).toBe(first);
    await other.goForward();
    await expect.poll(() => code(other).textContent()).toBe(second);
    // Another desk between does not lose it.
    await other.click('#bar nav a[href="#/citizen"]');
    await expect.poll(() => code(other).count()).toBe(0);
    await other.goBack();
    await expect.poll(() => code(other).textContent()).toBe(second);
    await other.context().close();
  });

  it('finds an address, and lists what may be meant where several places have it', async () => {
    const { features } = await json<FeatureCollection>('/collections/grid/items?limit=60');
    const [alone, first, second] = [25, 40, 55].map((at) => features[at]!) as [Feature, Feature, Feature];
    loadAddresses(service, [insideOf(alone.geometry)!, insideOf(first.geometry)!, insideOf(second.geometry)!]);
    await type(page, '芝山路十二号');
    await expect.poll(() => page.locator('#answer-note').textContent()).toContain('按地址：徐家井芝山路12号');
    expect(await code().textContent()).toBe(alone.properties!.code);
    await type(page, '解放路5号');
    await expect.poll(() => card().locator('.candidates .choice').allTextContents()).toHaveLength(2);
    expect(await card().textContent()).toContain('2 个可能的地址，请选一个');
    await expectAccessible(page);
    await picture(page, 'lookup-addresses');
    // By keyboard: down into the list, down to the second, Enter.
    await page.press('#query', 'ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await expect.poll(() => code().textContent()).toBe(second.properties!.code);
    await page.click('#language');
    expect(await page.locator('#answer-note').textContent()).toContain('By the address 朝阳解放路5号');
    await page.click('#language');
    // Who shows no key is asked for none: names are found, addresses are not.
    const other = await desktop.open('');
    await type(other, '芝山路12号');
    await expect.poll(() => card(other).textContent()).toContain('没有编码 芝山路12号');
    await other.context().close();
  });

  it('says that a position lies outside, and speaks English at a press, also on the card that stands', async () => {
    await type(page, '0, 0');
    await expect.poll(() => card().textContent()).toContain('不在任何网格内');
    expect(await card().textContent()).toContain('最近的网格');
    await page.click('#language');
    await expect.poll(() => page.locator('html').getAttribute('lang')).toBe('en');
    expect(await card().textContent()).toContain('Nearest grid');
    await expectAccessible(page);
    await page.click('#language');
    expect(await card().textContent()).toContain('最近的网格');
    await expectAccessible(page);
  });

  it('shows a caller without a key the post only, on a phone, asked by keyboard', async () => {
    const grid = await someGrid();
    const phone = await desktop.open('', { ...PHONE, locale: 'en-GB' });
    await idle(phone);
    expect(await phone.locator('html').getAttribute('lang')).toBe('en');
    await phone.evaluate((center) => gridkeeper.map.jumpTo({ center: center as [number, number], zoom: 15 }), grid.inside);
    await phone.locator('#map canvas').focus();
    await phone.keyboard.press('Enter');
    await expect.poll(() => code(phone).textContent()).toBe(grid.code);
    expect(await phone.locator('.phone').count()).toBe(0);
    expect(await phone.locator('#cases-switch').count()).toBe(0);
    await expectFits(phone);
    await idle(phone);
    await picture(phone, 'lookup-phone-en');
    await expectAccessible(phone);
    await phone.context().close();
  });
});

describe('signing in', () => {
  it('takes a key, says whose it is, and forgets it again', async () => {
    const other = await desktop.open('', { locale: 'en-GB' });
    await other.click('#account');
    await other.fill('#key', service.key);
    await expectAccessible(other);
    await other.press('#key', 'Enter');
    await expect.poll(() => other.locator('#account').textContent()).toBe('Dispatcher');
    await other.click('#account');
    await other.click('#sign-out');
    await expect.poll(() => other.locator('#account').textContent()).toBe('Sign in');
    await other.context().close();
  });

  it('forgets a key that is not taken, and says so', async () => {
    const other = await desktop.open('#key=gk_wrong');
    await expect.poll(() => other.locator('#panel').textContent()).toContain('密钥无效');
    await expect.poll(() => other.locator('#account').textContent()).toBe('登录');
    await other.context().close();
  });
});

describe('a table', () => {
  // More rows than one part, one of them of no use and one outside, in GBK with Chinese heads.
  async function table(): Promise<string> {
    const lines = readFileSync(join(service.folder, 'incidents.csv'), 'utf8').trim().split('\n');
    const rows = Array.from({ length: 2500 }, (_, at) => lines[1 + (at % (lines.length - 1))]!.split(',').slice(0, 3));
    rows[7] = ['bad', 'here', 'there'];
    rows[8] = ['far', '0', '0'];
    return ['id,lon,lat', ...rows.map((row) => row.join(','))].join('\n');
  }

  it('is assigned with progress, seen on the map, and taken away as CSV and as a workbook', async () => {
    const file = join(service.folder, 'hotline.csv');
    writeFileSync(file, await table());
    await page.click('.tabs a:last-child');
    await page.setInputFiles('#table-file', file);
    await expect.poll(() => page.locator('#batch').textContent()).toContain('2,500 行');
    await expectAccessible(page);
    await page.click('#assign');
    await expect.poll(() => page.locator('#batch-said').textContent(), { timeout: 60_000 }).toMatch(/完成/);
    expect(await page.locator('#batch-said').textContent()).toContain('1 行不在网格内，1 行无法读取');
    await idle(page);
    expect(await page.evaluate(() => gridkeeper.map.queryRenderedFeatures({ layers: ['rows'] }).length)).toBeGreaterThan(50);
    await picture(page, 'lookup-table');
    const [csv] = await Promise.all([page.waitForEvent('download'), page.click('#save-csv')]);
    const lines = readFileSync((await csv.path())!, 'utf8').split('\r\n');
    expect(lines).toHaveLength(2501);
    expect(lines[0]).toBe('\uFEFFid,lon,lat,grid_code,grid_name,worker_id,status,distance_to_border_m,ambiguous,error');
    const [id, lon, lat, grid, , worker, status, distance] = lines[1]!.split(',');
    expect([id, status]).toEqual(['I0000001', 'inside']);
    const single = await json<{ grid: { code: string }; distance_to_border_m: number }>(`/v1/locate?lon=${lon}&lat=${lat}`);
    expect(grid).toBe(single.grid.code);
    expect(Number(distance)).toBeCloseTo(single.distance_to_border_m, 2);
    expect(worker).toMatch(/^W\d+$/);
    const [book] = await Promise.all([page.waitForEvent('download'), page.click('#save-xlsx')]);
    const cells = await readWorkbook((await book.path())!);
    expect(cells).toHaveLength(2501);
    expect(cells[1]!.slice(0, 4)).toEqual(['I0000001', Number(lon), Number(lat), grid]);
  });

  it('may be a workbook', async () => {
    const [book] = await Promise.all([page.waitForEvent('download'), page.click('#save-xlsx')]);
    await page.locator('#batch button.quiet').click();
    await page.setInputFiles('#table-file', { name: 'again.xlsx', mimeType: 'application/zip', buffer: readFileSync((await book.path())!) });
    await expect.poll(() => page.locator('#batch').textContent()).toContain('again · 2,500 行');
    expect(await page.inputValue('#column-lon')).toBe('1');
  });
});

describe('the map', () => {
  it('names its buttons in the language of the page, before the browser has told whether a place can be had', async () => {
    const other = await desktop.open('');
    // A browser that is slow to answer, as on a busy machine.
    await other.context().addInitScript(() => Object.assign(navigator.permissions, { query: () => new Promise(() => undefined) }));
    await other.reload();
    await idle(other);
    const name = (button: string) => other.locator(`.maplibregl-ctrl-${button}`).getAttribute('aria-label');
    expect([await name('geolocate'), await name('zoom-in'), await name('zoom-out')]).toEqual(['我的位置', '放大', '缩小']);
    await expectAccessible(other);
    await other.click('#language');
    expect(await name('geolocate')).toBe('Find my location');
    await other.context().close();
  });
});

describe('the console', () => {
  it('asked nobody else, broke no policy and complained of nothing', () => {
    expect(desktop.elsewhere).toEqual([]);
    expect(desktop.complaints).toEqual([]);
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
    for (const name of ['maplibre-gl', 'pmtiles', '@mapbox/tiny-sdf', 'preact', 'openapi-fetch', 'papaparse']) expect(licences).toContain(name);
  });
});
