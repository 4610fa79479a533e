// The keeper's page on a phone, with a network and without.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Feature, FeatureCollection } from 'geojson';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insideOf } from '../src/map/geometry';
import { neighboursOf } from '../src/desks/keeper/neighbours';
import { Desktop, PHONE, expectAccessible, expectFits, idle, photo, picture } from './browser';
import { type Service, makeKey, startService } from './service';

let service: Service;
let desktop: Desktop;
let phone: Page;
let unit: Feature;
let key: string;
let at: [number, number];

async function ask<T>(path: string, method = 'GET', body?: unknown): Promise<T> {
  const response = await fetch(service.base + path, { method, headers: { Authorization: `Bearer ${service.key}`, 'Content-Type': 'application/json' }, ...(body ? { body: JSON.stringify(body) } : {}) });
  return response.json() as Promise<T>;
}

interface Photo { id: string; media_type: string; width: number; height: number }

const photosOf = async (id: string): Promise<Photo[]> => (await ask<{ photos: Photo[] }>(`/v1/incidents/${id}/photos`)).photos;

const code = (): string => String(unit.properties!.code);

beforeAll(async () => {
  service = await startService({ liveIncidents: 400, grids: 120 });
  // The grid with the most cases, so that there is something to walk to.
  const { incidents } = await ask<{ incidents: { grid: string }[] }>('/v1/incidents?open=true&limit=1000');
  const counts = new Map<string, number>();
  for (const { grid } of incidents) counts.set(grid, (counts.get(grid) ?? 0) + 1);
  const [busiest] = [...counts].filter(([, count]) => count > 2 && count < 40).sort((a, b) => b[1] - a[1])[0]!;
  unit = (await ask<FeatureCollection>(`/collections/grid/items?code=${busiest}`)).features[0]!;
  at = insideOf(unit.geometry) as [number, number];
  key = await makeKey(service, '--role', 'worker', '--scope', busiest, '--note', 'a keeper');
  desktop = await Desktop.start(service);
  phone = await desktop.open(`#/keeper?key=${key}`, { ...PHONE, geolocation: { longitude: at[0], latitude: at[1], accuracy: 5 }, permissions: ['geolocation'] });
}, 300_000);

afterAll(async () => {
  await desktop?.close();
  await service?.stop();
});

