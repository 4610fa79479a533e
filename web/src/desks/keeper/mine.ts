// My grid and my tasks: the units that my key is limited to and the cases in them, asked for where there is a network, else as they were kept.
import { signal } from '@preact/signals';
import type { Feature, FeatureCollection, Position } from 'geojson';
import { address } from '../../api/address';
import { type Schema, getJson } from '../../api/client';
import { loadSettings, settings } from '../../api/settings';
import type { Case } from '../../cases/act';
import { insideOf } from '../../map/geometry';
import { explain } from '../../parts/explain';
import { keep, kept } from '../../parts/kept';
import { type Neighbour, neighboursOf } from './neighbours';
import { inWalkingOrder } from './walk';

export type Holder = Schema['ResponsibleView'];

export interface MyUnit {
  feature: Feature;
  code: string;
  name: string;
  holder: Holder | null;
  neighbours: Neighbour[];
}

interface Mine {
  units: MyUnit[];
  cases: Case[];
}

/** Units that are shown; a key that reaches more is no keeper's. */
const UNITS_MAX = 12;

/** Cases that are walked to. */
const CASES_MAX = 200;

export const mine = signal<Mine | null>(null);
/** When what is shown was kept; null while it is fresh. */
export const keptAt = signal<number | null>(null);
export const trouble = signal<(() => string) | null>(null);
export const where = signal<Position | null>(null);

export type Task = Case & { leg_m: number | null };

/** The cases in walking order from where one is. */
export function tasks(): Task[] {
  return inWalkingOrder(mine.value?.cases ?? [], where.value);
}

export async function loadMine(): Promise<void> {
  trouble.value = null;
  try {
    const fresh = await ask();
    await keep('mine', fresh).catch(() => undefined);
    [mine.value, keptAt.value] = [fresh, null];
  } catch (error) {
    // A refusal is an answer; only where none came is the kept one shown.
    const before = error instanceof TypeError ? await kept<Mine>('mine') : null;
    if (before) [mine.value, keptAt.value] = [before.value, before.at];
    else trouble.value = () => explain(error) ?? '';
  }
}

async function ask(): Promise<Mine> {
  const { caller, layers } = settings.peek() ?? (await loadSettings());
  const collections = layers.flatMap((layer) => [...layer.collections].reverse());
  const [units, { incidents }] = await Promise.all([
    Promise.all(caller.scope.slice(0, UNITS_MAX).map((code) => unitOf(code, collections))),
    getJson<{ incidents: Case[] }>(address(`v1/incidents?open=true&limit=${CASES_MAX}`)),
  ]);
  return { units: units.filter((unit) => unit !== null), cases: caller.scope.length > 0 ? incidents : [] };
}

async function unitOf(code: string, collections: string[]): Promise<MyUnit | null> {
  for (const collection of collections) {
    const { features } = await getJson<FeatureCollection>(address(`collections/${collection}/items?code=${encodeURIComponent(code)}&limit=1`));
    const [feature] = features;
    if (!feature) continue;
    const around = await getJson<FeatureCollection>(address(`collections/${collection}/items/${encodeURIComponent(code)}/touches?limit=100`));
    const inside = insideOf(feature.geometry);
    const answer = inside && (await getJson<{ responsible: Holder | null }>(address(`v1/locate?lon=${inside[0]}&lat=${inside[1]}`)));
    return { feature, code, name: String(feature.properties?.name ?? ''), holder: answer?.responsible ?? null, neighbours: neighboursOf(feature, around.features) };
  }
  return null;
}
