// The styles in a real browser, against the built program, with screenshots to look at.
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type StyleSpecification, validateStyleMin } from '@maplibre/maplibre-gl-style-spec';
import { type Browser, type Page, chromium } from 'playwright-core';
import type { FeatureCollection, Position } from 'geojson';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { insideOf } from '../src/map/geometry';
import { FLAGS, pageAt } from './bare';
import { type Service, startService } from './service';

const SHOTS = fileURLToPath(new URL('../../target/screenshots/', import.meta.url));
const STYLES = ['boundaries', 'incidents', 'load', 'overdue', 'vacancy'];

declare global {
  // What the empty page holds.
  // eslint-disable-next-line no-var
  var maplibre: typeof import('maplibre-gl');
}

let service: Service;
let browser: Browser;

beforeAll(async () => {
  mkdirSync(SHOTS, { recursive: true });
  service = await startService({ liveIncidents: 300 });
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
});

afterAll(async () => {
  await browser?.close();
  await service?.stop();
});

async function style(name: string): Promise<StyleSpecification> {
  const response = await fetch(`${service.base}/styles/${name}`);
  expect(response.status).toBe(200);
  return (await response.json()) as StyleSpecification;
}

describe('each style', () => {
  it.each(STYLES)('%s is valid and names nothing outside', async (name) => {
    const written = await style(name);
    expect(validateStyleMin(written)).toEqual([]);
    expect(written).not.toHaveProperty('glyphs');
    const addresses = JSON.stringify(written).match(/https?:[^"]+/g) ?? [];
    expect(addresses.filter((address) => !address.startsWith(service.base))).toEqual([]);
    const sprite = JSON.parse(readFileSync(new URL('../../tiles/sprites/sprite.json', import.meta.url), 'utf8')) as object;
    const icons = JSON.stringify(written.layers).match(/"(open|overdue|closed|vacant)"(?=[,\]}])/g) ?? [];
    if (written.sprite) for (const icon of icons) expect(Object.keys(sprite)).toContain(icon.slice(1, -1));
  });

  it.each(STYLES)('%s is drawn at all zooms with names and without a word of complaint', async (name) => {
    const { page, complaints, elsewhere } = await pageAt(browser, service);
    const { features } = (await (await fetch(`${service.base}/collections/grid/items?limit=1`)).json()) as FeatureCollection;
    const inTown = insideOf(features[0]!.geometry);
    for (const zoom of [8.6, 11.2, 14.2]) {
      const seen = await draw(page, name, zoom, zoom > 12 ? inTown : null);
      expect(seen.layers.length).toBeGreaterThan(2);
      expect(seen.layers.some((layer) => layer.endsWith('-label'))).toBe(true);
      if (name === 'incidents') expect(seen.layers.some((layer) => layer.startsWith('incident'))).toBe(true);
      if (['load', 'overdue', 'vacancy'].includes(name)) {
        const fills = seen.layers.filter((layer) => layer.startsWith(`${name}-`) && !layer.endsWith('icon'));
        expect(fills).toHaveLength(1);
        expect(seen.figures.every((units) => units > 0)).toBe(true);
      }
      await page.screenshot({ path: join(SHOTS, `style-${name}-${zoom}.png`) });
    }
    expect(complaints).toEqual([]);
    expect(elsewhere).toEqual([]);
    await page.context().close();
  });
});

/** Draws a style and says what is seen of it: the layers, and of each unit how many finest units it has. */
async function draw(page: Page, name: string, zoom: number, center: Position | null): Promise<{ layers: string[]; figures: number[] }> {
  return page.evaluate(
    async ([name, zoom, center, key, base]) => {
      const { maplibre } = globalThis;
      document.body.innerHTML = '<div id="map" style="width:900px;height:640px"></div>';
      const tilejson = await (await fetch(`${base}/tiles/boundaries`)).json();
      const map = new maplibre.Map({
        container: 'map',
        style: `${base}/styles/${name}`,
        center: center ?? tilejson.center.slice(0, 2),
        zoom,
        fadeDuration: 0,
        transformRequest: (url) => ({ url, headers: url.startsWith(base) ? { Authorization: `Bearer ${key}` } : {} }),
      });
      await new Promise<void>((done) => map.once('idle', () => done()));
      const features = map.queryRenderedFeatures();
      const layers = [...new Set(features.map((feature) => feature.layer.id))];
      const fills = features.filter((feature) => feature.layer.type === 'fill');
      return { layers, figures: fills.map((feature) => Number(feature.properties.units ?? 0)) };
    },
    [name, zoom, center as [number, number] | null, service.key, service.base] as const,
  );
}