describe('the keeper’s page', () => {
  it('shows the grid, its border in words, and its cases in walking order', async () => {
    await expect.poll(() => phone.locator('.who').textContent()).toContain(code());
    const { incidents } = await ask<{ incidents: { id: string }[] }>(`/v1/incidents?open=true&grid=${code()}&limit=1000`);
    await expect.poll(() => phone.locator('#tasks li[data-task]').count()).toBe(incidents.length);
    const sides = await phone.locator('#border li').allTextContents();
    expect(sides.length).toBeGreaterThan(1);
    for (const side of sides) expect(side).toMatch(/^(东|南|西|北)+：与.+相邻，[\d.]+ k?m$/);
    await idle(phone);
    expect(await phone.evaluate(() => gridkeeper.map.queryRenderedFeatures({ layers: ['mine-line'] }).length)).toBeGreaterThan(0);
    await expectFits(phone);
    await expectAccessible(phone);
  });

  it('says whether one is inside, and which way home is', async () => {
    await phone.click('#am-inside');
    await expect.poll(() => phone.locator('.verdict').textContent()).toContain('在网格内');
    const told = await ask<{ distance_to_border_m: number }>(`/v1/locate?lon=${at[0]}&lat=${at[1]}`);
    const said = /距边界 ([\d.]+) (k?m)/.exec((await phone.locator('.verdict').textContent())!)!;
    const metres = Number(said[1]) * (said[2] === 'km' ? 1000 : 1);
    expect(Math.abs(metres - told.distance_to_border_m)).toBeLessThan(1 + told.distance_to_border_m / 10);
    await picture(phone, 'keeper-phone');
    // Far to the west, home is in the east.
    await phone.context().setGeolocation({ longitude: at[0] - 0.8, latitude: at[1], accuracy: 5 });
    await phone.waitForTimeout(10_500);
    await phone.click('#am-inside');
    await expect.poll(() => phone.locator('.verdict').textContent()).toMatch(/在网格外.*往.*东.*回到网格/);
    await phone.context().setGeolocation({ longitude: at[0], latitude: at[1], accuracy: 5 });
  });

  it('opens without a network, keeps what is reported with its photos, and sends it once when the network is back', async () => {
    await phone.waitForFunction(() => navigator.serviceWorker.ready.then((ready) => ready.active?.state === 'activated'));
    await phone.reload();
    await expect.poll(() => phone.locator('.who').textContent()).toContain(code());
    const before = (await ask<{ incidents: unknown[] }>(`/v1/incidents?grid=${code()}&limit=1000`)).incidents.length;
    await phone.context().setOffline(true);
    await phone.reload();
    await expect.poll(() => phone.locator('.who').textContent(), { timeout: 30_000 }).toContain(code());
    expect(await phone.locator('#panel').textContent()).toContain('离线：显示');
    expect(await phone.locator('#tasks li[data-task]').count()).toBeGreaterThan(0);
    await phone.click('#report');
    await phone.fill('#report-form input[name=place]', `${at[0]}, ${at[1]}`);
    await phone.selectOption('#report-form select[name=category]', 'E0112');
    await phone.fill('#report-form textarea', '没有网络时写下的');
    const pictures = phone.locator('#report-form .photos img');
    for (const [at, given] of [await photo(phone, 3000, 2000, '#884422'), await photo(phone, 600, 800, '#224488')].entries()) {
      await phone.setInputFiles('#report-form input[name=photo]', given);
      await expect.poll(() => pictures.count()).toBe(at + 1);
    }
    await phone.setInputFiles('#report-form input[name=photo]', { name: 'note.txt', mimeType: 'text/plain', buffer: Buffer.from('no picture') });
    await expect.poll(() => phone.locator('#report-form').textContent()).toContain('这个文件不是能打开的照片');
    await expectAccessible(phone);
    await expectFits(phone);
    await picture(phone, 'keeper-photos');
    await phone.click('#report-form button[type=submit]');
    await expect.poll(() => phone.locator('#outbox').textContent()).toContain('没有网络时写下的');
    expect(await phone.locator('#outbox').textContent()).toContain('照片 2 张');
    await picture(phone, 'keeper-offline');
    await phone.context().setOffline(false);
    await expect.poll(() => phone.locator('#outbox').count(), { timeout: 60_000 }).toBe(0);
    const { incidents } = await ask<{ incidents: { id: string; description: string; source: string }[] }>(`/v1/incidents?grid=${code()}&limit=1000`);
    expect(incidents).toHaveLength(before + 1);
    const taken = incidents.filter(({ description }) => description === '没有网络时写下的');
    expect(taken).toHaveLength(1);
    expect((await photosOf(taken[0]!.id)).map(({ media_type, width, height }) => [media_type, width, height])).toEqual([['image/jpeg', 1600, 1067], ['image/jpeg', 600, 800]]);
  });

  it('moves a case on', async () => {
    const id = await phone.locator('#tasks li[data-task]').first().getAttribute('data-task');
    const task = phone.locator(`[data-task="${id}"]`);
    await task.locator('[data-action=note]').click();
    await task.locator('textarea').fill('已到现场');
    await task.locator('button[type=submit]').click();
    await expect.poll(async () => JSON.stringify(await ask(`/v1/incidents/${id}/history`))).toContain('已到现场');
  });

  it('adds a photo to a case, once, also where the answer to it was lost', async () => {
    const id = (await phone.locator('#tasks li[data-task]').first().getAttribute('data-task'))!;
    const task = phone.locator(`[data-task="${id}"]`);
    const before = (await photosOf(id)).length;
    // It arrives, and nobody is told.
    await phone.route('**/photos', async (route) => {
      await route.fetch();
      await route.abort();
    }, { times: 1 });
    await task.locator('input[name=photo]').setInputFiles(await photo(phone, 640, 480, '#448822'));
    await expect.poll(() => phone.locator('#outbox').count()).toBe(1);
    expect(await photosOf(id)).toHaveLength(before + 1);
    await phone.evaluate(() => dispatchEvent(new Event('online')));
    await expect.poll(() => phone.locator('#outbox').count(), { timeout: 60_000 }).toBe(0);
    expect(await photosOf(id)).toHaveLength(before + 1);
    await task.locator('input[name=photo]').setInputFiles(await photo(phone, 640, 480, '#882244'));
    await expect.poll(() => task.textContent()).toContain('照片已提交');
    expect(await photosOf(id)).toHaveLength(before + 2);
  });

  it('can be installed, and speaks English', async () => {
    const manifest = await phone.evaluate(async () => (await fetch((document.querySelector('link[rel=manifest]') as HTMLLinkElement).href)).json() as Promise<{ start_url: string; icons: unknown[] }>);
    expect(manifest.start_url).toBe('./#/keeper');
    await phone.click('#language');
    await expect.poll(() => phone.locator('#am-inside').textContent()).toBe('Am I inside?');
    await expectAccessible(phone);
    await expectFits(phone);
  });

  it('has one pin for tasks at one place, which lists them when it is tapped, as the list does of itself', async () => {
    const texts = ['同一处之一', '同一处之二', '同一处之三'];
    for (const description of texts) await ask('/v1/incidents', 'POST', { lon: at[0], lat: at[1], category: 'E0110', description });
    // Some metres beside, where a pin of its own would cover theirs.
    await ask('/v1/incidents', 'POST', { lon: at[0] + 0.00008, lat: at[1], category: 'E0110', description: '旁边的' });
    const other = await desktop.open(`#/keeper?key=${key}`, PHONE);
    await expect.poll(() => other.locator('#tasks').textContent()).toContain('旁边的');
    await idle(other);
    await other.evaluate((center) => void gridkeeper.map.jumpTo({ center: center as [number, number], zoom: 16 }), at);
    await idle(other);
    const pins = () => other.evaluate(() => gridkeeper.map.queryRenderedFeatures({ layers: ['work'] }).map(({ geometry, properties }) => ({ at: gridkeeper.map.project((geometry as unknown as { coordinates: [number, number] }).coordinates), count: Number(properties.point_count ?? 1) })));
    const all = await pins();
    for (const [first, one] of all.entries()) for (const two of all.slice(first + 1)) expect(Math.hypot(one.at.x - two.at.x, one.at.y - two.at.y)).toBeGreaterThan(24);
    const middle = await other.evaluate((at) => {
      const [{ x, y }, box] = [gridkeeper.map.project(at as [number, number]), gridkeeper.map.getContainer().getBoundingClientRect()];
      return [x + box.x, y + box.y] as const;
    }, at);
    await picture(other, 'keeper-pins');
    await other.touchscreen.tap(...middle);
    await expect.poll(() => other.locator('#tapped li').count()).toBeGreaterThan(3);
    for (const text of [...texts, '旁边的']) expect(await other.locator('#tapped').textContent()).toContain(text);
    await expectAccessible(other);
    await expectFits(other);
    await picture(other, 'keeper-tapped');
    await other.locator('#tapped .choice', { hasText: '旁边的' }).click();
    expect(await other.evaluate(() => document.activeElement?.closest('[data-task]')?.textContent)).toContain('旁边的');
    for (const text of texts) expect(await other.locator('#tasks li', { hasText: text }).textContent()).toMatch(/与第 \d+、?\d*和?\d+ 件在同一处/);
    await other.click('#tapped .quiet');
    expect(await other.locator('#tapped').count()).toBe(0);
    // Beside all pins a tap says where one is; on one it does not.
    const me = () => other.evaluate(() => gridkeeper.map.queryRenderedFeatures({ layers: ['me'] }).length);
    expect(await me()).toBe(0);
    await other.touchscreen.tap(middle[0] - 120, middle[1] + 60);
    await expect.poll(me).toBe(1);
    await other.context().close();
  });

  it('is offered to keepers alone, and says to others who follow a link to it that no grid is theirs', async () => {
    const offered = (on: Page) => on.locator('#bar nav a[href="#/keeper"]').count();
    expect(await offered(phone)).toBe(1);
    for (const role of ['dispatcher', 'planner', 'admin']) {
      const other = await desktop.open(`#/keeper?key=${await makeKey(service, '--role', role)}`);
      await expect.poll(() => other.locator('#panel').textContent()).toContain('没有“我的网格”');
      expect(await offered(other)).toBe(0);
      expect(await other.locator('#panel .notice').count()).toBe(1);
      await expectAccessible(other);
      await other.context().close();
    }
    // Who keeps a grid beside other work has it.
    const [worker] = readFileSync(join(service.folder, 'sample/roster.csv'), 'utf8').match(/W\d+/)!;
    const both = await desktop.open(`#/lookup?key=${await makeKey(service, '--role', 'dispatcher', '--worker', worker)}`);
    await expect.poll(() => offered(both)).toBe(1);
    await both.context().close();
  });

  it('shows a worker’s own key who one is, the tasks as the service has put them, and who answers beyond the border', async () => {
    const { own, worker } = await ownKey();
    const mine = async <T,>(path: string): Promise<T> => (await fetch(service.base + path, { headers: { Authorization: `Bearer ${own}` } })).json() as Promise<T>;
    const me = await mine<{ worker: { name: string }; posts: { unit: string }[] }>('/v1/me');
    const other = await desktop.open(`#/keeper?key=${own}`, { ...PHONE, geolocation: { longitude: at[0], latitude: at[1], accuracy: 5 }, permissions: ['geolocation'] });
    await expect.poll(() => other.locator('.who').textContent()).toContain(me.worker.name);
    for (const { unit: code } of me.posts) expect(await other.locator('.who').textContent()).toContain(code);
    expect(await other.locator('.who').textContent()).toMatch(/在岗/);
    // What has been learned, and until when it counts.
    const skills = await other.locator('#skills li').allTextContents();
    expect(skills.find((one) => one.includes('急救'))).toMatch(/^急救\s+有效期至 2099年/);
    expect(skills.find((one) => one.includes('电工'))).toMatch(/已过期/);
    const { features } = await mine<FeatureCollection>('/v1/me/grid');
    const neighbours = features[0]!.properties!.neighbours as { name: string; holder: { name: string } | null }[];
    const border = await other.locator('#border').textContent();
    for (const { name, holder } of neighbours) {
      expect(border).toContain(name);
      if (holder) expect(border).toContain(holder.name);
    }
    // From where one stands, the tasks are in the service's order.
    await other.click('#am-inside');
    await expect.poll(() => other.locator('.verdict').textContent()).toContain('在网格内');
    const walk = await mine<{ tasks: { id: string; leg_m: number }[] }>(`/v1/me/tasks?limit=200&lon=${at[0]}&lat=${at[1]}`);
    expect(walk.tasks.length).toBeGreaterThan(0);
    await expect.poll(() => other.locator('#tasks li[data-task]').evaluateAll((all) => all.map((one) => (one as HTMLElement).dataset.task))).toEqual(walk.tasks.map(({ id }) => id));
    await expectFits(other);
    await expectAccessible(other);
    await picture(other, 'keeper-own');
    // Beyond the border it is said whose ground it is.
    const away = (await ask<FeatureCollection>(`/collections/grid/items?limit=100`)).features.find(({ properties }) => !me.posts.some(({ unit: code }) => code === properties!.code))!;
    const [lon, lat] = insideOf(away.geometry)!;
    await other.context().setGeolocation({ longitude: lon!, latitude: lat!, accuracy: 5 });
    await other.waitForTimeout(10_500);
    await other.click('#am-inside');
    await expect.poll(() => other.locator('.verdict').textContent()).toMatch(new RegExp(`在网格外.*回到网格.*您站在 ${String(away.properties!.name)}`));
    // Consent is given and taken back.
    await other.check('#consent');
    await expect.poll(async () => (await mine<{ consent: { positions: boolean } }>('/v1/me')).consent.positions).toBe(true);
    await other.uncheck('#consent');
    await expect.poll(async () => (await mine<{ consent: { positions: boolean } }>('/v1/me')).consent.positions).toBe(false);
    // The page opens without a network with what was seen.
    await other.waitForFunction(() => navigator.serviceWorker.ready.then((ready) => ready.active?.state === 'activated'));
    await other.reload();
    await expect.poll(() => other.locator('.who').textContent()).toContain(me.worker.name);
    await other.context().setOffline(true);
    await other.reload();
    await expect.poll(() => other.locator('.who').textContent(), { timeout: 30_000 }).toContain(me.worker.name);
    expect(await other.locator('#border').textContent()).toContain(neighbours[0]!.name);
    // A border that is wrong is told to the planners once the network is back.
    await other.click('#border-wrong');
    await other.fill('#border-form input[name=place]', `${at[0]}, ${at[1]}`);
    await other.selectOption('#border-form select[name=unit]', code());
    await other.fill('#border-form textarea', '界线应沿围墙');
    await expectAccessible(other);
    await picture(other, 'keeper-border');
    await other.click('#border-form button[type=submit]');
    await expect.poll(() => other.locator('#outbox').textContent()).toContain('界线应沿围墙');
    await other.context().setOffline(false);
    await expect.poll(() => other.locator('#outbox').count(), { timeout: 60_000 }).toBe(0);
    const { reports } = await ask<{ reports: { id: string; description: string; unit: string; worker: string }[] }>('/v1/border-reports?open=true');
    const told = reports.filter(({ description }) => description === '界线应沿围墙');
    expect(told).toMatchObject([{ unit: code(), worker }]);
    // What they answer is told to who asked.
    const planner = await makeKey(service, '--role', 'planner');
    const answer = { method: 'POST', headers: { Authorization: `Bearer ${planner}`, 'Content-Type': 'application/json' }, body: JSON.stringify({ answer: '下次调整时改' }) };
    expect((await fetch(`${service.base}/v1/border-reports/${told[0]!.id}/settle`, answer)).status).toBe(200);
    await other.reload();
    await other.click('#border-told summary');
    await expect.poll(() => other.locator('#border-told').textContent()).toMatch(/界线应沿围墙.*规划员答复：下次调整时改/);
    // What one was told of by name.
    await other.click('#notices summary');
    expect(await other.locator('#notices').textContent()).toContain('部门的任务指派给您');
    await other.click('#language');
    expect(await other.locator('#notices').textContent()).toContain('You are named for a department’s task');
    await expectAccessible(other);
    await other.context().close();
  });

  it('complained of nothing', () => {
    expect(desktop.elsewhere).toEqual([]);
    expect(desktop.complaints).toEqual([]);
  });
});

