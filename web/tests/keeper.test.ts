// The keeper's page on a phone, with a network and without.
import type { Feature, FeatureCollection } from 'geojson';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insideOf } from '../src/map/geometry';
import { neighboursOf } from '../src/desks/keeper/neighbours';
import { Desktop, PHONE, expectAccessible, expectFits, idle, picture } from './browser';
import { type Service, startService } from './service';

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
  key = /gk_\S+/.exec(service.run('key', 'create', '--role', 'worker', '--scope', busiest, '--note', 'a keeper'))![0];
  // The service learns of a new key within a moment.
  const isKnown = async (): Promise<boolean> => (await fetch(`${service.base}/v1/incidents?limit=1`, { headers: { Authorization: `Bearer ${key}` } })).ok;
  while (!(await isKnown())) await new Promise((done) => setTimeout(done, 200));
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

  it('opens without a network, keeps what is reported, and sends it once when the network is back', async () => {
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
    await phone.click('#report-form button[type=submit]');
    await expect.poll(() => phone.locator('#outbox').textContent()).toContain('没有网络时写下的');
    await picture(phone, 'keeper-offline');
    await phone.context().setOffline(false);
    await expect.poll(() => phone.locator('#outbox').count(), { timeout: 60_000 }).toBe(0);
    const { incidents } = await ask<{ incidents: { description: string; source: string }[] }>(`/v1/incidents?grid=${code()}&limit=1000`);
    expect(incidents).toHaveLength(before + 1);
    expect(incidents.filter(({ description }) => description === '没有网络时写下的')).toHaveLength(1);
  });

  it('moves a case on', async () => {
    const id = await phone.locator('#tasks li[data-task]').first().getAttribute('data-task');
    const task = phone.locator(`[data-task="${id}"]`);
    await task.locator('[data-action=note]').click();
    await task.locator('textarea').fill('已到现场');
    await task.locator('button[type=submit]').click();
    await expect.poll(async () => JSON.stringify(await ask(`/v1/incidents/${id}/history`))).toContain('已到现场');
  });

  it('can be installed, and speaks English', async () => {
    const manifest = await phone.evaluate(async () => (await fetch((document.querySelector('link[rel=manifest]') as HTMLLinkElement).href)).json() as Promise<{ start_url: string; icons: unknown[] }>);
    expect(manifest.start_url).toBe('./#/keeper');
    await phone.click('#language');
    await expect.poll(() => phone.locator('#am-inside').textContent()).toBe('Am I inside?');
    await expectAccessible(phone);
    await expectFits(phone);
  });

  it('says so where a key is nobody’s in particular', async () => {
    const other = await desktop.open(`#/keeper?key=${service.key}`);
    await expect.poll(() => other.locator('#panel').textContent()).toContain('没有“我的网格”');
    await other.context().close();
  });

  it('complained of nothing', () => {
    expect(desktop.elsewhere).toEqual([]);
    expect(desktop.complaints).toEqual([]);
  });
});

describe('neighbours', () => {
  const square = (x: number, y: number, code: string): Feature => ({ type: 'Feature', properties: { code, name: code }, geometry: { type: 'Polygon', coordinates: [[[x, y], [x + 1, y], [x + 1, y + 1], [x, y + 1], [x, y]].map(([a, b]) => [a! / 1000, b! / 1000])] } });
  it('are those with a border in common, from the north clockwise; a corner is none', () => {
    const found = neighboursOf(square(1, 1, 'own'), [square(0, 1, 'west'), square(1, 2, 'north'), square(2, 1, 'east'), square(2, 2, 'corner')]);
    expect(found.map(({ code, direction }) => [code, direction])).toEqual([['north', 'N'], ['east', 'E'], ['west', 'W']]);
    for (const { border_m } of found) expect(border_m).toBeCloseTo(111.32, 1);
  });
});
