// The questions the map asks, and the key it asks them with.
import type { Feature, FeatureCollection, Geometry } from 'geojson';

export interface Settings {
  version: string;
  attribution: string;
  notice: string;
  layers: { name: string; collections: string[] }[];
  basemap: { kind: 'raster' | 'pmtiles'; url: string; attribution: string; shift: 'gcj02' | 'bd09' | null } | null;
}

export interface Holder {
  worker?: { id: string; name: string; phone: string };
  post: 'primary' | 'backup' | 'leader';
  from: string;
}

export interface Answer {
  status: 'inside' | 'outside' | 'gap' | 'overlap';
  position: { lon: number; lat: number };
  layer: string;
  expires: string | null;
  grid: { id: string; code: string; name: string; href: string } | null;
  path: { level: string; code: string; name: string }[];
  responsible: (Holder & { fallback: Holder[] }) | null;
  vacant: boolean;
  distance_to_border_m: number | null;
  ambiguous: boolean;
  alternatives: { code: string; distance_m: number }[];
  nearest: { code: string; distance_m: number } | null;
}

/** A refusal of the service, in its own words. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    detail: string,
  ) {
    super(detail);
  }
}

const STORED = 'gridkeeper.key';
const ROOT = new URL('../', location.href.split('#')[0]);

/** Takes a key out of the page's address, so that it is neither seen nor handed on, and keeps it for this tab. */
export function takeKeyFromAddress(): void {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const key = fragment.get('key');
  if (key === null) return;
  setKey(key);
  fragment.delete('key');
  const rest = fragment.toString();
  history.replaceState(null, '', location.pathname + location.search + (rest ? `#${rest}` : ''));
}

export function key(): string | null {
  try {
    return sessionStorage.getItem(STORED);
  } catch {
    return null;
  }
}

export function setKey(key: string | null): void {
  if (key) sessionStorage.setItem(STORED, key);
  else sessionStorage.removeItem(STORED);
}

export function address(path: string): string {
  return new URL(path, ROOT).href;
}

/** Whether an address is the service's own, and so may be asked with the key. */
export function isOwn(url: string): boolean {
  return new URL(url, ROOT).origin === ROOT.origin;
}

export function headers(): Record<string, string> {
  const given = key();
  return given ? { Authorization: `Bearer ${given}` } : {};
}

async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await fetch(address(path), { headers: { Accept: 'application/geo+json, application/json', ...headers() }, signal: signal ?? null });
  const body: unknown = await response.json().catch(() => null);
  if (response.ok) return body as T;
  const problem = (body ?? {}) as { detail?: string; title?: string };
  throw new Refusal(response.status, problem.detail ?? problem.title ?? `${response.status}`);
}

export const loadSettings = (): Promise<Settings> => get('app/config.json');

/** Which units are asked for; the finest of the usual layer where nothing is said. */
export interface Wanted {
  layer: string;
  level: string;
}

export function locate(lon: number, lat: number, crs: string, wanted: Wanted | null, signal?: AbortSignal): Promise<Answer> {
  const query = new URLSearchParams({ lon: String(lon), lat: String(lat), ...wanted });
  if (crs) query.set('crs', crs);
  return get(`v1/locate?${query}`, signal);
}

/** Looks a code up in the collections, finest first. */
export async function findByCode(code: string, collections: string[]): Promise<{ collection: string; feature: Feature } | null> {
  const query = new URLSearchParams({ code, limit: '1' });
  const pages = await Promise.all(collections.map((collection) => get<FeatureCollection>(`collections/${collection}/items?${query}`)));
  for (const at of pages.keys()) {
    const feature = pages[at]?.features[0];
    if (feature) return { collection: collections[at] ?? '', feature };
  }
  return null;
}

/** Returns the geometry of a unit from the address that an answer gives. */
export async function loadUnit(href: string): Promise<Geometry> {
  // Only the path counts: the service may call itself by a name that this page cannot reach.
  const path = new URL(href, ROOT).pathname.split('/collections/')[1] ?? '';
  return (await get<Feature>(`collections/${path}`)).geometry;
}

/** Most incidents asked for at once; more would not be told apart on a screen. */
export const INCIDENTS_MAX = 2000;

export function loadIncidents(bbox: number[], signal: AbortSignal): Promise<FeatureCollection> {
  const query = new URLSearchParams({ bbox: bbox.map((value) => value.toFixed(6)).join(','), limit: String(INCIDENTS_MAX) });
  return get(`collections/incidents/items?${query}`, signal);
}
