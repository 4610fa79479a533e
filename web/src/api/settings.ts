// What the console is told before it draws.
import { signal } from '@preact/signals';
import { address } from './address';
import { Refusal, type Schema, getJson } from './client';
import { headers, key, setKey } from './key';

export type Role = 'public' | 'worker' | 'dispatcher' | 'planner' | 'admin';

export interface Settings {
  version: string;
  attribution: string;
  notice: string;
  layers: { name: string; collections: string[] }[];
  basemap: { kind: 'raster' | 'pmtiles'; url: string; attribution: string; shift: 'gcj02' | 'bd09' | null } | null;
  caller: { role: Role; scope: string[] };
  workflow: { name: string; states: { name: string; title: string; end: boolean }[]; actions: { name: string; title: string }[] };
}

export const settings = signal<Settings | null>(null);

/** Whether the service keeps drafts and shows them to who asks, believed until it says no; without them there is no desk for planning. */
export const hasDrafts = signal(true);

/** Whether the key is a keeper's. Others who work here may be keepers too; until the service says so of a key it is not believed. */
export const isKeeper = signal(false);

/** Whether a key was refused and forgotten when the page was opened. */
export const wasKeyRefused = signal(false);

/** Asks for the settings; a key that is not taken is forgotten, and they are asked for without it. */
export async function loadSettings(): Promise<Settings> {
  try {
    settings.value = await getJson<Settings>(address('app/config.json'));
  } catch (error) {
    if (!(error instanceof Refusal && error.status === 401 && key())) throw error;
    setKey(null, false);
    wasKeyRefused.value = true;
    settings.value = await getJson<Settings>(address('app/config.json'));
  }
  const { role } = settings.value.caller;
  isKeeper.value = role === 'worker';
  // The map does not wait for these.
  if (role === 'planner' || role === 'admin') void fetch(address('v1/drafts?limit=1'), { headers: headers() }).then(({ ok }) => (hasDrafts.value = ok), () => undefined);
  if (role !== 'public' && role !== 'worker') void getJson<Schema['Me']>(address('v1/me')).then(({ worker }) => (isKeeper.value = worker != null), () => undefined);
  return settings.value;
}

export function role(): Role {
  return settings.value?.caller.role ?? 'public';
}

/** The finest collection of the usual layer, and the layer's name. */
export function finest(): { layer: string; level: string; collection: string } | null {
  const layer = settings.value?.layers.find((layer) => layer.collections.length > 0);
  const collection = layer?.collections.at(-1);
  return layer && collection ? { layer: layer.name, collection, level: collection.split('.').at(-1) ?? collection } : null;
}
