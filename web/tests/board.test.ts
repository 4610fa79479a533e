// The board of the grid centre, over cases that were handled.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Desktop, PHONE, expectAccessible, expectFits, idle, picture } from './browser';
import { type Service, makeKey, startService } from './service';

let service: Service;
let desktop: Desktop;
let page: Page;

interface Indicators {
  indicators: { code: string; formula: string; formula_zh: string; name: string }[];
  total: { reports: number; values: { indicator: string; numerator: number; denominator: number; value: number | null }[] };
  groups: { group: string; name: string; rank: number }[];
}

async function ask(query: string): Promise<Indicators> {
  return (await fetch(`${service.base}/v1/indicators?${query}`, { headers: { Authorization: `Bearer ${service.key}` } })).json() as Promise<Indicators>;
}

const PERIOD = 'from=2026-03-01&to=2026-06-01';

async function show(by: string): Promise<void> {
  await page.fill('#period input[name=from]', '2026-03-01');
  await page.fill('#period input[name=to]', '2026-06-01');
  await page.selectOption('#period select', by);
  await page.click('#period button[type=submit]');
}

beforeAll(async () => {
  service = await startService({ closedIncidents: true });
  service.run('costs', 'import', file('costs.csv', 'monthly_cost,post\n3200,primary\n1600,backup\n4100,leader\n'), '--effective', '2026-01-01');
  service.run('funds', 'import', file('funds.csv', 'source,kind,amount,valid_from,valid_to\n区财政,budget,9000000,2026-01-01,2027-01-01\n'), '--effective', '2026-01-01');
  desktop = await Desktop.start(service);
  page = await desktop.open(`#/board?key=${service.key}`, { acceptDownloads: true });
});

function file(name: string, text: string): string {
  const path = join(service.folder, name);
  writeFileSync(path, text);
  return path;
}

afterAll(async () => {
  await desktop?.close();
  await service?.stop();
});

