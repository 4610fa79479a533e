// What was ruled about places on borders: which of it holds, and which has ended.
import { signal } from '@preact/signals';
import { type Schema, answered, client } from '../../api/client';

export type Ruling = Schema['BorderRulingView'];

export const rulings = signal<readonly Ruling[]>([]);

/** Whether those that have ended are shown too. */
export const showsEnded = signal(false);

export async function loadRulings(): Promise<void> {
  const query = showsEnded.value ? { all: true } : {};
  rulings.value = [...(await answered(client.GET('/v1/rulings', { params: { query } }))).rulings].sort((a, b) => (a.at < b.at ? 1 : -1));
}

export async function rule(body: Schema['RulingBody']): Promise<void> {
  await answered(client.POST('/v1/rulings', { body }));
  await loadRulings();
}

export async function endRuling(id: string): Promise<void> {
  await client.DELETE('/v1/rulings/{id}', { params: { path: { id } } });
  await loadRulings();
}

/** How far the border is from a place that is in doubt, and the units that it may be of, that which has it first; null where there is no doubt. */
export async function doubtAt(lon: number, lat: number, accuracyM?: number): Promise<{ units: { code: string; name: string }[]; distance_m: number } | null> {
  const answer = await answered(client.GET('/v1/locate', { params: { query: { lon, lat, ...(accuracyM && { accuracy_m: accuracyM }) } as never } }));
  if (!answer.ambiguous || !answer.grid) return null;
  return { units: [answer.grid, ...(answer.alternatives ?? []).map(({ code }) => ({ code, name: '' }))], distance_m: answer.distance_to_border_m ?? 0 };
}
