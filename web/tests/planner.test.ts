// The planner's desk: every stroke is the service's to take or refuse, and what is shown is what it has.
import type { Feature, FeatureCollection, Position } from 'geojson';
import { fileURLToPath } from 'node:url';
import type { GeoJSONSource } from 'maplibre-gl';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { boundsOf, insideOf, ringsOf } from '../src/map/geometry';
import { Desktop, PHONE, drawOn, expectAccessible, expectFits, idle, picture } from './browser';
import { type Service, startService } from './service';

let service: Service;
let desktop: Desktop;
let page: Page;
let planner: string;
let second: string;
let id: string;

interface Told {
  revision: number;
  state: string;
  metrics: { levels: { level: string; units: number }[]; changed: Record<string, number> };
}

async function ask<T>(path: string): Promise<T> {
  const response = await fetch(service.base + path, { headers: { Authorization: `Bearer ${planner}` } });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json() as Promise<T>;
}

const draftNow = (): Promise<Told> => ask(`/v1/drafts/${id}`);
const unitsNow = async (codes = ''): Promise<Feature[]> => (await ask<FeatureCollection>(`/v1/drafts/${id}/units?level=grid&limit=10000${codes && `&codes=${codes}`}`)).features;
const said = () => page.locator('#said').textContent();

/** Where a place of the world is on the screen. */
async function onScreen(at: Position): Promise<{ x: number; y: number }> {
  return page.evaluate((at) => {
    const [place, box] = [gridkeeper.map.project(at as [number, number]), gridkeeper.map.getContainer().getBoundingClientRect()];
    return { x: place.x + box.x, y: place.y + box.y };
  }, at);
}

async function look(unit: Feature): Promise<void> {
  const bounds = boundsOf(unit.geometry)!;
  await page.evaluate((bounds) => gridkeeper.map.fitBounds(bounds, { padding: 120, duration: 0 }), bounds);
  await idle(page);
}

const drag = (way: Position[]): Promise<void> => drawOn(page, way);

/** Waits until the draft has gone on, and says how the page tells of it. */
async function afterStroke(revision: number): Promise<string> {
  await expect.poll(async () => (await draftNow()).revision, { timeout: 30_000 }).toBe(revision + 1);
  await expect.poll(() => page.locator('#draft-head').textContent()).toContain(`第 ${revision + 1} 次修改`);
  return (await said()) ?? '';
}

beforeAll(async () => {
  service = await startService();
  const key = (note: string): string => /gk_\S+/.exec(service.run('key', 'create', '--role', 'planner', '--note', note))![0];
  [planner, second] = [key('first planner'), key('second planner')];
  while (!(await fetch(`${service.base}/v1/drafts`, { headers: { Authorization: `Bearer ${second}` } })).ok) await new Promise((done) => setTimeout(done, 200));
  desktop = await Desktop.start(service);
  page = await desktop.open(`#/planner?key=${planner}`);
}, 300_000);

afterAll(async () => {
  await desktop?.close();
  await service?.stop();
});

