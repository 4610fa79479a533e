// How long it takes from the end of a stroke until its figures are drawn. Printed, not judged: what a machine needs depends on the machine.
import type { FeatureCollection } from 'geojson';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { boundsOf, insideOf } from '../src/map/geometry';
import { Desktop, idle } from './browser';
import { type Service, makeKey, startService } from './service';

const SIZES = (process.env.STROKE_GRIDS ?? '2000').split(',').map(Number);
const STROKES = process.env.STROKE_GRIDS ? 12 : 2;

describe.each(SIZES)('a stroke in a draft of %i grids', (grids) => {
  let service: Service;
  let desktop: Desktop;

  beforeAll(async () => {
    service = await startService({ grids });
    desktop = await Desktop.start(service);
  }, 3_600_000);

  afterAll(async () => {
    await desktop?.close();
    await service?.stop();
  });

  it('is answered', async () => {
    const key = await makeKey(service, '--role', 'planner');
    const page = await desktop.open(`#/planner?key=${key}`);
    await page.fill('#new-draft input[name=title]', 'strokes');
    await page.click('#new-draft button[type=submit]');
    await expect.poll(() => page.locator('#draft-head').textContent(), { timeout: 60_000 }).toContain('strokes');
    const id = new URLSearchParams(page.url().split('?')[1]).get('draft')!;
    const units = await fetch(`${service.base}/v1/drafts/${id}/units?level=grid&limit=${STROKES * 7}`, { headers: { Authorization: `Bearer ${key}` } });
    const { features } = (await units.json()) as FeatureCollection;
    // The time from the release of the pointer to the frame in which the head of the draft has the next revision.
    await page.evaluate(() => {
      const head = () => document.querySelector('#draft-head')?.textContent;
      addEventListener('pointerup', ({ target }) => {
        if (!(target instanceof HTMLCanvasElement)) return;
        const [began, before] = [performance.now(), head()];
        const look = (): void => {
          if (head() === before) requestAnimationFrame(look);
          else performance.measure('stroke', { start: began });
        };
        requestAnimationFrame(look);
      }, true);
    });
    const strokes = async (): Promise<number[]> => page.evaluate(() => performance.getEntriesByName('stroke').map(({ duration }) => duration));
    for (let stroke = 0; stroke < STROKES; stroke += 1) {
      const unit = features[stroke * 7]!;
      const [west, south, east, north] = boundsOf(unit.geometry)!;
      await page.evaluate((bounds) => gridkeeper.map.fitBounds(bounds, { padding: 120, duration: 0 }), [west, south, east, north] as [number, number, number, number]);
      await idle(page);
      await page.click('[data-tool=split]');
      const [, y = 0] = insideOf(unit.geometry)!;
      const way = await page.evaluate((way) => {
        const box = gridkeeper.map.getContainer().getBoundingClientRect();
        return way.map((at) => gridkeeper.map.project(at)).map(({ x, y }) => [x + box.x, y + box.y]);
      }, [[west - (east - west) / 20, y], [east + (east - west) / 20, y]] as [number, number][]);
      await page.mouse.move(way[0]![0]!, way[0]![1]!);
      await page.mouse.down();
      await page.mouse.move(way[1]![0]!, way[1]![1]!, { steps: 6 });
      await page.mouse.up();
      await expect.poll(async () => (await strokes()).length, { timeout: 30_000 }).toBe(stroke + 1);
    }
    const times = (await strokes()).sort((a, b) => a - b);
    console.log(`a stroke in a draft of ${grids} grids: median ${Math.round(times[STROKES >> 1]!)} ms of ${STROKES} from the release of the pointer until its figures are drawn, ${Math.round(times[0]!)} to ${Math.round(times.at(-1)!)} ms`);
    expect(times).toHaveLength(STROKES);
  });
});
