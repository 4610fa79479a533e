// What a key reaches that is limited to units and is nobody's own.
import type { FeatureCollection } from 'geojson';
import { address } from '../../api/address';
import { getJson } from '../../api/client';
import { loadSettings, settings } from '../../api/settings';
import type { Case } from '../../cases/act';
import { insideOf } from '../../map/geometry';
import type { Holder, Mine, MyUnit, Task } from './mine';
import { neighboursOf } from './neighbours';
import { ownBorderReports } from './own';

/** Units that are shown; a key that reaches more is no keeper's. */
const UNITS_MAX = 12;

/** Cases that are walked to. */
const CASES_MAX = 200;

export async function askScope(): Promise<Mine> {
  const { caller, layers } = settings.peek() ?? (await loadSettings());
  const collections = layers.flatMap((layer) => [...layer.collections].reverse());
  const [units, { incidents }, borderReports] = await Promise.all([
    Promise.all(caller.scope.slice(0, UNITS_MAX).map((code) => unitOf(code, collections))),
    getJson<{ incidents: Case[] }>(address(`v1/incidents?open=true&limit=${CASES_MAX}`)),
    ownBorderReports(),
  ]);
  return { me: null, units: units.filter((unit) => unit !== null), tasks: caller.scope.length > 0 ? incidents.map(toTask) : [], from: null, notices: [], borderReports };
}

function toTask(one: Case): Task {
  return { ...one, kind: 'case', state: one.state ?? null, title: one.title ?? null, due_at: one.due_at ?? null };
}

async function unitOf(code: string, collections: string[]): Promise<MyUnit | null> {
  for (const collection of collections) {
    const { features } = await getJson<FeatureCollection>(address(`collections/${collection}/items?code=${encodeURIComponent(code)}&limit=1`));
    const [feature] = features;
    if (!feature) continue;
    const around = await getJson<FeatureCollection>(address(`collections/${collection}/items/${encodeURIComponent(code)}/touches?limit=100`));
    const inside = insideOf(feature.geometry);
    const answer = inside && (await getJson<{ responsible: Holder | null }>(address(`v1/locate?lon=${inside[0]}&lat=${inside[1]}`)));
    return { feature, code, name: String(feature.properties?.name ?? ''), holder: answer?.responsible ?? null, post: null, neighbours: neighboursOf(feature, around.features) };
  }
  return null;
}
