// What is drawn at the planner's desk over a basemap with an offset is meant where it really lies.
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Feature, FeatureCollection, Position } from 'geojson';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { boundsOf, insideOf, ringsOf } from '../src/map/geometry';
import { type Shift, shiftGeometry, shiftPosition } from '../src/map/shift';
import { Desktop, drawOn, idle } from './browser';
import { type Service, makeKey, startService } from './service';

describe.each(['gcj02', 'bd09'] as Shift[])('a draft over a basemap in %s', (shift) => {
  let basemap: Server;
  let service: Service;
  let desktop: Desktop;
  let page: Page;
  let key: string;
  let id: string;

  async function ask<T>(path: string): Promise<T> {
    const response = await fetch(service.base + path, { headers: { Authorization: `Bearer ${key}` } });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json() as Promise<T>;
  }

  const revisionNow = async (): Promise<number> => (await ask<{ revision: number }>(`/v1/drafts/${id}`)).revision;
  const unitsNow = async (): Promise<Feature[]> => (await ask<FeatureCollection>(`/v1/drafts/${id}/units?level=grid&limit=10000`)).features;

  async function look(unit: Feature): Promise<void> {
    await page.evaluate((bounds) => gridkeeper.map.fitBounds(bounds, { padding: 120, duration: 0 }), boundsOf(shiftGeometry(unit.geometry, shift))!);
    await idle(page);
  }

  /** Draws along places where the basemap shows them. */
  const drag = (way: Position[]): Promise<void> => drawOn(page, way.map((at) => shiftPosition(at, shift)));

  beforeAll(async () => {
    basemap = createServer((_, answer) => answer.writeHead(204, { 'Access-Control-Allow-Origin': '*' }).end());
    await new Promise<void>((listening) => basemap.listen(0, '127.0.0.1', listening));
    const { port } = basemap.address() as AddressInfo;
    service = await startService({ settings: `[map.basemap]\nsource = "http://127.0.0.1:${port}/{z}/{x}/{y}.png"\nattribution = "nobody"\nshift = "${shift}"\n` });
    key = await makeKey(service, '--role', 'planner');
    desktop = await Desktop.start(service);
    page = await desktop.open(`#/planner?key=${key}`);
    await page.fill('#new-draft input[name=title]', 'shifted');
    await page.click('#new-draft button[type=submit]');
    await page.locator('#draft-head', { hasText: 'shifted' }).waitFor();
    id = new URLSearchParams(page.url().split('?')[1]).get('draft')!;
    await idle(page);
  }, 300_000);

  afterAll(async () => {
    await desktop?.close();
    await service?.stop();
    basemap?.close();
  });

  it('is split where the line is seen to run', async () => {
    const before = await unitsNow();
    const unit = before[25]!;
    await look(unit);
    const [west, , east] = boundsOf(unit.geometry)!;
    const [, y = 0] = insideOf(unit.geometry)!;
    await page.click('[data-tool=split]');
    const revision = await revisionNow();
    await drag([[west - (east - west) / 20, y], [(west + east) / 2, y], [east + (east - west) / 20, y]]);
    await expect.poll(revisionNow, { timeout: 30_000 }).toBe(revision + 1);
    const known = new Set(before.map(({ properties }) => String(properties!.code)));
    const fresh = (await unitsNow()).filter(({ properties }) => !known.has(String(properties!.code)));
    expect(fresh.length).toBeGreaterThan(0);
    const [left, , right] = boundsOf(fresh[0]!.geometry)!;
    expect(left >= west && right <= east, 'what is new is a part of the unit').toBe(true);
    await page.click('#undo');
    await expect.poll(revisionNow).toBe(revision + 2);
  });

  it('has the corner that is taken, and puts it where the pointer is let go', async () => {
    const unit = (await unitsNow())[25]!;
    await look(unit);
    const ring = ringsOf(unit.geometry)[0]!;
    const inside = insideOf(unit.geometry)!;
    await page.click('[data-tool=border]');
    await page.check('#with-parents');
    await idle(page);
    const from = ring[Math.floor(ring.length / 2)]!;
    const to: Position = [from[0]! + (inside[0]! - from[0]!) * 0.08, from[1]! + (inside[1]! - from[1]!) * 0.08];
    const revision = await revisionNow();
    await drag([from, to]);
    await expect.poll(revisionNow, { timeout: 30_000 }).toBe(revision + 1);
    const moved = (await unitsNow()).find(({ properties }) => properties!.code === unit.properties!.code)!;
    const far = ringsOf(moved.geometry).flat().map(([x = 0, y = 0]) => Math.hypot(x - to[0]!, y - to[1]!));
    // A few pixels; the basemap lies some fifty times as far off.
    expect(Math.min(...far)).toBeLessThan(1e-4);
    expect(ringsOf(moved.geometry).flat()).not.toContainEqual(from);
  });
});
