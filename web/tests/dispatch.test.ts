// The desk at which cases are dispatched, with ten thousand of them open.
import type { FeatureCollection } from 'geojson';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Desktop, PHONE, expectAccessible, expectFits, idle, photo, picture } from './browser';
import { type Service, loadAddresses, startService } from './service';

const CASES = 10_000;

let service: Service;
let desktop: Desktop;
let page: Page;

async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(service.base + path, { method, headers: { Authorization: `Bearer ${service.key}`, 'Content-Type': 'application/json' }, ...(body ? { body: JSON.stringify(body) } : {}) });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json() as Promise<T>;
}

/** Positions of the sample, on land and in grids. */
async function places(): Promise<[number, number][]> {
  const page = await ask<FeatureCollection>('GET', '/collections/incidents/items?limit=40');
  return page.features.map(({ geometry }) => (geometry as unknown as { coordinates: [number, number] }).coordinates);
}

async function report(at: [number, number], description: string): Promise<string> {
  const { id } = await ask<{ id: string }>('POST', '/v1/incidents', { lon: at[0], lat: at[1], category: 'E0110', description });
  return id;
}

const counts = (on: Page = page) => on.locator('#case-count');
const detail = (on: Page = page) => on.locator('#detail');

async function make(action: string, fill: (on: Page) => Promise<void> = async () => undefined): Promise<void> {
  await page.click(`[data-action="${action}"]`);
  await fill(page);
  await page.locator('.action-form button[type=submit]').first().click();
}

beforeAll(async () => {
  service = await startService({ grids: 120, liveIncidents: CASES });
  desktop = await Desktop.start(service);
  page = await desktop.open(`#/dispatch?key=${service.key}`);
}, 600_000);

afterAll(async () => {
  await desktop?.close();
  await service?.stop();
});