describe('the planner’s desk', () => {
  it('begins a draft and shows its units and how even they are', async () => {
    await expectAccessible(page);
    await page.fill('#new-draft input[name=title]', '西片调整');
    await page.click('#new-draft button[type=submit]');
    await expect.poll(() => page.locator('#draft-head').textContent()).toContain('西片调整');
    id = new URLSearchParams(page.url().split('?')[1]).get('draft')!;
    await idle(page);
    await expect.poll(() => page.evaluate(() => gridkeeper.map.queryRenderedFeatures({ layers: ['draft-fill'] }).length)).toBeGreaterThan(20);
    const { metrics } = await draftNow();
    for (const { units } of metrics.levels) expect(await page.locator('#metrics').textContent()).toContain(units.toLocaleString('zh-CN'));
    await expectAccessible(page);
  });

  it('splits a unit by a line drawn across it, and takes it back', async () => {
    const before = await unitsNow();
    const unit = before[25]!;
    const code = String(unit.properties!.code);
    await look(unit);
    const [west, , east] = boundsOf(unit.geometry)!;
    const [, y = 0] = insideOf(unit.geometry)!;
    await page.click('[data-tool=split]');
    const { revision } = await draftNow();
    await drag([[west - (east - west) / 20, y], [(west + east) / 2, y], [east + (east - west) / 20, y]]);
    expect(await afterStroke(revision)).toMatch(/用一条线拆分 \d+（\d+ 毫秒）/);
    const split = await unitsNow();
    expect(split.length).toBeGreaterThan(before.length);
    expect(split.some(({ properties }) => properties!.code === code)).toBe(true);
    await expect.poll(() => page.locator('#changed').textContent()).toMatch(/新增 [1-9]/);
    await picture(page, 'planner');
    await page.click('#undo');
    expect(await afterStroke(revision + 1)).toContain('撤销上一步');
    expect(await unitsNow()).toHaveLength(before.length);
    await page.click('#redo');
    await afterStroke(revision + 2);
    await page.click('#undo');
    await afterStroke(revision + 3);
  });

  it('keeps the focus on a button that has nothing more to do', async () => {
    const focused = () => page.evaluate(() => document.activeElement?.id);
    const { revision } = await draftNow();
    for (const [at, button] of ['redo', 'undo'].entries()) {
      await page.focus(`#${button}`);
      await page.keyboard.press('Enter');
      await afterStroke(revision + at);
      expect([await page.locator(`#${button}`).isDisabled(), await focused()]).toEqual([true, button]);
    }
    // Pressed again it does nothing.
    await page.keyboard.press('Enter');
    await page.waitForTimeout(300);
    expect((await draftNow()).revision).toBe(revision + 2);
    expect(await said()).toContain('撤销上一步');
    await expectAccessible(page);
  });

  it('hands the map only the units that a step has changed', async () => {
    const codesOnMap = () => page.evaluate(async () => {
      const { features } = (await gridkeeper.map.getSource<GeoJSONSource>('units')!.getData()) as FeatureCollection;
      return features.map(({ properties }) => String(properties!.code)).sort();
    });
    const codesNow = async () => (await unitsNow()).map(({ properties }) => String(properties!.code)).sort();
    await idle(page);
    expect(await codesOnMap()).toEqual(await codesNow());
    await page.evaluate(() => {
      const handed: number[] = [];
      Object.assign(globalThis, { handed });
      const source = gridkeeper.map.getSource<GeoJSONSource>('units')!;
      const [set, update] = [source.setData.bind(source), source.updateData.bind(source)];
      source.setData = (data) => [handed.push((data as FeatureCollection).features.length), set(data)][1] as ReturnType<typeof set>;
      source.updateData = (diff) => [handed.push((diff.add?.length ?? 0) + (diff.remove?.length ?? 0)), update(diff)][1] as ReturnType<typeof update>;
    });
    const { revision } = await draftNow();
    for (const [at, button] of ['redo', 'undo'].entries()) {
      await page.click(`#${button}`);
      await afterStroke(revision + at);
      await idle(page);
      expect(await codesOnMap()).toEqual(await codesNow());
    }
    const handed = await page.evaluate(() => (globalThis as unknown as { handed: number[] }).handed);
    expect(handed).toHaveLength(2);
    for (const units of handed) expect(units).toBeLessThan(6);
  });

  it('shows the line under the pointer while it is drawn, without drawing the map anew at each step', async () => {
    const [unit] = await unitsNow().then((all) => all.slice(25));
    await look(unit!);
    await page.click('[data-tool=lasso]');
    const [west, south, east, north] = boundsOf(unit!.geometry)!;
    const way = await Promise.all([[west, north], [east, south], [west, south]].map(onScreen));
    await page.mouse.move(way[0]!.x, way[0]!.y);
    await idle(page);
    await page.evaluate(() => {
      Object.assign(globalThis, { renders: 0 });
      gridkeeper.map.on('render', () => void ((globalThis as unknown as { renders: number }).renders += 1));
    });
    await page.mouse.down();
    for (const { x, y } of way.slice(1)) await page.mouse.move(x, y, { steps: 8 });
    const [box, drawn] = await Promise.all([page.locator('#map').boundingBox(), page.locator('#map .stroke polyline').getAttribute('points')]);
    const points = drawn!.split(' ').map((point) => point.split(',').map(Number) as [number, number]);
    expect(points).toHaveLength(17);
    expect(Math.hypot(points.at(-1)![0] + box!.x - way[2]!.x, points.at(-1)![1] + box!.y - way[2]!.y)).toBeLessThan(2);
    expect(await page.evaluate(() => (globalThis as unknown as { renders: number }).renders)).toBeLessThan(3);
    await picture(page, 'planner-lasso');
    await page.mouse.up();
    await expect.poll(() => page.locator('#map .stroke polyline').getAttribute('points')).toBe('');
    await page.locator('.tools-box button.quiet').click();
  });

  it('splits a unit by the keyboard, whose pointer is the middle of the map', async () => {
    const before = await unitsNow();
    const unit = before[25]!;
    await look(unit);
    const [west, , east] = boundsOf(unit.geometry)!;
    const [, y = 0] = insideOf(unit.geometry)!;
    await page.click('[data-tool=split]');
    const { revision } = await draftNow();
    await page.locator('#map canvas').focus();
    for (const x of [west - (east - west) / 20, (west + east) / 2, east + (east - west) / 20]) {
      await page.evaluate((center) => void gridkeeper.map.jumpTo({ center: center as [number, number] }), [x, y]);
      await page.keyboard.press('Enter');
    }
    expect(await page.locator('#corners-set').textContent()).toContain('3');
    await expectAccessible(page);
    await page.keyboard.press('Shift+Enter');
    await afterStroke(revision);
    expect((await unitsNow()).length).toBeGreaterThan(before.length);
    await page.click('#undo');
    await afterStroke(revision + 1);
  });

  it('splits a unit by a line drawn before it has come, and says where a line splits none', async () => {
    const unit = (await unitsNow())[25]!;
    const [west, south, east, north] = boundsOf(unit.geometry)!;
    const [, y = 0] = insideOf(unit.geometry)!;
    const early = await desktop.open(`#/planner?key=${planner}`, { locale: 'en-GB' });
    let held: () => void = () => undefined;
    const isHeld = new Promise<void>((go) => (held = go));
    await early.route(/\/v1\/drafts\/[^/]+\/units\?/, async (route) => {
      await isHeld;
      await route.continue();
    });
    await early.fill('#new-draft input[name=title]', 'early');
    await early.click('#new-draft button[type=submit]');
    await expect.poll(() => early.locator('#loading-units').textContent()).toMatch(/^0 of \d/);
    await idle(early);
    await early.evaluate((bounds) => void gridkeeper.map.fitBounds(bounds, { padding: 120, duration: 0 }), [west, south, east, north] as [number, number, number, number]);
    await idle(early);
    await early.click('[data-tool=split]');
    await drawOn(early, [[west - (east - west) / 20, y], [east + (east - west) / 20, y]]);
    held();
    await expect.poll(() => early.locator('#said').textContent()).toContain('split');
    await early.evaluate(() => void gridkeeper.map.jumpTo({ center: [0, 0] }));
    await drawOn(early, [[-0.01, 0], [0.01, 0]]);
    await expect.poll(() => early.locator('#said').textContent()).toContain('lies in no unit');
    await early.context().close();
  });

  it('moves a corner of a border, and its neighbours with it', async () => {
    const [unit] = await unitsNow().then((all) => all.slice(25));
    await look(unit!);
    const ring = ringsOf(unit!.geometry)[0]!;
    const inside = insideOf(unit!.geometry)!;
    await page.click('[data-tool=border]');
    await page.check('#with-parents');
    await idle(page);
    const { revision } = await draftNow();
    const from = ring[Math.floor(ring.length / 2)]!;
    // A little towards the middle: the unit becomes smaller, and a neighbour larger.
    const to: Position = [from[0]! + (inside[0]! - from[0]!) * 0.08, from[1]! + (inside[1]! - from[1]!) * 0.08];
    await drag([from, to]);
    await afterStroke(revision);
    const [fresh] = await unitsNow(String(unit!.properties!.code));
    expect(fresh!.properties!.area_m2).toBeLessThan(unit!.properties!.area_m2);
    const { problems } = await ask<{ problems: { kind: string }[] }>(`/v1/drafts/${id}/problems`);
    expect(problems.filter(({ kind }) => /gap|overlap/.test(kind))).toEqual([]);
  });

  it('moves a corner by the keyboard, and takes it back', async () => {
    const [unit] = await unitsNow().then((all) => all.slice(40));
    await look(unit!);
    await page.click('[data-tool=border]');
    await page.check('#with-parents');
    await idle(page);
    const { revision } = await draftNow();
    await page.locator('#map canvas').focus();
    await page.keyboard.press('Enter');
    for (let step = 0; step < 3; step += 1) await page.keyboard.press('Alt+ArrowRight');
    await page.keyboard.press('Enter');
    expect(await afterStroke(revision)).toContain('移动一个折点');
    await page.locator('#map canvas').focus();
    await page.keyboard.press('Control+z');
    expect(await afterStroke(revision + 1)).toContain('撤销上一步');
  });

  it('locks units, and refuses with the reason what would touch them', async () => {
    const unit = (await unitsNow())[25]!;
    const code = String(unit.properties!.code);
    await page.click('[data-tool=select]');
    await page.fill('.tools-box input[name=codes]', code);
    await page.press('.tools-box input[name=codes]', 'Enter');
    await expect.poll(() => page.locator('#chosen-count').textContent()).toContain('1');
    let { revision } = await draftNow();
    await page.click('#lock');
    await afterStroke(revision);
    await look(unit);
    const [west, , east] = boundsOf(unit.geometry)!;
    const [, y = 0] = insideOf(unit.geometry)!;
    await page.click('[data-tool=split]');
    ({ revision } = await draftNow());
    await drag([[west - (east - west) / 20, y], [east + (east - west) / 20, y]]);
    await expect.poll(said).toContain(`不能这样改：grid ${code} 已锁定。先解锁，或不要改它`);
    expect((await draftNow()).revision).toBe(revision);
    await page.click('#undo');
    await afterStroke(revision);
  });

  it('gathers units with the lasso, merges them, and gives units to another parent with the brush', async () => {
    const all = await unitsNow();
    const unit = all[25]!;
    const siblings = await ask<FeatureCollection>(`/collections/grid/items/${String(unit.properties!.code)}/touches?limit=50`);
    const sibling = siblings.features.find(({ properties }) => properties!.parent === unit.properties!.parent);
    const pair = [unit, sibling ?? unit];
    await look(together(pair));
    await page.click('.tools-box .quiet').catch(() => undefined);
    await page.click('[data-tool=lasso]');
    await idle(page);
    const [a, b] = pair.map(({ geometry }) => insideOf(geometry)!) as [Position, Position];
    const room = 0.0004;
    const [w, s, e, n] = [Math.min(a[0]!, b[0]!) - room, Math.min(a[1]!, b[1]!) - room, Math.max(a[0]!, b[0]!) + room, Math.max(a[1]!, b[1]!) + room];
    await drag([[w, s], [e, s], [e, n], [w, n], [w, s]]);
    await expect.poll(() => page.locator('#chosen-count').textContent()).toMatch(/[1-9]/);
    if (sibling) {
      await page.locator('.tools-box button.quiet').click();
      await page.fill('.tools-box input[name=codes]', pair.map(({ properties }) => properties!.code).join(', '));
      await page.press('.tools-box input[name=codes]', 'Enter');
      const { revision } = await draftNow();
      await page.click('#merge');
      await afterStroke(revision);
      expect(await unitsNow()).toHaveLength(all.length - 1);
      await page.click('#undo');
      await afterStroke(revision + 1);
    }
    // A unit at the edge of its parent goes to the parent beside it.
    const edge = await findEdge(await unitsNow());
    await look(edge.unit);
    await page.locator('.tools-box button.quiet').click({ timeout: 2_000 }).catch(() => undefined);
    await page.click('[data-tool=brush]');
    await page.selectOption('#target', edge.to);
    const { revision } = await draftNow();
    const at = insideOf(edge.unit.geometry)!;
    const before = await said();
    await drag([at, [at[0]! + 1e-6, at[1]!]]);
    await expect.poll(said).not.toBe(before);
    await expect.poll(said).toMatch(/毫秒|不能这样改/);
    if ((await said())!.includes('毫秒')) {
      expect((await unitsNow(String(edge.unit.properties!.code)))[0]?.properties!.parent ?? edge.to).toBe(edge.to);
      expect((await draftNow()).revision).toBe(revision + 1);
    } else {
      // What is refused leaves the draft as it was.
      expect((await draftNow()).revision).toBe(revision);
    }
  });

  it('shares workers out by load, and says what other numbers would come to', async () => {
    await page.fill('#staffing input[name=load]', '面积');
    await page.fill('#staffing input[name=what_if]', '40..60/10');
    await page.click('#ask-staffing');
    await expect.poll(() => page.locator('#staffing-table tbody tr').count()).toBeGreaterThan(2);
    const told = await ask<{ parents: { parent: string; workers: number }[]; what_if: { workers: number }[] }>(`/v1/drafts/${id}/staffing?load=${encodeURIComponent('面积')}&what_if=40..60/10`);
    for (const { parent, workers } of told.parents) expect(await page.locator('#staffing-table tbody tr', { hasText: parent }).textContent()).toContain(String(workers));
    expect(await page.locator('#what-if li').count()).toBe(told.what_if.length);
    const [csv] = await Promise.all([page.waitForEvent('download'), page.locator('#staffing-table button.quiet').click()]);
    expect(csv.suggestedFilename()).toBe(`staffing-${id}.csv`);
    await expectAccessible(page);
  });

  it('looks for a plan that is more even, stops at a word, and takes it as one step that can be taken back', async () => {
    const { revision } = await draftNow();
    const before = await unitsNow();
    // As long as is allowed, so that it can be stopped.
    await page.fill('#balance input[name=load]', '面积');
    await page.fill('#balance input[name=seconds]', '600');
    await page.click('#begin-balance');
    await page.locator('#balance-progress progress').waitFor();
    await page.click('#stop-balance');
    await page.locator('#plan').waitFor({ timeout: 30_000 });
    expect(await page.locator('#plan').textContent()).toContain('提前停止');
    // The draft is as it was.
    expect((await draftNow()).revision).toBe(revision);
    await page.fill('#balance input[name=seconds]', '');
    await page.click('#begin-balance');
    await page.locator('#plan').waitFor({ timeout: 60_000 });
    const cells = await page.locator('#plan tbody tr').first().locator('td.figure').allTextContents();
    const [today, planned] = cells.map((cell) => Number.parseFloat(cell.replace(/[,%]/g, '')));
    expect(planned).toBeLessThan(today!);
    expect(await page.locator('#moves li').count()).toBeGreaterThan(0);
    await page.locator('#moves button').first().click();
    await expect.poll(() => page.locator('#chosen-count').textContent()).toMatch(/[1-9]/);
    await expectAccessible(page);
    await page.selectOption('#colour', 'parent');
    await look(together(before));
    await page.locator('#balance').scrollIntoViewIfNeeded();
    await picture(page, 'planner-balance');
    await page.click('#take-plan');
    await afterStroke(revision);
    const parents = (all: Feature[]): string => all.map(({ properties }) => `${String(properties!.code)} ${String(properties!.parent)}`).sort().join();
    expect(parents(await unitsNow())).not.toBe(parents(before));
    expect(await page.locator('#plan').count()).toBe(0);
    await page.click('#undo');
    await afterStroke(revision + 1);
    expect(parents(await unitsNow())).toBe(parents(before));
    await page.click('#redo');
    await afterStroke(revision + 2);
  });

  it('says once that something cannot be done, also where the reason is not known in the language of the page', async () => {
    const problem = { type: 'urn:gridkeeper:problem:edit-refused', title: 'The operation is refused, and the draft is as before', status: 422, detail: 'a new rule would be broken; do something else', remedy: 'do something else' };
    const refuse = (path: string) => page.route(path, (route) => route.fulfill({ status: 422, contentType: 'application/problem+json', body: JSON.stringify(problem) }), { times: 1 });
    const times = async (): Promise<number> => (await page.locator('.planner').textContent())!.split('不能这样改').length - 1;
    await refuse('**/operations/last');
    await page.click('#undo');
    await expect.poll(said).toBe('不能这样改：a new rule would be broken。do something else');
    expect(await times()).toBe(1);
    const { revision } = await draftNow();
    await page.click('#undo');
    await afterStroke(revision);
    await page.click('#redo');
    await afterStroke(revision + 1);
    expect(await times()).toBe(0);
    await refuse('**/balance');
    await page.click('#begin-balance');
    await expect.poll(() => page.locator('#balance .notice').textContent()).toBe('不能这样改：a new rule would be broken。do something else');
    expect(await times()).toBe(1);
  });

  it('asks for bounds on both sides, a seed, and borders along given lines', async () => {
    await page.locator('#balance-bounds summary').click();
    await page.fill('#balance input[name=at_least]', 'units:1');
    await page.fill('#balance input[name=at_most]', 'units:900');
    await page.fill('#balance input[name=floor]', '1');
    await page.fill('#balance input[name=seed]', '7');
    await page.setInputFiles('#balance input[name=wishes]', { name: 'roads.geojson', mimeType: 'application/geo+json', buffer: Buffer.from('not yet') });
    await page.click('#begin-balance');
    await page.locator('#balance .notice').waitFor();
    expect(await page.locator('#balance .notice').textContent()).toContain('不是 JSON');
    const [first] = await unitsNow();
    const [west, south, east, north] = boundsOf(first!.geometry)!;
    const road = { type: 'Feature', properties: {}, geometry: { type: 'LineString', coordinates: [[west, south], [east, north]] } };
    await page.setInputFiles('#balance input[name=wishes]', { name: 'roads.geojson', mimeType: 'application/geo+json', buffer: Buffer.from(JSON.stringify({ type: 'FeatureCollection', features: [road] })) });
    const [asked] = await Promise.all([page.waitForRequest((request) => request.url().endsWith(`/v1/drafts/${id}/balance`)), page.click('#begin-balance')]);
    expect(asked.postDataJSON()).toMatchObject({ at_least: 'units:1', at_most: 'units:900', floor: 1, seed: 7, wishes: { features: [road] } });
    await page.locator('#plan').waitFor({ timeout: 60_000 });
    await expectAccessible(page);
    await page.locator('#plan button.quiet').click();
    await page.locator('#balance-bounds summary').click();
  });

  it('has all units on the map however many pages they come in, and says how many are there while they do', async () => {
    const paged = await desktop.open(`#/planner?key=${planner}`, { locale: 'en-GB' });
    let held: () => void = () => undefined;
    const isHeld = new Promise<void>((go) => (held = go));
    await paged.route(/\/v1\/drafts\/[^/]+\/units\?/, async (route) => {
      // Pages of fifty, the second of which waits.
      const url = new URL(route.request().url());
      if (url.searchParams.has('after')) await isHeld;
      url.searchParams.set('limit', '50');
      await route.continue({ url: url.toString() });
    });
    await paged.evaluate((hash) => void (location.hash = hash), `#/planner?draft=${id}`);
    const all = await unitsNow();
    expect(all.length).toBeGreaterThan(100);
    await expect.poll(() => paged.locator('#loading-units').textContent()).toContain(`50 of ${all.length}`);
    held();
    await expect.poll(() => paged.locator('#loading-units').count()).toBe(0);
    const last = String(all.at(-1)!.properties!.code);
    await paged.fill('.tools-box input[name=codes]', last);
    await paged.press('.tools-box input[name=codes]', 'Enter');
    await expect.poll(() => paged.locator('#chosen-count').textContent()).toContain('1');
    await paged.context().close();
  });

  it('lists where keepers say that a border is wrong, shows it on the map, and settles it with an answer', async () => {
    const [lon, lat] = insideOf((await unitsNow())[25]!.geometry)!;
    const told = await fetch(`${service.base}/v1/border-reports`, { method: 'POST', headers: { Authorization: `Bearer ${service.key}`, 'Content-Type': 'application/json' }, body: JSON.stringify({ lon, lat, description: '界线应沿水沟' }) });
    expect(told.status).toBe(201);
    const other = await desktop.open(`#/planner?key=${planner}`);
    await expect.poll(() => other.locator('#border-reports').textContent()).toContain('界线应沿水沟');
    await idle(other);
    await other.locator('#border-reports li .code').click();
    await idle(other);
    expect(await other.evaluate(() => gridkeeper.map.queryRenderedFeatures({ layers: ['border-reports'] }).length)).toBe(1);
    await other.locator('#border-reports li .quiet').click();
    await other.fill('#border-reports textarea', '已按水沟改正');
    await expectAccessible(other);
    await picture(other, 'planner-reports');
    await other.locator('#border-reports form button[type=submit]').click();
    await expect.poll(() => other.locator('#border-reports li').count()).toBe(0);
    await other.click('#language');
    await other.locator('#border-reports input[type=checkbox]').check();
    await expect.poll(() => other.locator('#border-reports').textContent()).toContain('settled');
    await other.context().close();
  });

  it('is printed with a map of today and one of the draft', async () => {
    await page.evaluate(() => Object.assign(globalThis, { print: () => void ((globalThis as { printed?: number }).printed = 1) }));
    await page.click('#print');
    await page.waitForFunction(() => (globalThis as { printed?: number }).printed === 1);
    await page.emulateMedia({ media: 'print' });
    const pictures = page.locator('.printed-maps img');
    expect(new Set(await pictures.evaluateAll((all) => all.map((one) => (one as HTMLImageElement).src))).size).toBe(2);
    const maps = await pictures.evaluateAll((all) => all.map((one) => [(one as HTMLImageElement).naturalWidth, (one as HTMLImageElement).src.length]));
    expect(maps).toHaveLength(2);
    for (const [width, bytes] of maps) expect([width! > 300, bytes! > 5_000]).toEqual([true, true]);
    expect(await page.locator('.printed-maps img').first().isVisible()).toBe(true);
    // The line that must stand on every map stands on these too.
    for (const line of await page.locator('.printed-maps figcaption').allTextContents()) expect(line).toMatch(/示例数据，非真实边界.*审图号：示例/);
    expect(await page.locator('#comparison tbody tr').count()).toBeGreaterThan(0);
    await page.screenshot({ path: fileURLToPath(new URL('../../target/screenshots/planner-printed.png', import.meta.url)), fullPage: true });
    await page.emulateMedia({ media: 'screen' });
    await page.evaluate(() => void dispatchEvent(new Event('afterprint')));
    expect(await page.locator('.printed-maps img').count()).toBe(0);
  });

  it('tells what changes hands, and is published only after a second person has approved it', async () => {
    await page.click('#compare');
    await expect.poll(() => page.locator('#comparison tbody tr').count()).toBeGreaterThan(0);
    const [printed] = await Promise.all([page.waitForEvent('download'), page.click('#print-page')]);
    expect(printed.suggestedFilename()).toBe(`draft-${id}.html`);
    expect(await page.locator('#publish').isDisabled()).toBe(true);
    await page.click('#approve');
    await expect.poll(said).toContain('不能这样改');
    const other = await desktop.open(`#/planner?draft=${id}&key=${second}`, { locale: 'en-GB' });
    await other.locator('#approve').waitFor();
    await expectAccessible(other);
    await other.click('#approve');
    await expect.poll(() => other.locator('#approval').textContent()).toContain('Approved by');
    await other.locator('#approval').scrollIntoViewIfNeeded();
    await picture(other, 'planner-approval-en');
    // For a day, with a post that goes along; what is no unit is refused with its name.
    await other.check('#approval input[name=unheld]');
    await other.fill('#approval input[name=effective]', '2099-01-01');
    const { from, to } = await post();
    await other.fill('#approval textarea[name=moves]', `${from}`);
    await other.click('#publish');
    await expect.poll(() => other.locator('#said').textContent()).toContain('is no pair of codes');
    await other.fill('#approval textarea[name=moves]', `${from} ${to}x`);
    await other.click('#publish');
    await expect.poll(() => other.locator('#said').textContent(), { timeout: 60_000 }).toContain('no unit of the draft');
    await other.fill('#approval textarea[name=moves]', `${from} ${to}\n`);
    await other.click('#publish');
    await expect.poll(() => other.locator('#approval').textContent(), { timeout: 60_000 }).toContain('Published as generation');
    const published = await ask<Told & { published_as: number }>(`/v1/drafts/${id}`);
    expect(published.state).toBe('published');
    const { generations } = await ask<{ generations: { generation: number; effective_from: string }[] }>('/v1/generations');
    expect(generations.find(({ generation }) => generation === published.published_as)?.effective_from).toBe('2098-12-31T16:00:00Z');
    await other.context().close();
  });

  it('fits a phone', async () => {
    const phone = await desktop.open(`#/planner?draft=${id}&key=${planner}`, { ...PHONE, locale: 'en-GB' });
    await phone.locator('#metrics').waitFor();
    await expectFits(phone);
    await expectAccessible(phone);
    await phone.context().close();
  });

  it('complained of nothing', () => {
    expect(desktop.elsewhere).toEqual([]);
    expect(desktop.complaints).toEqual([]);
  });
});

