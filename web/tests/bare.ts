// A page of the service's own origin with MapLibre at hand, for tests that draw maps by themselves.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import type { Service } from './service';

export const FLAGS = [
  '--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist',
];

const MAPLIBRE = new URL('../node_modules/maplibre-gl/dist/', import.meta.url);

const PAGE = `<!doctype html><title>map</title><body><script type="module">
  import * as maplibre from '/maplibre-gl.mjs';
  maplibre.setWorkerUrl('/maplibre-gl-worker.mjs');
  globalThis.maplibre = maplibre;
</script>`;

export interface Opened {
  page: Page;
  complaints: string[];
  elsewhere: string[];
}

/** Opens an empty page under the service's address; what MapLibre consists of is served there too. */
export async function pageAt(browser: Browser, service: Service): Promise<Opened> {
  const context = await browser.newContext({ viewport: { width: 920, height: 660 }, locale: 'zh-CN' });
  const page = await context.newPage();
  const complaints: string[] = [];
  const elsewhere: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()) && !/GPU stall|WebGL|swiftshader/i.test(message.text())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => {
    if (!request.url().startsWith(service.base) && !/^(data|blob):/.test(request.url())) elsewhere.push(request.url());
  });
  await page.route(`${service.base}/empty`, (route) => route.fulfill({ contentType: 'text/html', body: PAGE }));
  await page.route(/\/maplibre-gl[\w.-]*\.mjs$/, (route) => {
    const file = fileURLToPath(new URL(route.request().url().split('/').pop() ?? '', MAPLIBRE));
    return route.fulfill({ contentType: 'text/javascript', body: readFileSync(file, 'utf8') });
  });
  await page.goto(`${service.base}/empty`);
  await page.waitForFunction(() => 'maplibre' in globalThis);
  return { page, complaints, elsewhere };
}
