// The draft that is open: what the service says of it, and the moves that change it. Nothing is changed here that the service has not taken.
import { computed, signal } from '@preact/signals';
import type { Feature, FeatureCollection, Geometry } from 'geojson';
import { address } from '../../api/address';
import { Refusal, getJson, refusal } from '../../api/client';
import { headers } from '../../api/key';
import { interpreter } from '../../i18n/phrases';
import { detailOf, explain } from '../../parts/explain';
import { words as sentences } from './sentences/words';
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

/** How often a draft is read anew at most that others change while its pages come. */
const READS_MAX = 3;

export const draft = signal<Draft | null>(null);
export const units = signal<ReadonlyMap<string, Unit>>(new Map());
export const chosen = signal<ReadonlySet<string>>(new Set());
export const parents = signal<{ code: string; name: string }[]>([]);
/** How many units are shown while others are still to come; null where all have come. */
export const loaded = signal<number | null>(null);
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

/** What was begun last, so that what comes of anything before it is left aside. */
let reading = 0;
let opened: Promise<void> = Promise.resolve();

export const interpret = interpreter(sentences);

/** What steps did, in the language of the page. */
function told(summary: string): string {
  return summary.split('; ').map((step) => interpret(step) ?? step).join(t('comma'));
}

/** Opens a draft with all its finest units and the parents to which they may go. */
export function openDraft(id: string): Promise<void> {
  opened = readDraft(id);
  return opened;
}

/** Ends once all units of the draft have come. */
export const whenOpened = (): Promise<void> => opened;

export function closeDraft(): void {
  reading += 1;
  [draft.value, units.value, loaded.value] = [null, new Map(), null];
}

async function readDraft(id: string): Promise<void> {
  const own = (reading += 1);
  const isLate = (): boolean => own !== reading;
  said.value = null;
  try {
    let found = await getJson<Draft>(address(`v1/drafts/${id}`));
    for (let read = 1; !isLate(); read += 1) {
      [draft.value, chosen.value, loaded.value] = [found, new Set(), 0];
      const all: Unit[] = [];
      for await (const page of pages(id, finest.value)) {
        if (isLate()) return;
        all.push(...page);
        [loaded.value, units.value] = [all.length, new Map(all.map((unit) => [unit.properties.code, unit]))];
      }
      const coarser: Unit[] = [];
      if (above.value) for await (const page of pages(id, above.value)) coarser.push(...page);
      if (isLate()) return;
      parents.value = coarser.map(({ properties: { code, name } }) => ({ code, name }));
      // Pages of two revisions are no draft that there ever was.
      const revision = found.revision;
      if (all.length > UNITS_MAX) found = await getJson<Draft>(address(`v1/drafts/${id}`));
      if (found.revision === revision || read >= READS_MAX) break;
    }
  } catch (error) {
    if (!isLate()) said.value = { kind: 'error', say: () => explain(error) ?? '' };
  } finally {
    if (!isLate()) loaded.value = null;
  }
}

/** All units of a level, page by page. */
async function* pages(id: string, level: string): AsyncGenerator<Unit[]> {
  for (let after = ''; ; ) {
    const query = new URLSearchParams({ level, limit: String(UNITS_MAX), ...(after && { after }) });
    const page = await getJson<FeatureCollection<Geometry, UnitProperties> & { has_more: boolean }>(address(`v1/drafts/${id}/units?${query.toString()}`));
    yield page.features;
    const last = page.features.at(-1);
    if (!page.has_more || !last) return;
    after = last.properties.code;
  }
}

/** Asks the service to change the draft. Answers whether it did. */
export async function apply(...operations: Operation[]): Promise<boolean> {
  return change('POST', 'operations', operations.length === 1 ? operations[0] : operations);
}

export const undo = (): Promise<boolean> => change('DELETE', 'operations/last');
export const redo = (): Promise<boolean> => change('POST', 'operations/redo');

let isBusy: Promise<unknown> = Promise.resolve();

/** Changes wait for each other, as each needs the revision that the one before has made, and for the units that are still to come. */
function change(method: string, path: string, body?: unknown): Promise<boolean> {
  const next = isBusy.then(whenOpened).then(() => changeNow(method, path, body));
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
    said.value = { kind: 'done', say: () => t('stroke', told(applied.summary), took) };
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
  if (error instanceof Refusal) faultPlace.value = (error.problem as { place?: Geometry | null }).place ?? null;
  said.value = { kind: 'error', say: () => sayRefusal(error) };
}

/** Says why something was refused, and what can be done instead. */
export function sayRefusal(error: unknown): string {
  if (!(error instanceof Refusal)) return explain(error) ?? '';
  const { remedy, type } = error.problem as { remedy?: string; type?: string };
  // What can be done stands at the end of what is wrong too.
  const detail = remedy ? error.message.replace(`; ${remedy}`, '') : error.message;
  // The name of this kind is what the sentence begins with anyway.
  const isNamed = type?.endsWith(':edit-refused');
  return t('refused', [interpret(detail) ?? (isNamed ? detail : detailOf(error)), remedy && (interpret(remedy) ?? remedy)].filter(Boolean).join(t('fullStop')));
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
  const left = [...chosen.value].filter((code) => next.has(code));
  if (left.length < chosen.value.size) chosen.value = new Set(left);
}
