// Plans for the draft that is open: how even its units could be shared out, and what would change hands. A plan changes nothing until it is taken.
import { signal } from '@preact/signals';
import { createParser } from 'eventsource-parser';
import { address } from '../../api/address';
import { Refusal, refusal } from '../../api/client';
import { headers } from '../../api/key';
import type { Schema } from '../../api/client';
import { type Operation, apply, draft, sayRefusal, tell } from './draft';
import { t } from './words';

export type Plan = Schema['DraftBalance'];
export type Finding = Schema['FindingView'];

export type Wish = Schema['BalanceRequest'];

interface Looking {
  /** By which it is stopped; known as soon as the stream has begun. */
  run: string | null;
  done: number;
  steps: number;
  outside: number;
}

/** What stands in the way before anything is moved. */
export const foreseen = signal<Finding[]>([]);
export const looking = signal<Looking | null>(null);
export const plan = signal<Plan | null>(null);
export const planTrouble = signal<string | null>(null);

let listener: AbortController | null = null;

/** Has a plan looked for, and tells meanwhile how far it is. */
export async function look(wish: Wish): Promise<void> {
  const open = draft.value;
  if (!open) return;
  forget();
  const mine = (listener = new AbortController());
  looking.value = { run: null, done: 0, steps: 0, outside: 0 };
  try {
    const response = await fetch(address(`v1/drafts/${open.id}/balance`), {
      method: 'POST', signal: mine.signal, body: JSON.stringify(wish),
      headers: { Accept: 'text/event-stream', 'Content-Type': 'application/json', 'If-Match': `"${open.id}-${open.revision}"`, ...headers() },
    });
    if (!response.ok || !response.body) throw await refusal(response);
    const parser = createParser({ onEvent: ({ event, data }) => hear(event ?? '', data) });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) parser.feed(part.value);
  } catch (error) {
    if (mine.signal.aborted) return;
    // Where somebody else was quicker, that is told above and the draft loaded anew.
    if (error instanceof Refusal && error.status === 412) await tell(error);
    else planTrouble.value = sayRefusal(error);
  }
  if (listener !== mine) return;
  looking.value = null;
  planTrouble.value ??= plan.value || draft.value?.revision !== open.revision ? null : t('planBroken');
}

function hear(event: string, data: string): void {
  if (event === 'started') {
    const { run, findings } = JSON.parse(data) as { run: string; findings: Finding[] };
    foreseen.value = findings;
    looking.value = { run, done: 0, steps: 0, outside: 0 };
  } else if (event === 'progress') looking.value = { ...(looking.value as Looking), ...(JSON.parse(data) as Partial<Looking>) };
  else if (event === 'result') {
    const found = JSON.parse(data) as Plan;
    // Somebody drew meanwhile: what was found is of a draft that is no more.
    if (found.revision === draft.value?.revision) plan.value = found;
    else planTrouble.value = t('planOld');
  } else if (event === 'failed') planTrouble.value = (JSON.parse(data) as { detail: string }).detail;
}

/** Ends the looking; the best plan so far comes. */
export async function stop(): Promise<void> {
  const [open, run] = [draft.value, looking.value?.run];
  if (open && run) await fetch(address(`v1/drafts/${open.id}/balance/${run}`), { method: 'DELETE', headers: headers() });
}

/** Leaves what is looked for and what was found. */
export function forget(): void {
  listener?.abort();
  listener = null;
  [looking.value, plan.value, planTrouble.value, foreseen.value] = [null, null, null, []];
}

/** Makes the draft as the plan has it: one step, which can be taken back. */
export async function take(found: Plan): Promise<void> {
  if (found.operation && (await apply(found.operation as Operation))) forget();
}
