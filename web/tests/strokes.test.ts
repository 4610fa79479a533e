// How long it takes from the end of a stroke until its figures are drawn, and what of it. Printed, not judged.
import type { FeatureCollection } from 'geojson';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { boundsOf, insideOf } from '../src/map/geometry';
import { drawOn, idle } from './browser';
import { makeKey } from './service';
import { describeSizes, spread } from './sized';

const STROKES = process.env.STROKE_GRIDS ? 12 : 2;

/** A stroke from the release of the pointer on, ms. */
interface Stroke {
  /** Until the frame in which the head of the draft has the next revision. */
  figures: number;
  /** Of that: what the desk does before it asks, what the service needs to answer, and what the desk does until the page is changed. */
  before: number;
  service: number;
  after: number;
  /** Of that, too: from the page that is changed to the frame that shows it. */
  frame: number;
  /** Until the map shows the units as they are now. */
  map: number;
}

/** Has a page keep how long each stroke takes on it. */
async function watch(page: Page): Promise<void> {
  await page.evaluate(() => {
    const strokes: Stroke[] = [];
    Object.assign(globalThis, { strokes });
    performance.setResourceTimingBufferSize(10_000);
    // The browser tells of a request a little after it hands its answer over, later where it has much to do.
    const timingOf = async (released: number): Promise<PerformanceResourceTiming> => {
      const entries = performance.getEntriesByType('resource') as PerformanceResourceTiming[];
      const found = entries.findLast(({ name, startTime }) => name.endsWith('/operations') && startTime >= released);
      return found ?? new Promise((resolve) => setTimeout(resolve, 10)).then(() => timingOf(released));
    };
    addEventListener('pointerup', ({ target, timeStamp: released }) => {
      const head = document.querySelector('#draft-head')!;
      if (!(target instanceof HTMLCanvasElement)) return;
      const seen = new MutationObserver(() => {
        seen.disconnect();
        const changed = performance.now();
        requestAnimationFrame(() => {
          const shown = performance.now();
          void gridkeeper.map.once('idle', async () => {
            const map = performance.now() - released;
            const asked = await timingOf(released);
            strokes.push({ figures: shown - released, before: asked.requestStart - released, service: asked.responseEnd - asked.requestStart, after: changed - asked.responseEnd, frame: shown - changed, map });
          });
          gridkeeper.map.triggerRepaint();
        });
      });
      seen.observe(head, { subtree: true, childList: true, characterData: true });
    }, true);
  });
}

const strokesOf = (page: Page): Promise<Stroke[]> => page.evaluate(() => (globalThis as unknown as { strokes: Stroke[] }).strokes);

describeSizes('STROKE_GRIDS', 'a stroke in a draft of %i grids', (ground) => {
  it('is answered', async () => {
    const { service } = ground;
    const key = await makeKey(service, '--role', 'planner');
    const page = await ground.desktop.open(`#/planner?key=${key}`);
    await page.fill('#new-draft input[name=title]', 'strokes');
    await page.click('#new-draft button[type=submit]');
    await expect.poll(() => page.locator('#draft-head').textContent(), { timeout: 600_000 }).toContain('strokes');
    await expect.poll(() => page.locator('#loading-units').count(), { timeout: 600_000 }).toBe(0);
    const id = new URLSearchParams(page.url().split('?')[1]).get('draft')!;
    const units = await fetch(`${service.base}/v1/drafts/${id}/units?level=grid&limit=${STROKES * 7}`, { headers: { Authorization: `Bearer ${key}` } });
    const { features } = (await units.json()) as FeatureCollection;
    await watch(page);
    for (let stroke = 0; stroke < STROKES; stroke += 1) {
      const unit = features[stroke * 7]!;
      const [west, south, east, north] = boundsOf(unit.geometry)!;
      await page.evaluate((bounds) => void gridkeeper.map.fitBounds(bounds, { padding: 120, duration: 0 }), [west, south, east, north] as [number, number, number, number]);
      await idle(page);
      await page.click('[data-tool=split]');
      const [, y = 0] = insideOf(unit.geometry)!;
      await drawOn(page, [[west - (east - west) / 20, y], [east + (east - west) / 20, y]]);
      await expect.poll(async () => (await strokesOf(page)).length, { timeout: 60_000 }).toBe(stroke + 1);
    }
    const strokes = await strokesOf(page);
    const told = (part: keyof Stroke): string => spread(strokes.map((stroke) => stroke[part]));
    console.log([
      `a stroke in a draft of ${ground.grids} grids, ${STROKES} of them, from the release of the pointer until its figures are drawn: ${told('figures')}`,
      `  the desk before it asks: ${told('before')}`,
      `  the service, and the way there and back: ${told('service')}`,
      `  the desk once it is answered: ${told('after')}`,
      `  until the next frame: ${told('frame')}`,
      `  until the map has the units too: ${told('map')}`,
    ].join('\n'));
    expect(strokes).toHaveLength(STROKES);
  }, 3_600_000);
});
