// Which of the cases are listed, and in which order.
import { computed, signal } from '@preact/signals';
import type { Bounds } from '../../map/geometry';
import { now } from '../../parts/now';
import type { Case } from '../../cases/act';
import { open } from './cases';

export interface Filter {
  state: string;
  department: string;
  category: string;
  grid: string;
  onlyLate: boolean;
  order: 'due' | 'new';
  /** What the map shows, where only that is wanted. */
  bounds: Bounds | null;
}

export const NO_FILTER: Filter = { state: '', department: '', category: '', grid: '', onlyLate: false, order: 'due', bounds: null };

export const filter = signal<Filter>(NO_FILTER);

export function isLate(one: Case, at: number): boolean {
  return one.overdue || (one.due_at != null && Date.parse(one.due_at) < at);
}

export function isTask(state: string): boolean {
  return state === 'waiting' || state === 'accepted';
}

function passes(one: Case, wanted: Filter, at: number): boolean {
  const { lon, lat } = one.position;
  return (
    (wanted.state === '' || one.state === wanted.state) &&
    (wanted.category === '' || one.category.split(':')[0] === wanted.category) &&
    (wanted.grid === '' || (one.grid ?? '').startsWith(wanted.grid)) &&
    (wanted.department === '' || one.tasks.some((task) => task.department === wanted.department && isTask(task.state))) &&
    (!wanted.onlyLate || isLate(one, at)) &&
    (wanted.bounds === null || (lon >= wanted.bounds[0] && lat >= wanted.bounds[1] && lon <= wanted.bounds[2] && lat <= wanted.bounds[3]))
  );
}

const LAST = '9999';

export const listed = computed(() => {
  const wanted = filter.value;
  const found = open.value.filter((one) => passes(one, wanted, now.value));
  const key = wanted.order === 'due' ? (one: Case) => one.due_at ?? LAST + one.reported_at : (one: Case) => one.reported_at;
  const sign = wanted.order === 'due' ? 1 : -1;
  return found.map((one) => ({ one, key: key(one) })).sort((a, b) => (a.key < b.key ? -sign : a.key > b.key ? sign : 0)).map(({ one }) => one);
});

/** What can be filtered by, of what is open. */
export const choices = computed(() => {
  const [states, categories, departments] = [new Map<string, number>(), new Map<string, number>(), new Map<string, { name: string; count: number }>()];
  for (const one of open.value) {
    if (one.state) states.set(one.state, (states.get(one.state) ?? 0) + 1);
    const category = one.category.split(':')[0] ?? '';
    categories.set(category, (categories.get(category) ?? 0) + 1);
    for (const task of one.tasks) {
      if (isTask(task.state)) departments.set(task.department, { name: task.name, count: (departments.get(task.department)?.count ?? 0) + 1 });
    }
  }
  return { states, categories, departments };
});

/** The departments that have cases, by id. */
export const names = computed(() => new Map([...choices.value.departments].map(([id, { name }]) => [id, name])));
