// How long it takes from the address to a map that is drawn. Printed, not judged.
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { describeSizes, spread } from './sized';

const RUNS = 5;

async function firstMap(page: Page): Promise<number> {
  const mark = await page.waitForFunction(() => performance.getEntriesByName('first map')[0]?.startTime);
  return (await mark.jsonValue()) as number;
}

describeSizes('FIRST_MAP_GRIDS', 'the first map of %i grids', (ground) => {
  it('is drawn', async () => {
    const times: number[] = [];
    for (let run = 0; run < RUNS; run += 1) {
      const page = await ground.desktop.open('');
      times.push(await firstMap(page));
      await page.context().close();
    }
    console.log(`first map of ${ground.grids} grids: ${spread(times)} in ${RUNS} runs with an empty cache`);
    expect(times).toHaveLength(RUNS);
  });

  it('waits for no answer only to learn what to ask for next', async () => {
    const page = await ground.desktop.open('');
    await firstMap(page);
    const asked = await page.evaluate(() => (performance.getEntriesByType('resource') as PerformanceResourceTiming[]).map(({ name, startTime, responseEnd }) => ({ path: new URL(name).pathname, startTime, responseEnd })));
    const of = (part: RegExp) => asked.filter(({ path }) => part.test(path));
    // What is told of the tiles is asked for once, beside the style.
    expect(of(/\/tiles\/boundaries$/)).toHaveLength(1);
    const own = of(/\/assets\/index-[^/]*\.js$/)[0]!;
    // The code of the map is under way before that of the page has come, which would name it.
    for (const code of [of(/\/assets\/maplibre-(?!gl)[^/]*\.js$/)[0], of(/\/assets\/open-[^/]*\.js$/)[0]]) expect(code!.startTime).toBeLessThan(own.responseEnd);
    await page.context().close();
  });
});