/** A unit of the finest level at which somebody has a post of their own, and one to which that can go. */
async function post(): Promise<{ from: string; to: string }> {
  const codes = (await unitsNow()).map(({ properties }) => String(properties!.code));
  const { features } = await ask<FeatureCollection>('/collections/roster/items?limit=1000');
  const from = features.map(({ properties }) => String(properties!.unit)).find((unit) => codes.includes(unit));
  const to = codes.find((code) => code !== from);
  if (!from || !to) throw new Error('nobody has a post in the sample');
  return { from, to };
}

/** Units as one feature, to be looked at together. */
function together(units: Feature[]): Feature {
  const coordinates = units.flatMap(({ geometry }) => (geometry.type === 'MultiPolygon' ? geometry.coordinates : geometry.type === 'Polygon' ? [geometry.coordinates] : []));
  return { type: 'Feature', properties: {}, geometry: { type: 'MultiPolygon', coordinates } };
}

/** A unit that touches one of another parent, and that parent. */
async function findEdge(all: Feature[]): Promise<{ unit: Feature; to: string }> {
  const siblings = new Map<string, number>();
  for (const { properties } of all) siblings.set(properties!.parent, (siblings.get(properties!.parent) ?? 0) + 1);
  for (const unit of all) {
    // A parent that would be left with nothing is not emptied.
    if ((siblings.get(unit.properties!.parent) ?? 0) < 2) continue;
    const around = await ask<FeatureCollection>(`/collections/grid/items/${String(unit.properties!.code)}/touches?limit=20`);
    const other = around.features.find(({ properties }) => properties!.parent !== unit.properties!.parent);
    if (other) return { unit, to: String(other.properties!.parent) };
  }
  throw new Error('the sample has no unit at the edge of its parent');
}
