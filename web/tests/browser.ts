// A real browser on the built program: what every desk's tests need.
import type { Position } from 'geojson';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Map as MapLibre } from 'maplibre-gl';
import { type Browser, type Page, chromium, type BrowserContextOptions } from 'playwright-core';
import { expect } from 'vitest';
import type { Service } from './service';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const SHOTS = fileURLToPath(new URL('../../target/screenshots/', import.meta.url));
const FLAGS = [
  '--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist',
];
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

declare global {
  // What the page leaves for tests.
  // eslint-disable-next-line no-var
  var gridkeeper: { map: MapLibre };
  // eslint-disable-next-line no-var
  var axe: { run: (context: unknown, options: unknown) => Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }> };
}

/** A browser whose pages tell what they complained of, and whom else they asked. */
export class Desktop {
  readonly complaints: string[] = [];
  readonly elsewhere: string[] = [];

  private constructor(
    private readonly browser: Browser,
    private readonly service: Service,
  ) {}

  static async start(service: Service): Promise<Desktop> {
    if (!existsSync(CHROMIUM)) throw new Error(`${CHROMIUM} is missing: install the package chromium (scripts/install-tools test)`);
    mkdirSync(SHOTS, { recursive: true });
    return new Desktop(await chromium.launch({ executablePath: CHROMIUM, args: FLAGS }), service);
  }

  async open(fragment: string, options: BrowserContextOptions = {}): Promise<Page> {
    const context = await this.browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'zh-CN', timezoneId: 'Asia/Shanghai', ...options });
    const page = await context.newPage();
    page.on('console', (message) => {
      // Software rendering tells of itself, and a browser of each answer that is an error; neither is a fault of the page.
      if (['error', 'warning'].includes(message.type()) && !/GPU stall|WebGL|swiftshader|Failed to load resource/i.test(message.text())) this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(String(error)));
    page.on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(this.service.base) && !/^(data|blob):/.test(url)) this.elsewhere.push(url);
    });
    await page.goto(`${this.service.base}/app/${fragment}`);
    await page.locator('#panel h1').waitFor({ state: 'attached' });
    return page;
  }

  async close(): Promise<void> {
    await this.browser.close();
  }
}

/** Waits until the map has come to rest and is drawn. */
export async function idle(page: Page): Promise<void> {
  await page.waitForFunction(() => globalThis.gridkeeper?.map?.loaded() && !globalThis.gridkeeper.map.isMoving());
  await page.waitForTimeout(500);
  await page.waitForFunction(() => globalThis.gridkeeper.map.loaded() && globalThis.gridkeeper.map.areTilesLoaded());
}

/** Draws a line on the map with the pointer, along places as the map shows them. */
export async function drawOn(page: Page, way: Position[]): Promise<void> {
  const points = await page.evaluate((way) => {
    const box = gridkeeper.map.getContainer().getBoundingClientRect();
    return way.map((at) => gridkeeper.map.project(at as [number, number])).map(({ x, y }) => [x + box.x, y + box.y] as [number, number]);
  }, way);
  await page.mouse.move(...points[0]!);
  await page.mouse.down();
  for (const point of points.slice(1)) await page.mouse.move(...point, { steps: 6 });
  await page.mouse.up();
}

/** A photo as a camera gives it: so large, of one colour. */
export async function photo(page: Page, width: number, height: number, colour: string): Promise<{ name: string; mimeType: string; buffer: Buffer }> {
  const encoded = await page.evaluate(
    ([width, height, colour]) => {
      const canvas = document.createElement('canvas');
      [canvas.width, canvas.height] = [width, height];
      const pen = canvas.getContext('2d')!;
      pen.fillStyle = colour;
      pen.fillRect(0, 0, width, height);
      return canvas.toDataURL('image/jpeg').split(',')[1]!;
    },
    [width, height, colour] as const,
  );
  return { name: 'photo.jpg', mimeType: 'image/jpeg', buffer: Buffer.from(encoded, 'base64') };
}

/** Keeps a picture of the page, to be looked at. */
export async function picture(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(SHOTS, `${name}.png`) });
}

/** Fails with all that axe finds wrong for people who hear or tap a page instead of seeing and clicking it. */
export async function expectAccessible(page: Page): Promise<void> {
  // What still appears is pale for a moment, which is not how the page is read.
  await page.evaluate(async () => {
    const ending = document.getAnimations().filter((animation) => Number.isFinite(animation.effect?.getComputedTiming().endTime));
    await Promise.allSettled(ending.map((animation) => animation.finished));
  });
  // Into the page's own world, past its policy, which lets nobody's script in but ours.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] }));
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join(' | ')}`)).toEqual([]);
}

/** Fails where the page is wider than its window. */
export async function expectFits(page: Page): Promise<void> {
  expect(await page.evaluate(() => [document.documentElement, document.getElementById('panel') as HTMLElement].filter((element) => element.scrollWidth > element.clientWidth).map((element) => element.id || element.tagName))).toEqual([]);
}

export const PHONE: BrowserContextOptions = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };
