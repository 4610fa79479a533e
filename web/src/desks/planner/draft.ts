// The draft that is open: what the service says of it, and the moves that change it. Nothing is changed here that the service has not taken.
import { computed, signal } from '@preact/signals';
import type { Feature, FeatureCollection, Geometry } from 'geojson';
import { address } from '../../api/address';
import { Refusal, getJson, refusal } from '../../api/client';
import { headers } from '../../api/key';
import { explain } from '../../parts/explain';
import { t } from './words';

export interface LevelMetrics {
  level: string;
  units: number;
  locked: number;
  area_m2: number;
  border_m: number;
  polsby_popper: number;
  in_pieces: number;
  load: { sum: number; mean: number; max: number; min: number; max_over_mean: number; cv: number } | null;
}

export interface Metrics {
  levels: LevelMetrics[];
  changed: { begun: number; ended: number; reshaped: number; reassigned: number; renamed: number };
}

export interface Draft {
  id: string;
  layer: string;
  number: number;
  revision: number;
  state: 'open' | 'approved' | 'published' | 'withdrawn';
  title: string;
  author: string;
  created_at: string;
  effective_from: string | null;
  base: { generation: number; is_newest: boolean };
  can_undo: boolean;
  can_redo: boolean;
  levels: { level: string; units: number; is_finest: boolean }[];
  load_field: string | null;
  approval: { by: string; at: string; note?: string } | null;
  published_as: number | null;
  metrics?: Metrics;
}

export interface UnitProperties {
  code: string;
  name: string;
  level: string;
  parent: string | null;
  locked: boolean;
  area_m2: number;
  load: number | null;
}

export type Unit = Feature<Geometry, UnitProperties>;

interface Applied {
  revision: number;
  can_undo: boolean;
  can_redo: boolean;
  summary: string;
  units: { level: string; code: string; change: string }[];
  features: FeatureCollection<Geometry, UnitProperties>;
  metrics: Metrics;
}

export type Operation = { op: string } & Record<string, unknown>;

/** Units on a page, the most the service sends at once. */
const UNITS_MAX = 10_000;

export const draft = signal<Draft | null>(null);
export const units = signal<ReadonlyMap<string, Unit>>(new Map());
export const chosen = signal<ReadonlySet<string>>(new Set());
export const parents = signal<{ code: string; name: string }[]>([]);
export const said = signal<{ kind: 'done' | 'error' | 'warning'; say: () => string } | null>(null);
/** Where the last refusal says that the fault lies. */
export const faultPlace = signal<Geometry | null>(null);

/** The levels between which units are moved: the finest, and that above it. */
export const finest = computed(() => draft.value?.levels.find(({ is_finest }) => is_finest)?.level ?? draft.value?.levels.at(-1)?.level ?? '');
export const above = computed(() => {
  const levels = draft.value?.levels ?? [];
  const at = levels.findIndex(({ level }) => level === finest.value);
  return at > 0 ? (levels[at - 1]?.level ?? null) : null;
});

export const isOpen = computed(() => draft.value?.state === 'open' || draft.value?.state === 'approved');

/** Opens a draft with all its finest units and the parents to which they may go. */
export async function openDraft(id: string): Promise<void> {
  said.value = null;
  try {
    draft.value = await getJson<Draft>(address(`v1/drafts/${id}`));
    chosen.value = new Set();
    const page = await getJson<FeatureCollection<Geometry, UnitProperties>>(address(`v1/drafts/${id}/units?level=${finest.value}&limit=${UNITS_MAX}`));
    units.value = new Map(page.features.map((unit) => [unit.properties.code, unit]));
    if (above.value) {
      const coarser = await getJson<FeatureCollection<Geometry, UnitProperties>>(address(`v1/drafts/${id}/units?level=${above.value}&limit=${UNITS_MAX}`));
      parents.value = coarser.features.map(({ properties: { code, name } }) => ({ code, name }));
    }
  } catch (error) {
    said.value = { kind: 'error', say: () => explain(error) ?? '' };
  }
}

/** Asks the service to change the draft. Answers whether it did. */
export async function apply(...operations: Operation[]): Promise<boolean> {
  return change('POST', 'operations', operations.length === 1 ? operations[0] : operations);
}

export const undo = (): Promise<boolean> => change('DELETE', 'operations/last');
export const redo = (): Promise<boolean> => change('POST', 'operations/redo');

let isBusy: Promise<unknown> = Promise.resolve();

/** Changes wait for each other, as each needs the revision that the one before has made. */
function change(method: string, path: string, body?: unknown): Promise<boolean> {
  const next = isBusy.then(() => changeNow(method, path, body));
  isBusy = next.catch(() => undefined);
  return next;
}

async function changeNow(method: string, path: string, body?: unknown): Promise<boolean> {
  const started = performance.now();
  faultPlace.value = null;
  try {
    const applied = await send<Applied>(method, path, body);
    take(applied);
    const took = Math.round(performance.now() - started);
    said.value = { kind: 'done', say: () => t('stroke', applied.summary, took) };
    return true;
  } catch (error) {
    await tell(error);
    return false;
  }
}

/** Sends something about the draft, under the revision that is shown. */
export async function send<T>(method: string, path: string, body?: unknown): Promise<T> {
  const open = draft.value as Draft;
  const response = await fetch(address(`v1/drafts/${open.id}${path && `/${path}`}`), {
    method, headers: { Accept: 'application/json', 'Content-Type': 'application/json', 'If-Match': `"${open.id}-${open.revision}"`, ...headers() },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw await refusal(response);
  return (await response.json()) as T;
}

/** Says why something was refused; where somebody else was quicker, the draft is loaded anew. */
export async function tell(error: unknown): Promise<void> {
  if (error instanceof Refusal && error.status === 412) {
    await openDraft((draft.value as Draft).id);
    said.value = { kind: 'warning', say: () => t('changed') };
    return;
  }
  if (error instanceof Refusal) {
    const { place, remedy } = error.problem as { place?: Geometry | null; remedy?: string };
    faultPlace.value = place ?? null;
    said.value = { kind: 'error', say: () => t('refused', [error.message, remedy].filter(Boolean).join('. ')) };
    return;
  }
  said.value = { kind: 'error', say: () => explain(error) ?? '' };
}

function take({ revision, can_undo, can_redo, units: touched, features, metrics }: Applied): void {
  draft.value = { ...(draft.value as Draft), state: 'open', approval: null, revision, can_undo, can_redo, metrics };
  const next = new Map(units.value);
  for (const { level, code, change } of touched) {
    const known = next.get(code);
    if (level !== finest.value) continue;
    if (change === 'ended') next.delete(code);
    else if (known && (change === 'locked' || change === 'unlocked')) next.set(code, { ...known, properties: { ...known.properties, locked: change === 'locked' } });
  }
  for (const unit of features.features) if (unit.properties.level === finest.value) next.set(unit.properties.code, unit);
  units.value = next;
  chosen.value = new Set([...chosen.value].filter((code) => next.has(code)));
}
