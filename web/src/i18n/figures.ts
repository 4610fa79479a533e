// Lengths, times and counts as people say them.
import { locale } from './language';

export function metres(value: number): string {
  if (value < 10) return `${value.toFixed(1)} m`;
  return value < 1000 ? `${Math.round(value)} m` : `${(value / 1000).toFixed(1)} km`;
}

export function count(value: number): string {
  return value.toLocaleString(locale());
}

export function percent(value: number): string {
  return value.toLocaleString(locale(), { style: 'percent', maximumFractionDigits: 1 });
}

/** Several things in a row: “2, 3 and 4”, “2、3和4”. */
export function listed(things: readonly string[]): string {
  return new Intl.ListFormat(locale()).format(things);
}

/** A day and a time of day, on the clock of who reads it. */
export function moment(time: string): string {
  return new Date(time).toLocaleString(locale(), { year: 'numeric', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' });
}

export function day(time: string): string {
  return new Date(time).toLocaleDateString(locale(), { year: 'numeric', month: 'short', day: 'numeric' });
}

/** How far off a moment is, in the largest unit that fits: “in 3 hours”, “2 天前”. */
export function fromNow(time: string, now: number): string {
  const seconds = (Date.parse(time) - now) / 1000;
  const steps: [Intl.RelativeTimeFormatUnit, number][] = [['day', 86_400], ['hour', 3_600], ['minute', 60]];
  const [unit, size] = steps.find(([, size]) => Math.abs(seconds) >= size) ?? (['minute', 60] as const);
  return new Intl.RelativeTimeFormat(locale(), { numeric: 'auto' }).format(Math.trunc(seconds / size), unit);
}
