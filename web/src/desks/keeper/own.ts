// What is a worker's own, as the service tells it to a key that is the worker's.
import type { Feature, FeatureCollection, Position } from 'geojson';
import { address } from '../../api/address';
import { type Schema, answered, client, getJson } from '../../api/client';
import type { Mine, MyUnit } from './mine';
import { type Neighbour, inOrder } from './neighbours';

const TASKS_MAX = 200;
const NOTICES_MAX = 1_000;

/** Notices that are shown, the newest. */
const NOTICES_SHOWN = 20;

/** Reports on borders that are shown, the newest. */
const REPORTS_SHOWN = 10;

export async function askOwn(me: Schema['Me'], from: Position | null): Promise<Mine> {
  const query = { limit: TASKS_MAX, ...(from && { lon: from[0] ?? 0, lat: from[1] ?? 0 }) };
  const [grids, walk, notices, borderReports] = await Promise.all([
    getJson<FeatureCollection>(address('v1/me/grid')),
    answered(client.GET('/v1/me/tasks', { params: { query } })),
    newest(),
    ownBorderReports(),
  ]);
  const tasks = walk.tasks.map((task) => ({ ...task, due_at: task.due_at ?? null, tasks: task.departments.map((department) => ({ department, name: department })) }));
  return { me, units: grids.features.map(toUnit), tasks, from, notices, borderReports };
}

function toUnit(feature: Feature): MyUnit {
  const { code, name, post, neighbours } = feature.properties as { code: string; name: string; post: string; neighbours: Neighbour[] };
  return { feature: { ...feature, properties: { code, name } }, code, name, post, holder: null, neighbours: inOrder(neighbours) };
}

/** What one has said of borders, those that were answered too. */
export async function ownBorderReports(): Promise<Schema['BorderReportView'][]> {
  const { reports } = await answered(client.GET('/v1/me/border-reports'));
  return reports.slice(-REPORTS_SHOWN).reverse();
}

/** The newest of all notices, which the service lists from the oldest on. */
async function newest(): Promise<Schema['NoticeView'][]> {
  let found: Schema['NoticeView'][] = [];
  for (let after = 0; ; ) {
    const page = await answered(client.GET('/v1/me/notices', { params: { query: { after, limit: NOTICES_MAX } } }));
    found = [...found, ...page.notices].slice(-NOTICES_SHOWN);
    if (page.notices.length < NOTICES_MAX) return found.reverse();
    after = page.next;
  }
}

/** Tells the service where one is, where one has agreed to that; it keeps the last place alone. What it refuses, off shift or on, is no matter here. */
export async function tellPosition(me: Schema['Me'] | null, [lon = 0, lat = 0]: Position): Promise<void> {
  if (!me?.consent.positions || !me.on_duty) return;
  await client.PUT('/v1/me/position', { body: { lon, lat } }).catch(() => undefined);
}