/** A key of the keeper of the unit, who is asked to look at a place and has learned something. */
async function ownKey(): Promise<{ own: string; worker: string }> {
  const { features } = await ask<FeatureCollection>('/collections/roster/items?limit=1000');
  const worker = String(features.find(({ properties }) => properties!.unit === code() && properties!.post === 'primary')!.properties!.worker);
  // Nothing of the service writes skills yet, so they are put into its store.
  const skill = (text: string, expires: string): string => `INSERT INTO gk_entry (id, kind, at, author, worker, text, expires_at) SELECT lower(hex(randomblob(4)) || '-0000-7000-8000-' || hex(randomblob(6))), 'skill', '2026-01-01T00:00:00.000Z', 'test', key, '${text}', '${expires}' FROM gk_person WHERE worker_id = '${worker}';`;
  execFileSync('sqlite3', ['-cmd', '.timeout 5000', join(service.folder, 'map.gpkg'), skill('急救', '2099-01-01T00:00:00.000Z') + skill('电工', '2020-01-01T00:00:00.000Z')]);
  const own = await makeKey(service, '--role', 'worker', '--scope', code(), '--worker', worker, '--note', 'a keeper’s own');
  // A case for whose task one is named, of which one is told.
  const { id } = await ask<{ id: string }>('/v1/incidents', 'POST', { lon: at[0], lat: at[1], category: 'E0110', description: '新的案件' });
  for (const action of [{ action: 'file', condition: '1' }, { action: 'dispatch' }, { action: 'accept' }, { action: 'assign', worker }]) await ask(`/v1/incidents/${id}/actions`, 'POST', action);
  return { own, worker };
}

describe('neighbours', () => {
  const square = (x: number, y: number, code: string): Feature => ({ type: 'Feature', properties: { code, name: code }, geometry: { type: 'Polygon', coordinates: [[[x, y], [x + 1, y], [x + 1, y + 1], [x, y + 1], [x, y]].map(([a, b]) => [a! / 1000, b! / 1000])] } });
  it('are those with a border in common, from the north clockwise; a corner is none', () => {
    const found = neighboursOf(square(1, 1, 'own'), [square(0, 1, 'west'), square(1, 2, 'north'), square(2, 1, 'east'), square(2, 2, 'corner')]);
    expect(found.map(({ code, direction }) => [code, direction])).toEqual([['north', 'N'], ['east', 'E'], ['west', 'W']]);
    for (const { border_m } of found) expect(border_m).toBeCloseTo(111.32, 1);
  });
});
