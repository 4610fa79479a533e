// The cases that are open, held whole and kept true by the stream.
import { computed, signal } from '@preact/signals';
import { address } from '../../api/address';
import { getJson } from '../../api/client';
import { type Line, listen } from '../../api/stream';
import { type Case, findCase } from '../../cases/act';
import { explain } from '../../parts/explain';

/** Cases on a page while they are loaded: the first are soon there, the rest need few questions. */
const PAGE = 1_000;

/** Cases that have changed and are asked for at once. */
const ASKED_AT_ONCE = 4;

/** How long changes are collected before the list is drawn anew, milliseconds. */
const COLLECT_MS = 120;

export const cases = signal<ReadonlyMap<string, Case>>(new Map());
export const line = signal<Line>('connecting');
export const isLoading = signal(false);
export const trouble = signal<(() => string) | null>(null);
/** The cases that moved last, to be seen in the list. */
export const touched = signal<string | null>(null);

export const open = computed(() => [...cases.value.values()].filter((one) => one.open));

/** Loads what is open and follows it until it is stopped. The line is opened first, so that nothing falls between. */
export function follow(): () => void {
  const stopped = new AbortController();
  const changed = new Set<string>();
  const stopListening = listen((event) => changed.add(event.id), (state) => (line.value = state));
  void load(stopped.signal);
  const timer = setInterval(() => void refresh(changed, stopped.signal), COLLECT_MS);
  return () => {
    stopped.abort();
    stopListening();
    clearInterval(timer);
  };
}

/** Puts one case in the stead of what was known of it. */
export function put(...fresh: Case[]): void {
  const next = new Map(cases.peek());
  for (const one of fresh) {
    if ((next.get(one.id)?.version ?? -1) <= one.version) next.set(one.id, one);
  }
  cases.value = next;
}

async function load(signal: AbortSignal): Promise<void> {
  isLoading.value = true;
  try {
    for (let next: string | null = address(`v1/incidents?open=true&limit=${PAGE}`); next && !signal.aborted; ) {
      const page: { incidents: Case[]; next: string | null } = await getJson(next, signal);
      put(...page.incidents);
      next = page.next && address(`v1/incidents${new URL(page.next).search}`);
    }
    trouble.value = null;
  } catch (error) {
    if (!signal.aborted) trouble.value = () => explain(error) ?? '';
  } finally {
    isLoading.value = false;
  }
}

let isRefreshing = false;

async function refresh(changed: Set<string>, signal: AbortSignal): Promise<void> {
  if (isRefreshing || changed.size === 0) return;
  isRefreshing = true;
  const ids = [...changed];
  changed.clear();
  try {
    for (let at = 0; at < ids.length && !signal.aborted; at += ASKED_AT_ONCE) {
      const found = await Promise.all(ids.slice(at, at + ASKED_AT_ONCE).map((id) => findCase(id, signal).catch(() => null)));
      put(...found.filter((one) => one !== null));
    }
    touched.value = ids.at(-1) ?? null;
  } finally {
    isRefreshing = false;
  }
}
