// What the board shows, asked for by period and kind of group.
import { signal } from '@preact/signals';
import { type Schema, answered, client } from '../../api/client';
import { explain } from '../../parts/explain';

export type Indicators = Schema['IndicatorsView'];
export type By = 'street' | 'community' | 'grid' | 'department' | 'worker';

export interface Period {
  from: string;
  to: string;
  by: By;
}

/** Months of a trend, the last being that in which the period ends. */
const TREND_MONTHS = 6;

export const period = signal<Period>({ ...lastMonth(new Date()), by: 'street' });
export const indicators = signal<Indicators | null>(null);
/** What the indicators that are shown were asked for; the period may have been chosen anew since. */
export const shownPeriod = signal<Period | null>(null);
export const trend = signal<{ month: string; answer: Indicators }[]>([]);
export const costs = signal<Schema['CostsView'] | null>(null);
export const alarms = signal<Schema['AlarmList'] | null>(null);
export const trouble = signal<(() => string) | null>(null);
export const isLoading = signal(false);

/** The whole calendar month before a day. */
export function lastMonth(today: Date): { from: string; to: string } {
  const first = (months: number): string => isoDay(new Date(Date.UTC(today.getFullYear(), today.getMonth() + months, 1)));
  return { from: first(-1), to: first(0) };
}

function isoDay(date: Date): string {
  return date.toISOString().slice(0, 10);
}

function queryOf({ from, to, by }: Period) {
  const isUnit = by !== 'department' && by !== 'worker';
  return { from, to, by: isUnit ? 'unit' : by, ...(isUnit && { level: by }) };
}

/** The address of the same numbers in another form. */
export function addressOf(wanted: Period, form: 'csv' | 'report'): string {
  return `v1/indicators?${new URLSearchParams({ ...queryOf(wanted), f: form } as Record<string, string>)}`;
}

/** Which time of asking is the last: what comes late for another period is not shown. */
let asking = 0;

/** Asks for the numbers of the period, then for what stands beside them. */
export async function load(): Promise<void> {
  const wanted = period.value;
  const own = ++asking;
  const isLast = (): boolean => own === asking;
  isLoading.value = true;
  trouble.value = null;
  try {
    const found = await answered(client.GET('/v1/indicators', { params: { query: queryOf(wanted) as never } }));
    if (isLast()) [indicators.value, shownPeriod.value] = [found, wanted];
  } catch (error) {
    if (isLast()) trouble.value = () => explain(error) ?? '';
  }
  if (!isLast()) return;
  isLoading.value = false;
  void loadTrend(wanted, isLast);
  const { from, to, by } = wanted;
  const level = by === 'department' || by === 'worker' ? 'street' : by;
  answered(client.GET('/v1/costs', { params: { query: { from, to, level } as never } })).then((found) => isLast() && (costs.value = found), () => isLast() && (costs.value = null));
  answered(client.GET('/v1/alarms', { params: { query: { limit: 100 } } })).then((found) => isLast() && (alarms.value = found), () => isLast() && (alarms.value = null));
}

async function loadTrend({ to }: Period, isLast: () => boolean): Promise<void> {
  trend.value = [];
  const last = new Date(`${to}T00:00:00Z`);
  for (let back = TREND_MONTHS; back > 0; back -= 1) {
    const month = (by: number): string => isoDay(new Date(Date.UTC(last.getUTCFullYear(), last.getUTCMonth() - back + by, 1)));
    const found = await answered(client.GET('/v1/indicators', { params: { query: { from: month(0), to: month(1), by: 'department' } as never } })).catch(() => null);
    if (!isLast()) return;
    if (found) trend.value = [...trend.value, { month: month(0).slice(0, 7), answer: found }];
  }
}
