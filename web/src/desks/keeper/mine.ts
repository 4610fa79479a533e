// My grid and my tasks: what the service says is a worker's own, or for a key that is nobody's the units that it is limited to and the cases in
// them. Asked for where there is a network, else as it was kept.
import { signal } from '@preact/signals';
import type { Position } from 'geojson';
import { type Schema, answered, client } from '../../api/client';
import { explain } from '../../parts/explain';
import { keep, kept } from '../../parts/kept';
import { askOwn } from './own';
import { askScope } from './scope';
import type { Neighbour } from './neighbours';
import type { Feature } from 'geojson';
import { inWalkingOrder } from './walk';

export type Holder = Schema['ResponsibleView'];

export interface MyUnit {
  feature: Feature;
  code: string;
  name: string;
  /** Who is on duty there; null where that is nobody, or told otherwise. */
  holder: Holder | null;
  /** One's own post there. */
  post: string | null;
  neighbours: Neighbour[];
}

/** A case that is to be looked after, a place to be looked at, or a task for which one is named. */
export interface Task {
  id: string;
  version: number;
  kind: string;
  state: string | null;
  title: string | null;
  category: string;
  description: string;
  position: { lon: number; lat: number };
  due_at: string | null;
  overdue: boolean;
  actions: Schema['ActionView'][];
  tasks: { department: string; name: string }[];
}

export interface Mine {
  /** Null where the key is nobody's own. */
  me: Schema['Me'] | null;
  units: MyUnit[];
  /** In walking order from `from`, where the service has put them so. */
  tasks: (Task & { leg_m?: number })[];
  from: Position | null;
  notices: Schema['NoticeView'][];
  /** Where one said that a border is wrong, the newest first. */
  borderReports: Schema['BorderReportView'][];
}

export const mine = signal<Mine | null>(null);
/** When what is shown was kept; null while it is fresh. */
export const keptAt = signal<number | null>(null);
export const trouble = signal<(() => string) | null>(null);
export const where = signal<Position | null>(null);

/** The tasks in walking order: as the service has put them from where one is, else as they are put here, without a network too. */
export function tasks(): (Task & { leg_m: number | null })[] {
  const known = mine.value;
  if (!known) return [];
  const isPut = known.me !== null && known.from?.join() === where.value?.join();
  if (!isPut) return inWalkingOrder(known.tasks, where.value);
  return known.tasks.map((task, at) => ({ ...task, leg_m: at === 0 && known.from === null ? null : (task.leg_m ?? null) }));
}

/** Which time of asking is the last: what comes late of another is not shown. */
let asking = 0;

export async function loadMine(): Promise<void> {
  const own = (asking += 1);
  trouble.value = null;
  try {
    const me = await answered(client.GET('/v1/me'));
    const fresh = me.worker ? await askOwn(me, where.peek()) : await askScope();
    if (own !== asking) return;
    await keep('own', fresh).catch(() => undefined);
    [mine.value, keptAt.value] = [fresh, null];
  } catch (error) {
    if (own !== asking) return;
    // A refusal is an answer; only where none came is the kept one shown.
    const before = error instanceof TypeError ? await kept<Mine>('own') : null;
    if (before) [mine.value, keptAt.value] = [before.value, before.at];
    else trouble.value = () => explain(error) ?? '';
  }
}
