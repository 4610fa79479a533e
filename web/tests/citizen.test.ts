// The citizen's page: no name, no phone, and the course of a report over Open311.
import type { Feature, FeatureCollection } from 'geojson';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insideOf } from '../src/map/geometry';
import { Desktop, PHONE, expectAccessible, expectFits, photo, picture } from './browser';
import { type Service, loadAddresses, makeKey, startService } from './service';

let service: Service;
let desktop: Desktop;
let phone: Page;
let grid: Feature;
let at: [number, number];

beforeAll(async () => {
  service = await startService();
  const page = (await (await fetch(`${service.base}/collections/grid/items?limit=40`)).json()) as FeatureCollection;
  grid = page.features[25]!;
  at = insideOf(grid.geometry) as [number, number];
  desktop = await Desktop.start(service);
  // A key that the city may hand to everybody: it takes reports in, and shows nothing that is not public.
  const key = await makeKey(service, '--role', 'public', '--note', 'the city’s page');
  phone = await desktop.open(`#/citizen?key=${key}`, { ...PHONE, geolocation: { longitude: at[0], latitude: at[1] }, permissions: ['geolocation'] });
});

afterAll(async () => {
  await desktop?.close();
  await service?.stop();
});

describe('the citizen’s page', () => {
  let number: string;

  it('says which grid one stands in and which post answers, and names nobody, not even to a key that could see more', async () => {
    await phone.click('#here');
    await expect.poll(() => phone.locator('#which').textContent()).toContain(String(grid.properties!.name));
    const said = await phone.locator('#which').textContent();
    expect(said).toMatch(/由(网格员|后备网格员|网格长)负责|目前无人在岗/);
    expect(said).not.toMatch(/1\d{10}|W\d{6}/);
    const lines = () => phone.evaluate(() => gridkeeper.map.queryRenderedFeatures({ layers: ['unit-line'] }).length);
    await expect.poll(lines, { timeout: 10_000 }).toBeGreaterThan(0);
    await expectFits(phone);
    await expectAccessible(phone);
  });

  it('is asked by an address too, and lists what may be meant', async () => {
    const { features } = (await (await fetch(`${service.base}/collections/grid/items?limit=60`)).json()) as FeatureCollection;
    const [first, second] = [features[40]!, features[55]!];
    loadAddresses(service, [at, insideOf(first.geometry)!, insideOf(second.geometry)!]);
    await phone.fill('.citizen input[name=address]', '解放路5号');
    await phone.press('.citizen input[name=address]', 'Enter');
    await expect.poll(() => phone.locator('.candidates .choice').count()).toBe(2);
    await expectFits(phone);
    await expectAccessible(phone);
    await picture(phone, 'citizen-addresses');
    await phone.keyboard.press('ArrowDown');
    await phone.keyboard.press('Enter');
    await expect.poll(() => phone.locator('#which').textContent()).toContain(String(second.properties!.name));
    await phone.fill('.citizen input[name=address]', '芝山路12号');
    await phone.press('.citizen input[name=address]', 'Enter');
    await expect.poll(() => phone.locator('#which').textContent()).toContain(String(grid.properties!.name));
  });

  it('takes a report with a photo and gives its number', async () => {
    await phone.selectOption('#citizen-report select', 'E0110');
    await phone.fill('#citizen-report textarea', '单元门口堆着垃圾');
    await phone.setInputFiles('#citizen-report input[name=photo]', await photo(phone, 2000, 1000, '#557733'));
    await expect.poll(() => phone.locator('#citizen-report .photos img').count()).toBe(1);
    await phone.click('#citizen-report button[type=submit]');
    await expect.poll(() => phone.locator('#citizen-report .notice.done').textContent()).toMatch(/编号：[0-9a-f-]{36}/);
    number = /[0-9a-f-]{36}/.exec((await phone.locator('#citizen-report .notice.done').textContent())!)![0];
    const taken = (await (await fetch(`${service.base}/v1/incidents/${number}`, { headers: { Authorization: `Bearer ${service.key}` } })).json()) as { grid: string; source: string };
    expect(taken).toMatchObject({ grid: grid.properties!.code, source: 'open311', photos: 1 });
    const { photos } = (await (await fetch(`${service.base}/v1/incidents/${number}/photos`, { headers: { Authorization: `Bearer ${service.key}` } })).json()) as { photos: { width: number; height: number }[] };
    expect(photos).toMatchObject([{ width: 1600, height: 800 }]);
    expect(await phone.locator('#citizen-report .photos img').count()).toBe(0);
  });

  it('shows its course to whoever has the number', async () => {
    await phone.locator('#follow .code').first().click();
    await expect.poll(() => phone.locator('#course').textContent()).toContain('办理中');
    expect(await phone.locator('#course').textContent()).toContain('暴露生活垃圾');
    await phone.locator('#course').scrollIntoViewIfNeeded();
    await picture(phone, 'citizen-phone');
    const other = await desktop.open('#/citizen', { locale: 'en-GB' });
    expect(await other.locator('#citizen-report').textContent()).toContain('without a key for reports');
    await other.fill('#follow input', number);
    await other.press('#follow input', 'Enter');
    // What the city calls the state is said in English too.
    await expect.poll(() => other.locator('#course').textContent()).toContain('Open To be filed');
    expect(await other.locator('#panel').textContent()).not.toContain('单元门口');
    await expectAccessible(other);
    await other.context().close();
  });

  it('complained of nothing', () => {
    expect(desktop.elsewhere).toEqual([]);
    expect(desktop.complaints).toEqual([]);
  });
});