describe('the dispatch desk', () => {
  it('lists ten thousand open cases, of which it draws only what is seen', async () => {
    await expect.poll(() => counts().textContent(), { timeout: 90_000 }).toMatch(/10,000 \/ 10,000/);
    const drawn = await page.locator('.case-row').count();
    expect(drawn).toBeGreaterThan(3);
    expect(drawn).toBeLessThan(60);
    await page.locator('.virtual').evaluate((list) => list.scrollTo(0, list.scrollHeight));
    await expect.poll(() => page.locator('.virtual li').last().getAttribute('aria-posinset')).toBe(String(CASES));
    await page.locator('.virtual').evaluate((list) => list.scrollTo(0, 0));
    await idle(page);
    expect(await page.evaluate(() => gridkeeper.map.queryRenderedFeatures({ layers: ['clusters'] }).length)).toBeGreaterThan(5);
    await expectAccessible(page);
    await picture(page, 'dispatch');
  });

  it('filters at a stroke', async () => {
    await page.fill('#filter-grid', '431102004');
    await expect.poll(() => counts().textContent()).not.toMatch(/^10,000 \//);
    const [shown] = (await counts().textContent())!.split(' ');
    const expected = await countOf('grid=431102004');
    expect(shown!.replace(',', '')).toBe(String(expected));
    await page.fill('#filter-grid', '');
    await page.selectOption('#filter-category', 'E0110');
    await expect.poll(async () => (await counts().textContent())!.split(' ')[0]!.replace(',', '')).toBe(String(await countOf('category=E0110')));
    await page.selectOption('#filter-category', '');
  });

  it('goes through the list by keyboard', async () => {
    await page.locator('.case-row').first().focus();
    for (let step = 0; step < 25; step += 1) {
      await page.keyboard.press('ArrowDown');
      await page.waitForFunction((at) => document.activeElement?.closest('[data-at]')?.getAttribute('data-at') === String(at), step + 1);
    }
    await page.keyboard.press('Enter');
    await expect.poll(() => detail().count()).toBe(1);
    await page.click('#back');
  });

  it('shows a case as it comes in, and its moves as others make them', async () => {
    await page.selectOption('#filter-order', 'new');
    const [at] = await places();
    const id = await report(at!, '刚刚上报的案件');
    await expect.poll(() => counts().textContent()).toContain('10,001');
    const row = page.locator(`[data-case="${id}"]`);
    await expect.poll(() => row.textContent()).toContain('待立案');
    await ask('POST', `/v1/incidents/${id}/actions`, { action: 'file', condition: '1' });
    await expect.poll(() => row.textContent()).toContain('待派遣');
    await ask('POST', `/v1/incidents/${id}/actions`, { action: 'void', reason: '重复' });
    await expect.poll(() => row.count()).toBe(0);
  });

  it('takes a case from report to close, each move with what it needs, and keeps the history', async () => {
    const [, at] = await places();
    const id = await report(at!, '垃圾堆在楼下');
    await report([at![0] + 0.0001, at![1]], '同一处的另一件');
    await page.locator(`[data-case="${id}"]`).click();
    await expect.poll(() => page.locator('#duplicates').textContent()).toContain('同一处的另一件');
    await make('file', (on) => on.selectOption('select[name=condition]', '1').then(() => undefined));
    await expect.poll(() => detail().locator('h2').textContent()).toContain('待派遣');
    await make('dispatch');
    await expect.poll(() => detail().locator('h2').textContent()).toContain('待处置');
    expect(await detail().locator('.tasks').first().textContent()).toMatch(/主办.*待签收.*处置.*(到期)/);
    await make('link', async (on) => {
      // Those that answer at the place are asked for when the form opens.
      await expect.poll(() => on.locator('select[name=department] option').count()).toBeGreaterThan(2);
      const own = await ask<{ tasks: { department: string }[] }>('GET', `/v1/incidents/${id}`);
      const options = await on.locator('select[name=department] option').evaluateAll((all) => all.map((one) => (one as HTMLOptionElement).value));
      await on.selectOption('select[name=department]', options.find((one) => one && one !== own.tasks[0]!.department)!);
      await on.fill('textarea[name=reason]', '需要联动');
    });
    await expect.poll(() => detail().locator('.tasks').first().locator('li').count()).toBe(2);
    await picture(page, 'dispatch-case');
    await expectAccessible(page);
    for (const task of (await ask<{ tasks: { department: string }[] }>('GET', `/v1/incidents/${id}`)).tasks) {
      await ask('POST', `/v1/incidents/${id}/actions`, { action: 'done', department: task.department });
    }
    await expect.poll(() => detail().locator('h2').textContent()).toContain('待核实');
    await make('close', (on) => on.selectOption('select[name=condition]', '1').then(() => undefined));
    await expect.poll(() => detail().locator('h2').textContent()).toContain('已结案');
    await expect.poll(() => detail().locator('.history').textContent()).toMatch(/上报.*立案.*派遣.*联动.*需要联动.*结案/s);
    await page.click('#back');
  });

  it('shows the photos of a case, shows them to all when somebody has looked at them, and erases one', async () => {
    const [, , , , at] = await places();
    const id = await report(at!, '带照片的案件');
    const add = async (colour: string): Promise<string> => {
      const { buffer } = await photo(page, 400, 300, colour);
      const response = await fetch(`${service.base}/v1/incidents/${id}/photos`, { method: 'POST', headers: { Authorization: `Bearer ${service.key}`, 'Content-Type': 'image/jpeg' }, body: new Uint8Array(buffer) });
      expect(response.status).toBe(201);
      return ((await response.json()) as { id: string }).id;
    };
    const isPublic = async (photo: string): Promise<boolean> => (await fetch(`${service.base}/v1/incidents/${id}/photos/${photo}`)).ok;
    const first = await add('#aa3311');
    await page.locator(`[data-case="${id}"]`).click();
    await expect.poll(() => page.locator('#photos img').count()).toBe(1);
    // One that comes in is seen as it comes.
    const second = await add('#1133aa');
    await expect.poll(() => page.locator('#photos img').count()).toBe(2);
    await expect.poll(() => page.locator('#photos img').evaluateAll((all) => all.map((one) => (one as HTMLImageElement).naturalWidth))).toEqual([400, 400]);
    expect([await isPublic(first), await isPublic(second)]).toEqual([false, false]);
    await expectAccessible(page);
    await picture(page, 'dispatch-photos');
    await page.click('#publish-photos');
    await expect.poll(() => page.locator('#photos').textContent()).toMatch(/已公开.*已公开/s);
    expect([await isPublic(first), await isPublic(second)]).toEqual([true, true]);
    const chosen = page.locator(`[data-photo="${first}"]`);
    await chosen.getByText('删除照片').click();
    await chosen.getByText('确定彻底删除？').click();
    await expect.poll(() => page.locator('#photos').textContent()).toContain('已删除');
    expect([await isPublic(first), await isPublic(second)]).toEqual([false, true]);
    await page.click('#unpublish-photos');
    await expect.poll(() => page.locator('#photos').textContent()).toContain('未公开');
    expect(await isPublic(second)).toBe(false);
    await page.click('#back');
  });

  it('does not overwrite what another did meanwhile', async () => {
    const [, , at] = await places();
    const id = await report(at!, '两人同时处理');
    await page.locator(`[data-case="${id}"]`).click();
    await page.click('[data-action="file"]');
    await page.selectOption('select[name=condition]', '1');
    // Another is quicker by less than the time that the move is on its way.
    await page.route('**/actions', async (route) => {
      await ask('POST', `/v1/incidents/${id}/actions`, { action: 'note', reason: '先到一步' });
      await route.continue();
    }, { times: 1 });
    await page.locator('.action-form button[type=submit]').first().click();
    await expect.poll(() => detail().textContent()).toContain('有人刚处理过这个案件');
    await expect.poll(() => detail().locator('.history').textContent()).toContain('先到一步');
    const fresh = await ask<{ state: string; version: number }>('GET', `/v1/incidents/${id}`);
    expect(fresh).toMatchObject({ state: 'pending_file', version: 2 });
    // What was filled in stays, and is now sent by one who has seen it.
    await page.locator('.action-form button[type=submit]').first().click();
    await expect.poll(() => detail().locator('h2').textContent()).toContain('待派遣');
    await page.click('#back');
  });

  it('dispatches what is dragged onto a department', async () => {
    const [, , , at] = await places();
    // A department stands on the desk once a case of it is open.
    const other = await report(at!, '先有一件');
    for (const action of [{ action: 'file', condition: '1' }, { action: 'dispatch' }]) await ask('POST', `/v1/incidents/${other}/actions`, action);
    const id = await report(at!, '拖过去');
    await ask('POST', `/v1/incidents/${id}/actions`, { action: 'file', condition: '1' });
    const row = page.locator(`[data-case="${id}"]`);
    await expect.poll(() => row.textContent()).toContain('待派遣');
    const department = page.locator('[data-department]').first();
    await row.dragTo(department);
    await expect.poll(() => row.textContent()).toContain('待处置');
    const { tasks } = await ask<{ tasks: { department: string }[] }>('GET', `/v1/incidents/${id}`);
    expect(tasks[0]!.department).toBe(await department.getAttribute('data-department'));
    // While a case is dragged, those that answer at its place can have it too, though they have none yet.
    const next = await report(at!, '拖到还没有案件的部门');
    await ask('POST', `/v1/incidents/${next}/actions`, { action: 'file', condition: '1' });
    await expect.poll(() => page.locator(`[data-case="${next}"]`).textContent()).toContain('待派遣');
    const before = await page.locator('[data-department]').count();
    await page.locator(`[data-case="${next}"]`).hover();
    await page.mouse.down();
    const strip = (await page.locator('.departments-strip ul').boundingBox())!;
    await page.mouse.move(strip.x + strip.width - 8, strip.y + strip.height - 4, { steps: 8 });
    let nudge = 0;
    const count = async (): Promise<number> => {
      // The browser begins to drag when it gets to it, and a pointer that rests tells it nothing.
      await page.mouse.move(strip.x + strip.width - 8 - (nudge++ % 2), strip.y + strip.height - 4);
      return page.locator('[data-department]').count();
    };
    await expect.poll(count).toBeGreaterThan(before);
    await page.locator('[data-department]').last().scrollIntoViewIfNeeded();
    const idleOne = page.locator('[data-department]').last();
    const target = (await idleOne.boundingBox())!;
    await page.mouse.move(target.x + target.width / 2, target.y + target.height / 2, { steps: 4 });
    const wanted = await idleOne.getAttribute('data-department');
    await page.mouse.up();
    await expect.poll(async () => (await ask<{ tasks: { department: string }[] }>('GET', `/v1/incidents/${next}`)).tasks[0]?.department).toBe(wanted);
  });

  it('tells what is vacant, late and in doubt', async () => {
    await expect.poll(() => page.locator('.chip.vacant').textContent(), { timeout: 40_000 }).toMatch(/无人网格 [1-9]/);
    await page.click('.chip.border');
    await expect.poll(() => page.locator('.alarm-list li').count(), { timeout: 40_000 }).toBeGreaterThan(0);
    await page.click('.chip.border');
  });

  it('rules on a border in dispute, of a case and of a place, and ends what was ruled', async () => {
    const { border } = await ask<{ border: { alarms: { id: string; grid: string; alternatives: string[] }[] } }>('GET', '/v1/alarms?kind=border&limit=20');
    const doubtful = border.alarms.find(({ alternatives }) => alternatives.length > 0)!;
    await page.evaluate((hash) => void (location.hash = hash), `#/dispatch?case=${doubtful.id}`);
    await page.locator('#ruling select[name=unit]').waitFor();
    await page.selectOption('#ruling select[name=unit]', doubtful.alternatives[0]!);
    await page.fill('#ruling input[name=reason]', '围墙以北归此网格');
    await page.click('#ruling button[type=submit]');
    await expect.poll(() => page.locator('#ruling').textContent()).toContain(`已裁定归 ${doubtful.alternatives[0]}`);
    const one = await ask<{ grid: string; position: { lon: number; lat: number } }>('GET', `/v1/incidents/${doubtful.id}`);
    expect(one.grid).toBe(doubtful.alternatives[0]);
    // A later case there follows it, and its history says so.
    const later = await report([one.position.lon, one.position.lat], '裁定之后的案件');
    await page.evaluate((hash) => void (location.hash = hash), `#/dispatch?case=${later}`);
    await expect.poll(() => detail().locator('dl').textContent()).toContain(doubtful.alternatives[0]!);
    await expect.poll(() => detail().locator('.history').textContent()).toContain('按边界裁定');
    await page.click('#back');
    await page.click('#rulings-open');
    const list = page.locator('#rulings');
    await expect.poll(() => list.locator('li[data-ruling]').count()).toBe(1);
    expect(await list.textContent()).toContain('围墙以北归此网格');
    // Of a place without a case: farther from any border than the ruling reaches there is nothing to rule.
    await page.click('#new-ruling');
    await list.locator('input[name=place]').fill(`${one.position.lon.toFixed(6)}, ${one.position.lat.toFixed(6)}`);
    await list.locator('input[name=reason]').fill('以道路中线为界');
    await expect.poll(() => list.locator('select[name=unit] option').count()).toBeGreaterThan(1);
    await expectAccessible(page);
    await list.locator('button[type=submit]').click();
    await expect.poll(() => list.locator('li[data-ruling]').count()).toBe(2);
    await list.getByText('在地图上看').first().click();
    await idle(page);
    expect(await page.evaluate(() => gridkeeper.map.queryRenderedFeatures({ layers: ['rulings-fill'] }).length)).toBeGreaterThan(0);
    await picture(page, 'dispatch-rulings');
    page.once('dialog', (dialog) => void dialog.accept());
    await list.getByText('废止', { exact: true }).first().click();
    await expect.poll(() => list.locator('li[data-ruling]').count()).toBe(1);
    await page.check('#rulings-ended');
    await expect.poll(() => list.locator('li[data-ruling]').count()).toBe(2);
    await page.uncheck('#rulings-ended');
    await expect.poll(() => list.locator('li[data-ruling]').count()).toBe(1);
    await page.click('#rulings-open');
  });

  it('takes a report whose place is said by an address, of which the one that is meant is chosen by keyboard', async () => {
    const found = await places();
    loadAddresses(service, [found[4]!, found[5]!, found[6]!]);
    await page.click('#new-case');
    await page.fill('#report-form input[name=address]', '解放路5号');
    await page.press('#report-form input[name=address]', 'Enter');
    await expect.poll(() => page.locator('#report-form .candidates .choice').count()).toBe(2);
    await expectAccessible(page);
    await picture(page, 'dispatch-address');
    await page.waitForFunction(() => document.activeElement?.matches('.candidates .choice'));
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    expect(await page.locator('#report-form .notice').textContent()).toContain('按地址：朝阳解放路5号');
    expect(await page.inputValue('#report-form input[name=place]')).toBe(`${found[6]![0].toFixed(6)}, ${found[6]![1].toFixed(6)}`);
    await page.selectOption('#report-form select[name=category]', 'E0110');
    await page.fill('#report-form textarea', '按地址登记');
    await page.click('#report-form button[type=submit]');
    await expect.poll(() => detail().textContent()).toContain('按地址登记');
    expect(await detail().locator('dl').textContent()).toContain('热线');
    await page.click('#back');
  });

  it('takes a report from the telephone, with the place clicked on the map', async () => {
    await page.click('#new-case');
    const box = (await page.locator('#map canvas').boundingBox())!;
    const [at] = await places();
    await page.evaluate((center) => gridkeeper.map.jumpTo({ center: center as [number, number], zoom: 15 }), at!);
    await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
    await page.selectOption('#report-form select[name=category]', 'E0112');
    await page.fill('#report-form textarea', '电话里说路面有油污');
    await page.fill('#report-form input[name=phone]', '13900000000');
    await page.click('#report-form button[type=submit]');
    await expect.poll(() => detail().textContent()).toContain('电话里说路面有油污');
    expect(await detail().textContent()).toContain('13900000000');
    await page.click('#back');
  });

  it('speaks English, and fits a phone', async () => {
    const phone = await desktop.open(`#/dispatch?key=${service.key}`, { ...PHONE, locale: 'en-GB' });
    await expect.poll(() => counts(phone).textContent(), { timeout: 90_000 }).toMatch(/[\d,]+ of [\d,]+ cases/);
    await expectFits(phone);
    await phone.locator('.case-row').first().click();
    await expect.poll(() => detail(phone).textContent()).toContain('What can be done');
    expect(await detail(phone).locator('[data-action=note]').textContent()).toBe('Note');
    await expectFits(phone);
    await expectAccessible(phone);
    await picture(phone, 'dispatch-phone-en');
    await phone.context().close();
  });

  it('complained of nothing', () => {
    expect(desktop.elsewhere).toEqual([]);
    expect(desktop.complaints).toEqual([]);
  });
});

async function countOf(filter: string): Promise<number> {
  let [found, next]: [number, string | null] = [0, `/v1/incidents?open=true&limit=1000&${filter}`];
  while (next) {
    const page: { incidents: unknown[]; next: string | null } = await ask('GET', next);
    found += page.incidents.length;
    next = page.next && `/v1/incidents${new URL(page.next).search}`;
  }
  return found;
}