describe('the board', () => {
  it('shows every indicator as the service says it, with its fraction and its formula', async () => {
    await show('street');
    const told = await ask(`${PERIOD}&by=unit&level=street`);
    await expect.poll(() => page.locator('#ranking tfoot').textContent()).toContain(told.total.reports.toLocaleString('zh-CN'));
    for (const code of ['handling', 'valid_reports', 'closing']) {
      const value = told.total.values.find(({ indicator }) => indicator === code)!;
      const row = page.locator('#indicators tbody tr').nth(told.indicators.findIndex((one) => one.code === code));
      const said = await row.textContent();
      expect(said).toContain(told.indicators.find((one) => one.code === code)!.formula_zh);
      expect(said).toContain(`${value.numerator.toLocaleString('zh-CN')} / ${value.denominator.toLocaleString('zh-CN')}`);
      expect(said).toContain(value.value === null ? '—' : value.value.toLocaleString('zh-CN', { style: 'percent', maximumFractionDigits: 1 }));
    }
    expect(await page.locator('#ranking tbody tr').count()).toBe(told.groups.length);
    await expect.poll(() => page.locator('#trend tbody tr').count(), { timeout: 60_000 }).toBe(6);
    await expect.poll(() => page.locator('#costs tbody tr').count()).toBeGreaterThan(3);
    expect(await page.locator('#costs').textContent()).toMatch(/区财政.*财政预算/s);
    await expectAccessible(page);
    await picture(page, 'board');
  });

  it('ranks departments and persons too', async () => {
    for (const by of ['department', 'worker']) {
      await show(by);
      const told = await ask(`${PERIOD}&by=${by}`);
      await expect.poll(() => page.locator('#ranking tbody tr').count()).toBe(told.groups.length);
    }
    await page.locator('#indicators button', { hasText: '结案率' }).first().click();
    expect(await page.locator('#ranking thead').textContent()).toContain('结案率');
  });

  it('names those whom no worker has, and says on paper of which period it is, by what, and as of when', async () => {
    // Each case of the sample has somebody; the last worker's are made nobody's.
    await page.route('**/v1/indicators?*by=worker*', async (route) => {
      const response = await route.fetch();
      const found = (await response.json()) as Indicators;
      Object.assign(found.groups.at(-1)!, { group: null, name: null });
      await route.fulfill({ response, json: found });
    });
    await show('worker');
    const { groups } = await ask(`${PERIOD}&by=worker`);
    const names = () => page.locator('#ranking tbody tr td:nth-child(2)').allTextContents();
    await expect.poll(names).toHaveLength(groups.length);
    await expect.poll(async () => (await names()).at(-1)).toBe('未派员');
    expect((await names()).filter((name) => name.trim() === '')).toEqual([]);
    expect(await page.locator('#on-paper').isVisible()).toBe(false);
    await page.emulateMedia({ media: 'print' });
    expect(await page.locator('#on-paper').isVisible()).toBe(true);
    const year = new Date().getFullYear();
    expect(await page.locator('#on-paper').textContent()).toMatch(new RegExp(`统计期：2026年3月1日 至 2026年6月1日（不含） 分组：人员 数据截至：${year}年.* 制表时间：${year}年`));
    // A period that is chosen and not yet asked for is not that of the figures.
    await page.evaluate(() => void ((document.querySelector('#period input[name=to]') as HTMLInputElement).value = '2026-05-01'));
    expect(await page.locator('#on-paper').textContent()).toContain('2026年6月1日');
    await page.emulateMedia({ media: 'screen' });
    await page.click('#language');
    expect(await page.locator('#on-paper').textContent()).toMatch(/Period: 1 Mar 2026 to 1 Jun 2026 \(exclusive\) Grouped by: Worker As known on: .* Made on: /);
    expect((await names()).at(-1)).toBe('No worker');
    await page.click('#language');
    await page.unroute('**/v1/indicators?*by=worker*');
  });

  it('hands the numbers over as a table and as a page to print', async () => {
    const [csv] = await Promise.all([page.waitForEvent('download'), page.click('#export-csv')]);
    expect(csv.suggestedFilename()).toBe('indicators-2026-03-01-2026-06-01-worker.csv');
    expect(readFileSync((await csv.path())!, 'utf8')).toContain('on_time_handling');
    const [report] = await Promise.all([page.waitForEvent('download'), page.click('#export-report')]);
    expect(readFileSync((await report.path())!, 'utf8')).toContain('<html');
    await page.emulateMedia({ media: 'print' });
    expect(await page.locator('#bar').isVisible()).toBe(false);
    expect(await page.locator('#ranking').isVisible()).toBe(true);
    await page.emulateMedia({ media: 'screen' });
  });

  it('draws the cases of the period as heat, and units by what is to be done in them', async () => {
    await page.click('#show-heat');
    await idle(page);
    const drawn = (source: string) => page.evaluate((source) => gridkeeper.map.querySourceFeatures(source, { sourceLayer: 'incidents' }).reduce((sum, { properties }) => sum + Number(properties.count), 0), source);
    const found = (await (await fetch(`${service.base}/v1/indicators?${PERIOD}&by=department`, { headers: { Authorization: `Bearer ${service.key}` } })).json()) as { total: { reports: number } };
    // Each case is counted once in one tile, so the tiles in view have no more than there are.
    await expect.poll(() => drawn('case-heat')).toBeGreaterThan(found.total.reports / 2);
    expect(await drawn('case-heat')).toBeLessThanOrEqual(found.total.reports);
    await picture(page, 'board-heat');
    await expectAccessible(page);
    await page.selectOption('#heat-category', 'E0110');
    await idle(page);
    await expect.poll(() => drawn('case-heat')).toBeLessThan(found.total.reports);
    await page.selectOption('#heat-category', '');
    for (const kind of ['load', 'overdue', 'vacancy']) {
      await page.selectOption('#map-shows', kind);
      await expect.poll(() => page.evaluate((kind) => gridkeeper.map.getStyle().layers.some(({ id }) => id.startsWith(`${kind}-`)), kind)).toBe(true);
      await idle(page);
      expect(await page.evaluate((kind) => gridkeeper.map.queryRenderedFeatures().some(({ layer }) => layer.id.startsWith(`${kind}-`)), kind)).toBe(true);
      expect(await page.locator('#map-legend li').count()).toBeGreaterThan(3);
      await picture(page, `board-${kind}`);
    }
    expect(await page.evaluate(() => gridkeeper.map.getStyle().layers.some(({ id }) => id.startsWith('load-')))).toBe(false);
  });

  it('is printed with the map', async () => {
    await page.selectOption('#map-shows', 'heat');
    await idle(page);
    await page.evaluate(() => Object.assign(globalThis, { print: () => void ((globalThis as { printed?: number }).printed = 1) }));
    await page.click('#print');
    await page.waitForFunction(() => (globalThis as { printed?: number }).printed === 1);
    await page.emulateMedia({ media: 'print' });
    const [width, bytes] = await page.locator('#places .printed img').evaluate((one) => [(one as HTMLImageElement).naturalWidth, (one as HTMLImageElement).src.length]);
    expect([width! > 300, bytes! > 5_000]).toEqual([true, true]);
    expect(await page.locator('#places .printed').isVisible()).toBe(true);
    expect(await page.locator('#places figcaption').textContent()).toMatch(/期内案件热力图.*示例数据，非真实边界.*审图号：示例/);
    await page.screenshot({ path: fileURLToPath(new URL('../../target/screenshots/board-printed.png', import.meta.url)), fullPage: true });
    await page.emulateMedia({ media: 'screen' });
    await page.evaluate(() => void dispatchEvent(new Event('afterprint')));
    await page.click('#show-heat');
  });

  it('speaks English, and fits a phone', async () => {
    const phone = await desktop.open(`#/board?key=${service.key}`, { ...PHONE, locale: 'en-GB' });
    await expect.poll(() => phone.locator('#indicators').textContent(), { timeout: 60_000 }).toContain('handling rate');
    expect(await phone.locator('#indicators').textContent()).toContain('tasks due in the period');
    await expectFits(phone);
    await expectAccessible(phone);
    await picture(phone, 'board-phone-en');
    await phone.context().close();
  });

  it('shows on a phone that there are more desks than fit, and has the chosen one in sight', async () => {
    const key = await makeKey(service, '--role', 'admin');
    const phone = await desktop.open(`#/board?key=${key}`, { ...PHONE, viewport: { width: 320, height: 700 }, locale: 'en-GB' });
    const row = phone.locator('#bar nav');
    const inSight = () => row.evaluate((row) => {
      const [outer, chosen] = [row, row.querySelector('[aria-current]')!].map((one) => one.getBoundingClientRect()) as [DOMRect, DOMRect];
      return chosen.left >= outer.left - 1 && chosen.right <= outer.right + 1;
    });
    const edges = () => row.evaluate((row) => ({ goesOn: row.dataset.goesOn, isFaded: getComputedStyle(row).maskImage !== 'none' }));
    await expect.poll(edges).toEqual({ goesOn: 'before after', isFaded: true });
    expect(await inSight()).toBe(true);
    await picture(phone, 'board-phone-narrow');
    await phone.click('#language');
    await expect.poll(inSight).toBe(true);
    await phone.evaluate(() => void (location.hash = '#/lookup'));
    await expect.poll(edges).toEqual({ goesOn: 'after', isFaded: true });
    expect(await inSight()).toBe(true);
    await row.evaluate((row) => void (row.scrollLeft = row.scrollWidth));
    await expect.poll(edges).toEqual({ goesOn: 'before', isFaded: true });
    await expectAccessible(phone);
    await phone.setViewportSize({ width: 1280, height: 700 });
    await expect.poll(edges).toEqual({ goesOn: '', isFaded: false });
    await phone.context().close();
  });

  it('is not for the public', async () => {
    const other = await desktop.open('#/board');
    expect(await other.locator('#panel').textContent()).toContain('这个工作台需要另一种密钥');
    await other.context().close();
  });

  it('complained of nothing', () => {
    expect(desktop.elsewhere).toEqual([]);
    expect(desktop.complaints).toEqual([]);
  });
});
